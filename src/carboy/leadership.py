"""Threads that take turns at the poll: whoever polls also runs the requests that it read."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from carboy.lanes import SPAN, Lanes, processor_time
from carboy.outbox import Outbox

# A task that has held the leader for one to two of these, in seconds, goes on beside a new
# leader. Longer than requests that only compute a little; short for whoever waits behind one.
PATIENCE = 0.004
# After so many looks without a task the monitor sleeps until there is one.
IDLE_LOOKS = 250
# Tasks between two polls, at most: new connections and the master's word wait for them.
BATCH = 64
# How long a poll waits at most, in seconds.
WAIT = 1.0
# Pause after a poll that failed, in seconds: it may go on failing, but not at full speed.
RECOVERY = 0.05

_logger = logging.getLogger("carboy")


class Running(NamedTuple):
    """A task that runs beside the leader: in which thread, and since when.

    By `time.monotonic`, and by the time that the thread had computed until then.
    """

    task: Any
    thread: int
    since: float
    computed: float


class Leadership:
    """Runs `poll` and the tasks that it finds in threads, one of which leads at any time.

    The leader calls `poll(seconds)`, which hands tasks to `add_task`, and runs them itself: a
    task that ends soon costs no switch of threads, no wake-up and no queue between two threads.
    A monitor notices when one task holds the leader, and makes another thread the leader; the
    first one goes on with its task and then waits for its next turn (as Go's scheduler retakes a
    processor from a call that blocks).

    At most `threads` tasks run at a time; there is one thread more, so that somebody polls while
    all those are busy, and (if `threads` is not 1) runs tasks meanwhile that are expected to be
    short. Those of which somebody knows that they take long wait in `lanes` of their own, and
    begin beside the leader at once.

    A task is an object with the methods `service()`; `beside()`, called when it begins or goes on
    beside the leader; and `took(seconds, computed)`, called at the end of such a one with the
    time since then, and how much of it its thread has computed.
    """

    def __init__(self, threads: int, poll: Callable[[float], None]) -> None:
        self._limit = threads
        # One thread means that nothing runs beside anything, for applications that need that.
        self._most = threads + 1 if threads > 1 else 1
        self._poll = poll
        self.queue: deque[Any] = deque()  # of tasks, for the leader or whoever ends one first
        self.lanes = Lanes(threads)  # of those that are known to take long
        self.add_task = self.queue.append
        self._outbox = Outbox()  # of the leader; others may help to empty it
        self._lock = threading.Lock()
        self._idle: list[threading.Lock] = []  # each is released to wake its thread
        self._threads = 0
        self._term = 0  # counts the leaders
        self._task = 0  # the number of the leader's task; 0 while it polls
        self._tasks = 0  # counts the leaders' tasks
        self._taken = 0  # counts those that others took
        self._current: Any = None  # the leader's last task
        self._leader = 0  # its thread
        self._aside = 0  # tasks that run beside the leader
        self._running: dict[int, Running] = {}  # these tasks by thread
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

    def count(self) -> int:
        """Return how many tasks have begun until now."""
        return self._tasks + self._taken

    def keep(self, item: Any) -> bool:
        """Send what the current task has made a moment later, by `item.release()`, with others.

        Returns False if it has to be sent now: no further task waits, or this thread does not lead.
        """
        if not self.queue or self._leader != threading.get_ident():
            return False
        # If another thread leads since just now, this one releases at the end of its task.
        self._outbox.keep(item)
        return True

    def running(self) -> list[Running]:
        """Return the tasks that run beside the leader; called in `poll`, those that run."""
        with self._lock:
            return list(self._running.values())

    def free(self) -> int:
        """Return how many more tasks could run; called in `poll`."""
        return max(self._limit - self._aside, 0)

    # -- the leader and the others ------------------------------------------------------------

    def _promote(self) -> None:
        """Let another thread lead: an idle one, or a new one. Call with the lock."""
        if self._task:
            self._begin(self._current, self._leader)
        self._task = 0
        self._term += 1
        if self._idle:
            self._idle.pop().release()
        else:
            self._threads += 1
            name = f"carboy-{self._threads}"
            threading.Thread(target=self._take_turns, name=name, daemon=True).start()

    def _begin(self, task: Any, thread: int) -> None:
        """Note that a task runs beside the leader. Call with the lock."""
        self._aside += 1
        self._running[thread] = Running(task, thread, time.monotonic(), processor_time(thread))
        task.beside()

    def _finish(self) -> None:
        """Note that this thread has ended such a task. Call with the lock."""
        self._aside -= 1
        task, thread, since, computed = self._running.pop(threading.get_ident())
        self.lanes.leave(thread)
        task.took(time.monotonic() - since, processor_time(thread) - computed)

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
        queue, outbox = self.queue, self._outbox
        self._leader = threading.get_ident()
        while not self._is_stopping:
            outbox.release()
            self._poll_once(self._patience())
            if self.lanes.computing:
                self._adapt()
            if self.lanes.is_ready() and self._run_slow():
                return
            for _ in range(BATCH):
                if not queue or self._aside >= self._most:
                    break
                try:
                    task = queue.popleft()
                except IndexError:  # a thread beside us was faster
                    break
                if not self._run_as_leader(task, term):
                    outbox.release()
                    return
                outbox.release_due()
        outbox.release()

    def _patience(self) -> float:
        """Return how long the poll may wait."""
        aside = self._aside
        if (self.queue and aside < self._most) or (aside < self._limit and self.lanes.is_ready()):
            return 0.0
        return SPAN if self.lanes.computing else WAIT

    def _adapt(self) -> None:
        with self._lock:
            self.lanes.adapt()

    def _run_slow(self) -> bool:
        """Give up the lead for a task that takes long, if one may run; return whether it did."""
        with self._lock:
            if self._aside >= self._limit or not self.lanes.is_ready():
                return False
            thread = threading.get_ident()
            task = self.lanes.take(thread)
            self._taken += 1
            self._begin(task, thread)
            self._promote()
        self._run_beside(task)
        return True

    def _run_beside(self, task: Any) -> None:
        """Run a task that is noted already as one beside the leader."""
        _run(task)
        with self._lock:
            self._finish()

    def _poll_once(self, seconds: float) -> None:
        try:
            self._poll(seconds)
        except Exception:  # without a leader nothing would ever be served again
            _logger.exception("while polling")
            time.sleep(RECOVERY)

    def _run_as_leader(self, task: Any, term: int) -> bool:
        """Run a task; return whether this thread still leads."""
        self._current = task
        self._tasks += 1
        self._task = self._tasks
        if self._monitor_sleeps:
            self._wake_monitor.set()
        _run(task)
        with self._lock:
            if self._term == term:
                self._task = 0
                return True
            self._finish()
            return False

    def _take_task(self) -> bool:
        """Run a task that waits, beside the leader; return whether there was one."""
        with self._lock:
            running = self._aside + (self._task != 0)
            is_slow = running < self._limit and self.lanes.is_ready()
            if self._is_stopping or not (is_slow or (self.queue and running < self._most)):
                return False
            thread = threading.get_ident()
            try:
                task = self.lanes.take(thread) if is_slow else self.queue.popleft()
            except IndexError:  # the leader, which takes no lock, was faster
                return False
            self._taken += 1
            self._begin(task, thread)
        self._run_beside(task)
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
