"""How an answer is written into the access log: in one of three formats, and never forged.

Names, targets and headers come from strangers: whatever could end a line, end a quotation, or
speak to a terminal is written as an escape.
"""

import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

from carboy.log_file import LONGEST

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
# Of a line that would be too long, each text keeps so many characters.
_CUT = {"address": 45, "user": 64, "request": 1200, "referer": 600, "agent": 400, "refused": 80}
_PLAIN = re.compile(r"[ -\[\]-~]*").fullmatch  # ASCII that shows, without the backslash
_WORD = re.compile(r"[!#-\[\]-~]+").fullmatch  # and without space and quote
_FORBIDDEN = re.compile(r"[^ !#-\[\]-~]")


class Entry(NamedTuple):
    """What is known of one answer; texts as waitress has them, a character for each byte.

    Where every request passes, a bare tuple of these fields stands for it: that is cheaper.
    """

    address: str
    user: str
    time: float  # when it began, in seconds since 1970
    request: str  # the request line
    status: str  # three digits; 000 if not all was answered
    size: int  # bytes of the body
    referer: str
    agent: str
    identifier: str
    seconds: float
    refused: str = ""  # why, if the application was not asked


Fields = tuple[Any, ...]


class Clock:
    """Writes times by a function that is called once for each second."""

    def __init__(self, write: Callable[[time.struct_time], str]) -> None:
        self._write = write
        self._last = (0, "")

    def __call__(self, moment: float) -> str:
        """Return the text for a moment, in seconds since 1970."""
        second, text = self._last
        if second != int(moment):
            second = int(moment)
            text = self._write(time.localtime(second))
            # One assignment: another thread sees both or neither.
            self._last = (second, text)
        return text


