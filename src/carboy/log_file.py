"""A file of log lines that many threads and processes add to, and that may be moved away."""

import contextlib
import logging
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from carboy.errors import UserError

# Lines are gathered for so long, in seconds, before they are written.
INTERVAL = 0.1
# So many may wait while the disk or the reader of a pipe is slow; then they are dropped.
MOST_WAITING = 20_000
# What a pipe takes in one piece (POSIX): a longer line may be torn by that of another worker.
LONGEST = select.PIPE_BUF - 1
# A file takes more: O_APPEND makes one write of any size one piece.
_PIECE = 1 << 20

_logger = logging.getLogger("carboy")


class LogError(UserError):
    """The log cannot be opened."""


class LogFile:
    """Lines of ASCII on their way to a file (None: to standard output).

    `write` may be called by any thread and never waits; a thread of its own writes. What cannot
    be written is dropped and counted: nobody's request fails because a disk is full.
    """

    def __init__(
        self, path: Path | None, *, interval: float = INTERVAL, most: int = MOST_WAITING
    ) -> None:
        # Called by the thread that writes, before it does: what it gives to `write` goes along.
        self.source: Callable[[], None] | None = None
        self.lost = self._told = 0
        self._path = path
        self._interval = interval
        self._most = most
        self._fd = _open(path)
        self._lines: deque[str] = deque()
        self.is_awake = False
        self._is_moved = self._is_torn = self._is_failing = False
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="carboy-log", daemon=True)
        self._thread.start()

    def write(self, *lines: str) -> None:
        """Hand over lines, without their newlines."""
        if len(self._lines) >= self._most:
            self.lost += len(lines)
            return
        self._lines.extend(lines)
        if not self.is_awake:
            self.wake()

    def wake(self) -> None:
        """Have `source` called and the lines written soon; needless while it `is_awake`."""
        self.is_awake = True
        self._wake.set()

    def reopen(self) -> None:
        """Go on in a new file of the same name; what was handed over so far is in the old one."""
        self._is_moved = True
        self._wake.set()

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, for at most so long if nobody reads it, and end."""
        self._closing.set()
        self._wake.set()
        self._thread.join(seconds)

    # -- the thread that writes ---------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            self._closing.wait(self._interval)
            # Whatever comes from here on wakes us again.
            self.is_awake = False
            self._try_to_flush()
        self._try_to_flush()
        os.close(self._fd)

    def _try_to_flush(self) -> None:
        try:
            self._flush()
        except Exception:  # without this thread there would be no log at all
            _logger.exception("while writing the access log")

    def _flush(self) -> None:
        if self.source:
            self.source()
        is_moved, self._is_moved = self._is_moved, False
        if count := len(self._lines):
            lines = [self._lines.popleft() for _ in range(count)]
            self._write("\n".join([*lines, ""]).encode("ascii", "backslashreplace"))
        if is_moved and self._path:
            self._reopen(self._path)

    def _reopen(self, path: Path) -> None:
        try:
            opened = _open(path)
        except LogError as error:
            _logger.warning("%s; going on in the old file", error)
            return
        os.close(self._fd)
        self._fd, self._is_torn = opened, False

    def _write(self, data: bytes) -> None:
        if self._is_torn:  # the disk was full in the middle of a line
            data = b"\n" + data
        size, done = _piece_size(self._fd), 0
        try:
            while done < len(data):
                done += self._write_piece(data[done : _end_of_piece(data, done, size)])
        except OSError as error:
            self.lost += data.count(b"\n", done)
            self._say_failed(error)
        else:
            self._say_written()
        if done:
            self._is_torn = data[done - 1 : done] != b"\n"

    def _write_piece(self, piece: bytes) -> int:
        try:
            return os.write(self._fd, piece)
        except BlockingIOError:  # somebody has made our standard output non-blocking
            if self._closing.is_set() or not _wait_until_writable(self._fd):
                raise
            return 0

    def _say_failed(self, error: OSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            _logger.warning("access log: %s; lines are dropped", error.strerror)

    def _say_written(self) -> None:
        self._is_failing = False
        if self.lost != self._told:
            _logger.warning("access log: %d lines were dropped", self.lost - self._told)
            self._told = self.lost


def _open(path: Path | None) -> int:
    if path is None:
        with contextlib.suppress(OSError):
            return os.dup(1)
        return os.open(os.devnull, os.O_WRONLY)  # the server was started without one
    try:
        # Addresses are personal data: nothing for everybody on the machine.
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    except OSError as error:
        raise LogError(f"cannot open the access log {path}: {error.strerror}") from None


def _piece_size(fd: int) -> int:
    return _PIECE if stat.S_ISREG(os.fstat(fd).st_mode) else select.PIPE_BUF


def _end_of_piece(data: bytes, start: int, size: int) -> int:
    """Return where a piece ends: after a newline, and after `size` bytes if lines allow it."""
    if len(data) - start <= size:
        return len(data)
    return (data.rfind(b"\n", start, start + size) + 1) or (data.find(b"\n", start) + 1)


def _wait_until_writable(fd: int) -> bool:
    return bool(select.select([], [fd], [], 1.0)[1])
