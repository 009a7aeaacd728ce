"""The access log: a line for each answer, and for each request that got none."""

import time
from typing import Any

from waitress.utilities import RequestHeaderFieldsTooLarge

from carboy.log_file import LogFile
from carboy.log_format import Entry, Fields, Format


class AccessLog:
    """Lines of one format in one file."""

    def __init__(self, layout: Format, file: LogFile) -> None:
        self.file = file
        self._line, self._write = layout.line, file.write

    def record(self, *answers: Fields) -> None:
        """Write answers down: each an `Entry`, or a tuple of its fields."""
        self._write(*map(self._line, answers))


def describe(task: Any, seconds: float) -> Fields:
    """Return the fields of the entry for an answer of the application."""
    environ = task.environ
    header = task.request.headers.get
    return (
        # Behind a trusted proxy it is the client's.
        environ.get("REMOTE_ADDR") or task.channel.addr[0],
        environ.get("REMOTE_USER") or "",
        task.start_time,
        task.request.first_line.decode("latin-1"),
        task.status[:3],
        task.content_bytes_written or size_of_file(task.channel),
        header("REFERER", ""),
        header("USER_AGENT", ""),
        task.request.request_id,
        seconds,
        "",
    )


def describe_refusal(channel: Any, request: Any, status: str, why: str) -> Entry:
    """Return the entry for a request, whole or not, that no application was asked about."""
    headers = request.headers if request else {}
    return Entry(
        address=channel.addr[0],
        user="",
        time=time.time(),
        request=request_line(request),
        status=status[:3],
        size=0,
        referer=headers.get("REFERER", ""),
        agent=headers.get("USER_AGENT", ""),
        identifier=getattr(request, "request_id", ""),
        seconds=0.0,
        refused=why,
    )


def size_of_file(channel: Any) -> int:
    """Return the size of the file that the channel was given to send, 0 if there was none."""
    size: int = channel.file_size
    if size:
        channel.file_size = 0
    return size


def request_line(request: Any) -> str:
    """Return as much of a request line as has come; "" if nothing has."""
    if request is None:
        return ""
    line = getattr(request, "first_line", b"")
    # waitress invents a line for what is too large to look at.
    if not line or isinstance(request.error, RequestHeaderFieldsTooLarge):
        line = request.header_plus.lstrip().partition(b"\r\n")[0]
    return str(line.decode("latin-1"))
