"""Threads that take turns at the poll: whoever polls also runs the requests that it read."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

# A task that has held the leader for one to two of these, in seconds, goes on beside a new
# leader. Longer than requests that only compute a little; short for whoever waits behind one.
PATIENCE = 0.004
# After so many looks without a task the monitor sleeps until there is one.
IDLE_LOOKS = 250
# Tasks between two polls, at most: new connections and the master's word wait for them.
BATCH = 64
# How long a poll waits at most, in seconds.
WAIT = 1.0

_logger = logging.getLogger("carboy")


class Leadership:
    """Runs `poll` and the tasks that it finds in threads, one of which leads at any time.

    The leader calls `poll(seconds)`, which hands tasks to `add_task`, and runs them itself: a
    task that ends soon costs no switch of threads, no wake-up and no queue between two threads.
    A monitor notices when one task holds the leader, and makes another thread the leader; the
    first one goes on with its task and then waits for its next turn (as Go's scheduler retakes a
    processor from a call that blocks). At most `threads` tasks run at a time; there is one
    thread more, so that somebody polls while all those are busy.

    A task is an object with a method `service()`.
    """

    def __init__(self, threads: int, poll: Callable[[float], None]) -> None:
        self._limit = threads
        self._poll = poll
        self._queue: deque[Any] = deque()
        self._lock = threading.Lock()
        self._idle: list[threading.Lock] = []  # each is released to wake its thread
        self._threads = 0
        self._term = 0  # counts the leaders
        self._task = 0  # the number of the leader's task; 0 while it polls
        self._tasks = 0  # counts the leaders' tasks
        self._aside = 0  # tasks that run beside the leader
        self._monitor_sleeps = False
        self._wake_monitor = threading.Event()
        self._is_stopping = False
        self._stopped = threading.Event()

    def run(self) -> None:
        """Run tasks until `stop()`; the calling thread only waits, free to handle signals."""
        with self._lock:
            self._promote()
        threading.Thread(target=self._monitor, name="carboy-monitor", daemon=True).start()
        self._stopped.wait()

    def stop(self) -> None:
        """Make `run` return; called in `poll`."""
        self._is_stopping = True

    def finish(self, seconds: float) -> None:
        """Wait for the tasks that still run, at most so long."""
        end = time.monotonic() + seconds
        while self._aside and time.monotonic() < end:
            time.sleep(0.01)

    def add_task(self, task: Any) -> None:
        """Queue a task, for the leader or for whoever ends another task first."""
        self._queue.append(task)

    def waiting(self) -> int:
        """Return how many tasks wait."""
        return len(self._queue)

    # -- the leader and the others ------------------------------------------------------------

    def _promote(self) -> None:
        """Let another thread lead: an idle one, or a new one. Call with the lock."""
        if self._task:
            self._aside += 1
        self._task = 0
        self._term += 1
        if self._idle:
            self._idle.pop().release()
        else:
            self._threads += 1
            name = f"carboy-{self._threads}"
            threading.Thread(target=self._take_turns, name=name, daemon=True).start()

    def _take_turns(self) -> None:
        wake = threading.Lock()
        wake.acquire()
        while not self._is_stopping:
            self._lead(self._term)
            while self._take_task():
                pass
            with self._lock:
                self._idle.append(wake)
            if not self._is_stopping:
                wake.acquire()
        self._end()

    def _end(self) -> None:
        """Let all the others end as well."""
        with self._lock:
            while self._idle:
                self._idle.pop().release()
        self._wake_monitor.set()
        self._stopped.set()

    def _lead(self, term: int) -> None:
        """Poll and run tasks until one of them has cost this thread the lead."""
        queue = self._queue
        while not self._is_stopping:
            self._poll(0.0 if queue and self._aside < self._limit else WAIT)
            for _ in range(BATCH):
                if not queue or self._aside >= self._limit:
                    break
                try:
                    task = queue.popleft()
                except IndexError:  # a thread beside us was faster
                    break
                if not self._run_as_leader(task, term):
                    return

    def _run_as_leader(self, task: Any, term: int) -> bool:
        """Run a task; return whether this thread still leads."""
        self._tasks += 1
        self._task = self._tasks
        if self._monitor_sleeps:
            self._wake_monitor.set()
        _run(task)
        with self._lock:
            if self._term == term:
                self._task = 0
                return True
            self._aside -= 1
            return False

    def _take_task(self) -> bool:
        """Run a task that waits, beside the leader; return whether there was one."""
        with self._lock:
            running = self._aside + (self._task != 0)
            if not self._queue or running >= self._limit or self._is_stopping:
                return False
            try:
                task = self._queue.popleft()
            except IndexError:  # the leader, which takes no lock, was faster
                return False
            self._aside += 1
        _run(task)
        with self._lock:
            self._aside -= 1
        return True

    # -- the monitor --------------------------------------------------------------------------

    def _monitor(self) -> None:
        """Promote another thread whenever one task has held the leader from look to look."""
        held, tasks, quiet = 0, 0, 0
        while not self._is_stopping:
            time.sleep(PATIENCE)
            task = self._task
            if task and task == held:
                with self._lock:
                    if self._task == task:
                        self._promote()
            quiet = quiet + 1 if tasks == self._tasks and not task else 0
            held, tasks = task, self._tasks
            if quiet > IDLE_LOOKS:
                self._sleep(tasks)
                quiet = 0

    def _sleep(self, tasks: int) -> None:
        """Wait for a task to begin."""
        self._wake_monitor.clear()
        self._monitor_sleeps = True
        # A task that began too early to see the flag has been counted by now.
        if self._tasks == tasks and not self._is_stopping:
            self._wake_monitor.wait()
        self._monitor_sleeps = False


def _run(task: Any) -> None:
    try:
        task.service()
    except BaseException:  # a thread must outlive what an application throws
        _logger.exception("while serving %r", task)
