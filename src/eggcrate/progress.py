"""How far the fetching is: one line at the foot of a terminal, plain log lines elsewhere."""

import contextlib
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO, cast

logger = logging.getLogger("zc.buildout.easy_install")

CLEAR = "\r\x1b[K"
BAR = 24  # columns


class Progress:
    """Count what is expected and what is done, and say so. All methods are thread-safe."""

    def __init__(self) -> None:
        self.expected = 0
        self.done = 0
        self.started = time.monotonic()

    def expect(self) -> None:
        """Count one more distribution."""
        self.expected += 1

    def drop(self) -> None:
        """Expect one less: it is left to zc.buildout."""
        self.expected -= 1

    def finish(self, name: str) -> None:
        """Count a distribution as done: ``name`` is its name and version."""
        self.done += 1
        self._say(name)

    def _say(self, name: str) -> None:
        logger.info("Got %s.", name)


class Bar(Progress):
    """A line that is drawn over itself; what is logged meanwhile appears above it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        self.lock = threading.RLock()
        self.text = ""

    def _say(self, name: str) -> None:
        with self.lock:
            self._draw(name)

    def _draw(self, name: str) -> None:
        filled = BAR * self.done // max(self.expected, 1)
        line = f"[{'#' * filled:.<{BAR}}] {self.done}/{self.expected} {name}"
        self.text = line[: shutil.get_terminal_size().columns - 1]
        self.stream.write(CLEAR + self.text)
        self.stream.flush()

    def above(self, stream: TextIO, text: str) -> None:
        """Write whole lines to ``stream``, which may be the same terminal."""
        with self.lock:
            self._clear()
            stream.write(text)
            stream.flush()
            self.stream.write(self.text)
            self.stream.flush()

    def close(self) -> None:
        """Remove the line and say in one that stays what was done."""
        with self.lock:
            self._clear()
            self.text = ""
        if self.done:
            seconds = time.monotonic() - self.started
            noun = "distribution" if self.done == 1 else "distributions"
            logger.info("Got %d %s in %.1f s.", self.done, noun, seconds)

    def _clear(self) -> None:
        if self.text:
            self.stream.write(CLEAR)
            self.stream.flush()


class _Above:
    """A stream for a log handler: it writes above the bar."""

    def __init__(self, bar: Bar, stream: TextIO) -> None:
        self.bar = bar
        self.stream = stream

    def write(self, text: str) -> None:
        self.bar.above(self.stream, text)

    def flush(self) -> None:
        self.stream.flush()


@contextlib.contextmanager
def shown(stream: TextIO | None = None) -> Iterator[Progress]:
    """Show the progress of the block, unless the build is to be quiet.

    ``stream`` is standard error by default; if it is a terminal, it gets a bar.
    """
    stream = stream or sys.stderr
    # With -q, info is not logged; with -v, what is logged in detail says more than a bar.
    if logger.getEffectiveLevel() != logging.INFO or not _is_terminal(stream):
        yield Progress()
        return
    bar = Bar(stream)
    with _handlers_above(bar):
        try:
            yield bar
        finally:
            bar.close()


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


@contextlib.contextmanager
def _handlers_above(bar: Bar) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for handler in _terminal_handlers():
            stack.callback(handler.setStream, handler.stream)
            handler.setStream(cast(TextIO, _Above(bar, handler.stream)))
        yield


def _terminal_handlers() -> "list[logging.StreamHandler[TextIO]]":
    """Return the handlers that write where a bar may stand."""
    handlers = {
        handler
        for name in (None, "zc.buildout")
        for handler in logging.getLogger(name).handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream.isatty()
    }
    return list(handlers)
