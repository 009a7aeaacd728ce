"""The master's loop: what has become readable or writable, and what is due; one at a time."""

import heapq
import itertools
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

Action = Callable[[], object]


class File(Protocol):
    """What has a descriptor."""

    def fileno(self) -> int:
        """Return the descriptor."""
        ...


@dataclass(order=True)
class Timer:
    """Something that is due at a moment of `time.monotonic()`."""

    moment: float
    number: int
    action: Action = field(compare=False)
    is_cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Let it not happen."""
        self.is_cancelled = True


class Loop:
    """Files to watch and timers to keep; whoever turns it decides when to stop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._actions: dict[int, Action] = {}
        self._timers: list[Timer] = []
        self._numbers = itertools.count()

    def watch(self, file: File, action: Action, events: int = READ) -> None:
        """Call `action` whenever the file is ready; instead of what was to be called before."""
        number = file.fileno()
        if number in self._actions:
            self._selector.modify(number, events, action)
        else:
            self._selector.register(number, events, action)
        self._actions[number] = action

    def forget(self, file: File) -> None:
        """Watch a file no longer; to be called before it is closed. Idempotent."""
        number = file.fileno()
        if self._actions.pop(number, None):
            self._selector.unregister(number)

    def after(self, seconds: float, action: Action) -> Timer:
        """Call `action` once, in so many seconds."""
        timer = Timer(time.monotonic() + seconds, next(self._numbers), action)
        heapq.heappush(self._timers, timer)
        return timer

    def turn(self) -> None:
        """Wait until something is to be done, and do all that is."""
        for key, _events in self._selector.select(self._patience()):
            # An action before this one may have closed the file, or opened another in its place.
            action = self._actions.get(key.fd)
            if action and action is key.data:
                action()
        while self._timers and self._timers[0].moment <= time.monotonic():
            timer = heapq.heappop(self._timers)
            if not timer.is_cancelled:
                timer.action()

    def _patience(self) -> float | None:
        while self._timers and self._timers[0].is_cancelled:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0].moment - time.monotonic()) if self._timers else None

    def close(self) -> None:
        """Forget everything."""
        self._selector.close()
        self._actions.clear()
        self._timers.clear()
