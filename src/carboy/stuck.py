"""Requests that do not end: where they hang, for the log."""

import logging
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from typing import Any

from carboy.leadership import Running

_logger = logging.getLogger("carboy")


class Stuck:
    """Notices requests that run for longer than `timeout` seconds, each of them once."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._known: set[tuple[int, float]] = set()  # by thread and begin

    def look(self, running: Iterable[Running]) -> bool:
        """Log the stacks if there are new ones, and return whether there were."""
        before = time.monotonic() - self.timeout
        late = {(one.thread, one.since): one for one in running if one.since < before}
        new = [one for key, one in late.items() if key not in self._known]
        self._known = set(late)
        if new:
            _logger.error("%s\n%s", "\n".join(map(_describe, new)), stacks())
        return bool(new)


def _describe(one: Running) -> str:
    request = next(iter(one.task.requests), None)
    seconds = time.monotonic() - one.since
    name = _name_of(one.thread)
    return f"stuck for {seconds:.1f} s in thread {name}: {describe_request(request)}"


def describe_request(request: Any) -> str:
    """Return method, URL and, if it has one, id of a request."""
    method, uri = getattr(request, "command", "?"), getattr(request, "request_uri", "?")
    number = getattr(request, "request_id", None)
    # As a literal: what a client sends must not look like another line of the log.
    return f"{method} {uri!r}" + (f" (request {number!r})" if number else "")


def stacks() -> str:
    """Return the stacks of all threads but this one."""
    frames = sys._current_frames()
    frames.pop(threading.get_ident(), None)
    parts = [
        f"Thread {_name_of(thread)}:\n{''.join(traceback.format_stack(frame))}"
        for thread, frame in frames.items()
    ]
    return "\n".join(parts).rstrip()


def _name_of(thread: int) -> str:
    return next((t.name for t in threading.enumerate() if t.ident == thread), str(thread))
