"""A request's body in chunks (RFC 9112, 7.1), read more strictly than waitress reads it."""

import re
from typing import Any

from waitress.utilities import BadRequest

# A chunk's size and its extensions, which nobody understands here.
MAX_LINE = 4096

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*+"'
_SIZE = re.compile(
    rb"(?P<size>[0-9A-Fa-f]{1,16})(?:;%b(?:=(?:%b|%b))?)*+" % (_TOKEN, _TOKEN, _QUOTED)
)
_TRAILER = re.compile(_TOKEN + rb":[\t\x20-\x7e\x80-\xff]*+")


class ChunkedBody:
    """Takes chunks apart as they come; what a parser of waitress wants of a receiver.

    A line ends with CR LF: one that ends with LF alone, which a proxy may read otherwise, is
    refused, and so is an endless one. Trailers are looked at and left out.
    """

    completed = False
    error: BadRequest | None = None

    def __init__(self, buf: Any, max_trailer: int) -> None:
        self._buf = buf
        self._max_trailer = max_trailer
        self._line = b""  # the beginning of one that is not complete
        self._remain = 0  # of the chunk's data
        self._step = self._read_size

    def __len__(self) -> int:
        return int(self._buf.__len__())

    def getbuf(self) -> Any:
        """Return the buffer with the data."""
        return self._buf

    def getfile(self) -> Any:
        """Return the data as a file."""
        return self._buf.getfile()

    def received(self, data: bytes) -> int:
        """Take the next piece; return how much of it belongs to the body."""
        at = 0
        while at < len(data) and not self.completed and self.error is None:
            at = self._step(data, at)
        return at

    def _read_size(self, data: bytes, at: int) -> int:
        line, at = self._take_line(data, at, MAX_LINE)
        if line is None:
            return at
        match = _SIZE.fullmatch(line)
        if match is None:
            self._refuse("Invalid chunk size or extension")
        elif remain := int(match["size"], 16):
            self._remain, self._step = remain, self._read_data
        else:
            self._step = self._read_trailer
        return at

    def _read_data(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._remain]
        self._buf.append(piece)
        self._remain -= len(piece)
        if not self._remain:
            self._step = self._read_end
        return at + len(piece)

    def _read_end(self, data: bytes, at: int) -> int:
        line, at = self._take_line(data, at, 0)
        if line == b"":
            self._step = self._read_size
        elif line is not None:
            self._refuse("Chunk not properly terminated")
        return at

    def _read_trailer(self, data: bytes, at: int) -> int:
        line, at = self._take_line(data, at, self._max_trailer)
        if line == b"":
            self.completed = True
        elif line is not None:
            self._max_trailer -= len(line)
            if not _TRAILER.fullmatch(line):
                self._refuse("Invalid trailer")
        return at

    def _take_line(self, data: bytes, at: int, limit: int) -> tuple[bytes | None, int]:
        """Return the line without its end, None if it is not complete, and where it ends."""
        end = data.find(b"\n", at, at + limit + 2) + 1
        line = self._line + data[at : end or at + limit + 2]
        at = end or min(at + limit + 2, len(data))
        self._line = b"" if end else line
        if end and line.endswith(b"\r\n") and len(line) <= limit + 2:
            return line[:-2], at
        if end or len(line) > limit + 1:
            self._refuse("Line of a chunked body is too long or does not end with CR LF")
        return None, at

    def _refuse(self, why: str) -> None:
        self.error = BadRequest(why)
