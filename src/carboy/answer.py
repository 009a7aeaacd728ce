"""How an answer is written: its header, its body, and whether the connection outlives it.

waitress closes the connection after an answer in chunks and after one that cannot have a body, and
sends a body after HEAD if the application makes one. Here the connection stays open wherever its
end is certain (RFC 9112, 9.3), and nothing is sent that a client would take for the next answer.
All other answers are waitress's, byte for byte.
"""

from collections.abc import Iterator
from functools import lru_cache
from operator import itemgetter

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.task import Task
from waitress.utilities import build_http_date

_by_name = itemgetter(0)


class Unsent(ReadOnlyFileBasedBuffer):  # type: ignore[misc]
    """What `wsgi.file_wrapper` is for HEAD: a file of which nothing is read, only closed."""

    def prepare(self, _size: int | None = None) -> int:
        """Let waitress iterate instead of sending the file past `Answer.write`."""
        return 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(())


class Answer(Task):  # type: ignore[misc]
    """A task that sends small answers in one piece, and lets connections live."""

    wrote_header = False
    # Nothing is left to send for `finish`.
    is_finished = False
    response_headers: list[tuple[str, str]]
    content_length: int | None = None
    # False while waitress may be about to send a file, past `write`.
    _is_plain = False
    # A header without Content-Length is written.
    _is_unmeasured = False

    def write(self, data: bytes) -> None:
        """Send a part of the body, after the header if this is the first."""
        if data and self.request.command == "HEAD":
            data, self._is_plain = b"", True
        if not self.wrote_header and self._is_whole(data):
            self._write_whole(data)
            return
        self._is_plain = self._is_plain or bool(data)
        if self._is_unmeasured:  # waitress learns the length of a part when it is too late
            self.content_length = None
        super().write(data)
        if self.content_length is None and self.has_body:  # else waitress has counted
            self.content_bytes_written += len(data)

    def _is_whole(self, data: bytes) -> bool:
        """Return whether `data` is all of the body, and of the length that was announced."""
        is_known = self.complete and self.content_length == len(data)
        return is_known and bool(data) and self.has_body

    def _write_whole(self, data: bytes) -> None:
        header = self.build_response_header()
        self.wrote_header = self.is_finished = True
        self.content_bytes_written = len(data)
        self.channel.write_whole(header + data)

    def finish(self) -> None:
        """Send what is still missing of an answer that is made."""
        self._is_plain = True
        super().finish()

    def build_response_header(self) -> bytes:
        """Return the header; decides whether the connection outlives the answer."""
        has_body = self.has_body
        headers = [
            (named, value)
            for name, value in self.response_headers
            if (named := _named(name)) != "Content-Length" or has_body
        ]
        self.response_headers = headers
        given = dict(headers)
        is_measured = "Content-Length" in given
        if not is_measured and has_body and self.content_length is not None:
            headers.append(("Content-Length", str(self.content_length)))
            is_measured = True
        self._choose_end(is_measured, has_body)
        ident = self.channel.server.adj.ident
        if "Server" in given:
            headers.append(("Via", ident or "waitress"))
        elif ident:
            headers.append(("Server", ident))
        name = self.request.request_id
        if name and "X-Request-Id" not in given:
            headers.append(("X-Request-Id", name))
        if "Date" not in given:
            headers.append(("Date", _date(int(self.start_time))))
        headers.sort(key=_by_name)  # stable: what has one name keeps its order
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
        return f"HTTP/{self.version} {self.status}\r\n{lines}\r\n".encode("latin-1")

    def _choose_end(self, is_measured: bool, has_body: bool) -> None:
        """Settle by what the client will see that the answer is over."""
        request = self.request
        self._is_unmeasured = has_body and not is_measured
        if self.version == "1.0":
            if is_measured and not request.connection_close and not self.close_on_finish:
                self.response_headers.append(("Connection", "Keep-Alive"))
            else:
                self.set_close_on_finish()
            return
        if self._is_unmeasured:
            self.response_headers.append(("Transfer-Encoding", "chunked"))
            self.chunked_response = request.command != "HEAD"
        # A file goes out whatever the status says: then the connection must not go on.
        if request.connection_close or not (has_body or self._is_plain):
            self.set_close_on_finish()


@lru_cache(maxsize=1024)
def _named(name: str) -> str:
    named = "-".join([part.capitalize() for part in name.split("-")])
    if named == "Trailer":  # waitress refuses a misspelt one
        raise AssertionError(f'{name} is a "hop-by-hop" header (see PEP 3333)')
    return named


@lru_cache(maxsize=4)
def _date(when: int) -> str:
    return str(build_http_date(when))