class Format(ABC):
    """Turns entries into lines.

    The line is made as if there were nothing to escape, and looked over as a whole: that is
    cheaper than to look at each text. Only one that looks odd is made a second time.
    """

    quotes: int  # how many a line has by itself

    def line(self, fields: Fields) -> str:
        """Return the line for an entry, without newline: ASCII, at most `LONGEST` characters."""
        line = self.arrange(fields)
        if _PLAIN(line) and line.count('"') == self.quotes and len(line) <= LONGEST:
            return line
        return self.careful_line(Entry(*fields))

    def careful_line(self, entry: Entry) -> str:
        """Return the line for an entry that has something to escape, or too much text."""
        line = self.arrange(self.escaped(entry))
        return line if len(line) <= LONGEST else self.arrange(self.escaped(entry, is_cut=True))

    @abstractmethod
    def arrange(self, fields: Fields) -> str:
        """Return the line for an entry whose texts need no escape."""

    def escape(self, text: str) -> str:
        """Return `text` in printable ASCII, harmless between quotes."""
        return _FORBIDDEN.sub(_in_hexadecimal, text)

    def escaped(self, entry: Entry, *, is_cut: bool = False) -> Entry:
        """Return the entry with its texts escaped, and shortened if it `is_cut`."""
        texts: dict[str, Any] = {}
        for name, most in _CUT.items():
            text = getattr(entry, name)
            texts[name] = self._shorten(text, most) if is_cut else self.escape(text)
        return entry._replace(**texts)

    def _shorten(self, text: str, most: int) -> str:
        escaped = self.escape(text)
        if len(escaped) <= most:
            return escaped
        # An escape must not be cut in two: six characters are the longest.
        return self.escape(text[: most if escaped == text else most // 6]) + "..."


def _in_hexadecimal(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    data = bytes([code]) if code < 256 else character.encode("utf-8", "surrogatepass")
    return "".join(f"\\x{byte:02x}" for byte in data)


class Combined(Format):
    """The combined format of Apache and NGINX, then request id, seconds and worker."""

    quotes = 6

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._clock = Clock(_as_in_common_logs)

    def line(self, fields: Fields) -> str:
        """Return the line for an entry; what stands without quotes has no spaces."""
        if " " in fields[0] or " " in fields[1]:
            return self.careful_line(Entry(*fields))
        return super().line(fields)

    def escaped(self, entry: Entry, *, is_cut: bool = False) -> Entry:
        """Return the entry with its texts escaped."""
        found = super().escaped(entry, is_cut=is_cut)
        address, user = (text.replace(" ", "\\x20") for text in (found.address, found.user))
        return found._replace(address=address, user=user)

    def arrange(self, fields: Fields) -> str:
        """Return the line for an entry whose texts need no escape."""
        address, user, moment, request, status, size, referer, agent, name, seconds, _ = fields
        return (
            f'{address or "-"} - {user or "-"} [{self._clock(moment)}] "{request or "-"}" '
            f'{status} {size} "{referer or "-"}" "{agent or "-"}" '
            f"{name or '-'} {seconds:.6f} {self._worker}"
        )


def _as_in_common_logs(moment: time.struct_time) -> str:
    # Not strftime: the month's name must not depend on what locale an application sets.
    return time.strftime(f"%d/{_MONTHS[moment.tm_mon - 1]}/%Y:%H:%M:%S %z", moment)


class Json(Format):
    """One JSON object (RFC 8259) in each line."""

    quotes = 48

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._clock = Clock(lambda moment: time.strftime("%Y-%m-%dT%H:%M:%S", moment))
        self._zone = Clock(_zone)

    def arrange(self, fields: Fields) -> str:
        """Return the line for an entry whose texts need no escape."""
        address, user, moment, request, status, size, referer, agent, name, seconds, why = fields
        method, _, rest = request.partition(" ")
        target = rest.rpartition(" HTTP/")[0] or rest
        clock = f"{self._clock(moment)}.{int(moment % 1 * 1000):03d}{self._zone(moment)}"
        return (
            f'{{"time": "{clock}", "client": "{address}", "user": "{user}", '
            f'"request": "{request}", "method": "{method}", "path": "{target.partition("?")[0]}", '
            f'"status": {int(status) if status.isdecimal() else 0}, "bytes": {size}, '
            f'"referer": "{referer}", "agent": "{agent}", "id": "{name}", '
            f'"seconds": {seconds:.6f}, "worker": {self._worker}, "refused": "{why}"}}'
        )

    def escape(self, text: str) -> str:
        """Return `text`, as UTF-8 where it is, in ASCII as JSON has it between quotes."""
        try:
            data = text.encode("latin-1")
        except UnicodeEncodeError:  # no bytes of a header: the application has put it there
            data = text.encode("utf-8", "backslashreplace")
        return json.dumps(data.decode("utf-8", "backslashreplace"))[1:-1]


def _zone(moment: time.struct_time) -> str:
    digits = time.strftime("%z", moment)
    return f"{digits[:3]}:{digits[3:]}"


class Short(Format):
    """A few words for a person at a terminal; `colour` for one that shows colours."""

    quotes = 0

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._clock = Clock(lambda moment: time.strftime("%H:%M:%S", moment))

    def line(self, fields: Fields) -> str:
        """Return the line for an entry, with the colour of its status."""
        line = super().line(fields)
        if not self._colour:
            return line
        clock, _, rest = line.partition(" ")
        return f"\x1b[2m{clock}\x1b[0m \x1b[{_colour_of(fields[4])}m{rest}\x1b[0m"

    def arrange(self, fields: Fields) -> str:
        """Return the line for an entry whose texts need no escape."""
        _, _, moment, request, status, _, _, _, _, seconds, why = fields
        what = request.rpartition(" HTTP/")[0] or request or "-"
        reason = f" ({why})" if why else ""
        return f"{self._clock(moment)} {what} {status} {seconds * 1000:.0f} ms{reason}"


def _colour_of(status: str) -> str:
    return {"2": "32", "3": "36", "4": "33"}.get(status[:1], "31")
