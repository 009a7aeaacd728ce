"""Tasks that are known to take long: those that wait for something, and those that compute.

Under the interpreter's lock, tasks that compute beside each other end no sooner than one after the
other, but whoever wants to answer something short meanwhile has to wait for the lock behind all of
them, again and again. So only a few of them run at a time, as long as they keep the lock busy.
"""

import resource
import sys
import time
from collections import deque
from typing import Any, NamedTuple, Self

# Of the tasks that compute, so many run in any case. A second one would only make whoever answers
# something short wait for the lock twice as often; while the first one waits, more may run.
FEWEST = 1
# How often it is decided whether more or fewer may run, in seconds.
SPAN = 0.02
# One less may if, of that time, the process has computed for the first part and these tasks for the
# second, else one more. The second one gives them a share where short requests keep it busy.
BUSY, SHARE = 0.7, 0.15
# A process from which the kernel has taken a processor so often in that time is busy as well, with
# whatever it got: what keeps it from computing is not that its tasks wait.
TAKEN = 2

_HAS_CLOCKS = hasattr(time, "pthread_getcpuclockid")
_HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()


def processor_time(thread: int) -> float:
    """Return the seconds that a living thread has computed; 0 where the system does not say."""
    return time.clock_gettime(time.pthread_getcpuclockid(thread)) if _HAS_CLOCKS else 0.0


class _Mark(NamedTuple):
    """What was used until a moment: by the process, by its tasks that compute; and taken away."""

    moment: float
    busy: float
    used: float
    taken: int

    @classmethod
    def now(cls, used: float) -> Self:
        taken = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        return cls(time.monotonic(), time.process_time(), used, taken)

    def is_busy(self, end: Self) -> bool:
        span = end.moment - self.moment
        is_busy = end.busy - self.busy >= BUSY * span or end.taken - self.taken >= TAKEN
        return is_busy and end.used - self.used >= SHARE * span


class Lanes:
    """Two queues, and how many tasks of the second one may run; for one thread at a time.

    Any thread may append to a queue.
    """

    def __init__(self, threads: int) -> None:
        self.waiting: deque[Any] = deque()
        self.computing: deque[Any] = deque()
        self.width = self._most = threads
        self._fewest = min(FEWEST, threads) if _HAS_LOCK else threads
        self._inside: dict[int, float] = {}  # threads with a task that computes: since which time
        self._used = 0.0  # what those that have ended have computed
        self._is_turn = False  # of one that computes, where both could begin
        self._mark = _Mark.now(0.0)

    def is_ready(self) -> bool:
        """Return whether there is a task that may begin."""
        return bool(self.waiting) or self._may_compute()

    def _may_compute(self) -> bool:
        return bool(self.computing) and len(self._inside) < self.width

    def take(self, thread: int) -> Any:
        """Return the next task, which `thread` is about to run; only if one is ready."""
        self._is_turn = self._may_compute() and not (self._is_turn and self.waiting)
        if not self._is_turn:
            return self.waiting.popleft()
        self._inside[thread] = processor_time(thread)
        return self.computing.popleft()

    def leave(self, thread: int) -> None:
        """Note that a thread has ended its task, whatever that was."""
        if (began := self._inside.pop(thread, None)) is not None:
            self._used += processor_time(thread) - began

    def adapt(self) -> None:
        """Let more or fewer tasks compute from now on; called as long as some wait for it."""
        begin, now = self._mark, _Mark.now(self._computed())
        if now.moment < begin.moment + SPAN:
            return
        self._mark = now
        if now.moment < begin.moment + 2 * SPAN:  # else nobody waited meanwhile
            step = -1 if begin.is_busy(now) else 1
            self.width = min(max(self.width + step, self._fewest), self._most)

    def _computed(self) -> float:
        """Return how long the tasks that compute have done so until now, in seconds."""
        return self._used + sum(
            processor_time(thread) - began for thread, began in self._inside.items()
        )
