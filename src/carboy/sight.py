"""The observer of a worker that serves: names requests, counts them, writes them down."""

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

from waitress.channel import ClientDisconnected

from carboy import request_id
from carboy.access_log import AccessLog, describe, describe_refusal
from carboy.figures import Figures
from carboy.log_file import LogFile
from carboy.log_format import Combined, Entry, Format, Json, Short
from carboy.observer import Observer
from carboy.proxies import Trusted

# The client left before its answer began; NGINX has this code for it.
STATUS_LEFT = "499"
# So many answers are counted and written at a time. One by one costs twice as much: the
# application has each time driven the code for it out of the processor's caches.
BATCH = 32

_logger = logging.getLogger("carboy")


class Sight(Observer):
    """Gives each request its id, counts its answer and logs it.

    Called around every answer: it takes no lock there but once in a batch, and never waits.
    """

    def __init__(
        self, *, log: AccessLog | None = None, trusts: Callable[[str], bool] | None = None
    ) -> None:
        self._figures = Figures()
        self._log = log
        self._ids = request_id.Ids(trusts)
        self._name = self._ids.of
        # Answers that are neither counted nor written: method, status, seconds and entry.
        self._pending: deque[tuple[str, str, float | None, Any]] = deque()
        self._lock = threading.Lock()
        if log:
            log.file.source = self._digest

    # -- around every answer ------------------------------------------------------------------

    def begin(self, task: Any) -> None:
        """Notice that an answer begins."""
        task.request.request_id = identifier = self._name(task)
        request_id.set_current(identifier)

    def enter(self, task: Any, environ: dict[str, Any]) -> None:
        """Tell the application the id of its request, also where it may look for it already."""
        environ["carboy.request_id"] = environ["HTTP_X_REQUEST_ID"] = task.request.request_id

    def end(self, task: Any) -> None:
        """Notice that an answer has ended, well or not."""
        try:
            request = task.request
            if task.wrote_header and request.error is None:
                # Not the monotonic clock: to read one is dear enough, and waitress has read this.
                if (seconds := time() - task.start_time) < 0:
                    seconds = 0.0
                entry = describe(task, seconds) if self._log is not None else None
                # As in _note().
                pending = self._pending
                pending.append((request.command, task.status, seconds, entry))
                if len(pending) >= BATCH:
                    self._digest()
                elif entry is not None and not self._log.file.is_awake:  # type: ignore[union-attr]
                    self._log.file.wake()  # type: ignore[union-attr]
            else:
                self._end_oddly(task)
        except Exception:  # what is seen must not change what is served
            _logger.exception("while observing %r", task)
        request_id.set_current("")

    # -- what is rare ---------------------------------------------------------------------------

    def _end_oddly(self, task: Any) -> None:
        if task.wrote_header:
            # An answer that waitress has made; after an error, for the request that failed.
            request = next(iter(task.channel.requests), task.request)
            why = str(request.error.body) if request is task.request else ""
            self._note_without_application(task, request, task.status, why)
        elif isinstance(sys.exception(), ClientDisconnected):
            self._note_without_application(task, task.request, STATUS_LEFT, "")
        # Of any other error waitress makes an answer, a task of its own.

    def _note_without_application(self, task: Any, request: Any, status: str, why: str) -> None:
        seconds = time() - task.start_time
        entry = describe_refusal(task.channel, request, status, why)._replace(
            time=task.start_time, size=task.content_bytes_written, seconds=max(seconds, 0.0)
        )
        self._note(request, entry, seconds)

    def refused(self, channel: Any, reason: str, status: int) -> None:
        """Notice that a request was turned away without a task, or is cut off by the end."""
        request = channel.requests[0] if channel.requests else channel.request
        entry = describe_refusal(channel, request, f"{status:03d}", reason)
        if not entry.identifier:
            entry = entry._replace(identifier=self._ids.make())
        self._note(request, entry, None)

    def _note(self, request: Any, entry: Entry, seconds: float | None) -> None:
        method = getattr(request, "command", None) or "OTHER"
        self._pending.append((method, entry.status, seconds, entry))
        if self._log:
            self._log.file.wake()

    # -- in batches -----------------------------------------------------------------------------

    def _digest(self) -> None:
        """Count and write what is pending; by any thread."""
        with self._lock:
            take = self._pending.popleft
            batch = [take() for _ in range(len(self._pending))]
            self._figures.add(batch)
            if self._log is not None and batch:
                self._log.record(*[entry for _method, _status, _seconds, entry in batch])

    def snapshot(self) -> dict[str, Any]:
        """Return the figures and, as `log_lost`, how many lines could not be written."""
        self._digest()
        with self._lock:
            found = self._figures.snapshot()
        return found | {"log_lost": self._log.file.lost if self._log else 0}

    def reopen(self) -> None:
        """Open the log file anew: it has been moved."""
        if self._log:
            self._log.file.reopen()

    def close(self) -> None:
        """Write down what is still in memory."""
        if self._log:
            self._log.file.close()


def make_observer(options: Any, *, root: Path) -> Observer:
    """Return the observer that the server options ask for.

    A relative `access_log` begins at `root`. Raises `LogError` if the file cannot be opened, and
    `UserError` for a `trusted_proxy` that is none.
    """
    trusted = Trusted(options.trusted_proxy)
    trusts = trusted.__contains__ if trusted else None
    if options.access_log == "off":
        return Sight(trusts=trusts)
    path = None if options.access_log == "-" else root / options.access_log
    return Sight(log=AccessLog(_layout(options.log_format, path), LogFile(path)), trusts=trusts)


def _layout(name: str, path: Path | None) -> Format:
    if name == "short":
        is_terminal = path is None and sys.stdout is not None and sys.stdout.isatty()
        return Short(colour=is_terminal and not os.environ.get("NO_COLOR"))
    return Json(os.getpid()) if name == "json" else Combined(os.getpid())
