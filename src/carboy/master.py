"""The master: holds the listening sockets, keeps workers alive, replaces them by new ones.

It imports neither the application nor Flask nor waitress, so that it stays small and nothing
in it grows old; whatever may fail happens in a worker.
"""

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from carboy import process
from carboy.console import Console
from carboy.generation import Generation
from carboy.link import Message
from carboy.monitor import Monitor
from carboy.process import WorkerProcess

# An editor that saves writes more than once: wait until nothing has changed for so long, in
# seconds, before the new generation starts. The old one stops at the first change.
SETTLE = 0.01
# Pause before a worker that died is replaced: doubled with each death, up to the limit.
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
# A worker that served for so long, in seconds, was healthy: its death starts from the first pause.
HEALTHY = 10.0
# In production the start is given up after so many workers died in a row before any was ready.
START_ATTEMPTS = 4

EXIT_OK, EXIT_FORCED, EXIT_FAILED = 0, 1, 3


class Master:
    """Runs generations of workers until it is told to stop; `run()` returns the exit code.

    `options` are the resolved server options. With a `monitor` (development) a changed file
    stops the old generation at once and starts a new one, whose failure is shown in the
    browser; without, a new generation replaces the old one only when it is ready.
    """

    def __init__(
        self,
        options: Any,
        listeners: Sequence[socket.socket],
        console: Console,
        *,
        monitor: Monitor | None = None,
    ) -> None:
        self._options = options
        self._listeners = listeners
        self._console = console
        self._monitor = monitor
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, WorkerProcess] = {}
        self._serving: Generation | None = None
        self._coming: Generation | None = None
        self._number = 0
        self._start_at: float | None = None  # when the next generation is due
        self._changed_at = 0.0
        self._changed: set[Path] = set()
        self._adopted: dict[int, list[int]] = {}  # idle connections by listener, between two
        self._respawn_at: list[float] = []
        self._deaths = 0
        self._last_error = ""
        self._stopping: str | None = None
        self._exit_code = EXIT_OK

    # -- the loop ---------------------------------------------------------------------------

    def run(self) -> int:
        """Serve until a signal ends it, and leave no worker behind."""
        wakeup = self._install_signals()
        try:
            if self._monitor and self._monitor.interval is None:
                self._selector.register(self._monitor, selectors.EVENT_READ, self._look_for_changes)
            self._start_generation()
            while not (self._stopping and not self._workers):
                self._turn()
        finally:
            for worker in self._workers.values():
                worker.kill()
                worker.process.wait()
            # A worker that was at a prompt when its time was over has left it as the prompt had it.
            self._console.restore_terminal()
            for sock in wakeup:
                sock.close()
        return self._exit_code

    def _turn(self) -> None:
        for key, _events in self._selector.select(self._timeout()):
            key.data()
        self._reap()
        self._keep_time()

    def _timeout(self) -> float | None:
        due = [worker.deadline for worker in self._workers.values() if worker.deadline]
        due += self._respawn_at
        if self._start_at is not None:
            due.append(self._start_at)
        now = time.monotonic()
        if self._monitor and self._monitor.interval is not None:
            due.append(now + self._monitor.interval)
        return max(0.0, min(due) - now) if due else None

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._monitor and self._monitor.interval is not None:
            self._look_for_changes()
        for worker in list(self._workers.values()):
            if worker.deadline is not None and now >= worker.deadline:
                if not worker.kills:
                    self._console.warn(f"worker {worker.pid} did not finish in time: ended")
                worker.end()
        if self._start_at is not None and now >= self._start_at:
            self._start_generation()
        self._respawn(now)

    # -- signals ----------------------------------------------------------------------------

    def _install_signals(self) -> tuple[socket.socket, socket.socket]:
        """Turn signals into bytes that the loop reads; the handlers themselves do nothing."""
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._selector.register(
            ours, selectors.EVENT_READ, lambda: self._on_signals(ours.recv(4096))
        )
        return ours, theirs

    def _on_signals(self, numbers: bytes) -> None:
        for number in numbers:
            if number in (signal.SIGTERM, signal.SIGINT):
                self._on_stop(signal.Signals(number).name)
            elif number == signal.SIGHUP:
                self._on_hangup()

    def _on_stop(self, reason: str) -> None:
        if self._stopping:
            self._console.warn(f"{reason} again: stopping at once")
            self._exit_code = EXIT_FORCED
            for worker in self._workers.values():
                worker.kill()
            return
        self._console.say(f"{reason}: finishing the requests under way")
        self._stop(reason)

    def _stop(self, reason: str) -> None:
        self._stopping = reason
        self._start_at = None
        self._respawn_at.clear()
        for worker in self._workers.values():
            if worker.state == "ready":
                worker.drain(self._options.grace, hand_over=False)
            elif worker.state != "draining":
                worker.end()
        self._drop_adopted()

    def _on_hangup(self) -> None:
        if not self._stopping:
            self._console.say("SIGHUP: reloading")
            self._request_generation()

    # -- generations ------------------------------------------------------------------------

    def _request_generation(self) -> None:
        """Let a new generation start as soon as nothing changes any more."""
        self._changed_at = self._changed_at or time.monotonic()
        self._start_at = time.monotonic() + SETTLE
        self._abandon_coming()
        if self._monitor and self._serving:
            self._retire(self._serving)
            self._serving = None

    def _start_generation(self) -> None:
        self._start_at = None
        self._abandon_coming()
        self._number += 1
        self._last_error = ""
        self._coming = Generation(self._number)
        for _ in range(self._options.workers):
            self._spawn(self._coming)

    def _spawn(self, generation: Generation, broken: str = "") -> None:
        options = self._options
        mode = {name: getattr(options, name) for name in _MODE}
        changed = [str(path) for path in self._changed]
        try:
            worker = process.start(
                self._listeners, generation.number, mode=mode, broken=broken, changed=changed
            )
        except OSError as error:  # no memory, no processes left: what serves goes on serving
            self._console.warn(f"cannot start a worker: {error.strerror}")
            self._drop_adopted()  # idle connections must not take the descriptors it needs
            self._deaths += 1
            self._replace_later()
            return
        generation.add(worker)
        self._workers[worker.pid] = worker
        self._selector.register(worker.link, selectors.EVENT_READ, lambda: self._read(worker))

    def _retire(self, generation: Generation) -> None:
        """Let a generation finish what it has begun; its idle connections go to the next."""
        for worker in generation.workers:
            # One that runs its hooks may be ready and serve before we hear of it.
            if worker.state in ("preparing", "ready"):
                worker.drain(self._options.grace, hand_over=True)
            elif worker.state != "draining":
                worker.end()

    def _abandon_coming(self) -> None:
        if self._coming:
            self._retire(self._coming)
            self._coming = None

    def _promote(self, generation: Generation) -> None:
        before, self._serving, self._coming = self._serving, generation, None
        if before:
            self._retire(before)
        self._pass_on_connections()
        self._console.ready(
            generation.number,
            pids=[worker.pid for worker in generation.workers],
            seconds=time.monotonic() - (self._changed_at or generation.started),
            changed=self._changed,
            failed=generation.failed,
        )
        self._changed_at = 0.0
        self._changed = set()

    # -- messages of the workers ------------------------------------------------------------

    def _read(self, worker: WorkerProcess) -> None:
        for message in worker.link.receive():
            self._handlers[message.kind](self, worker, message)
        if worker.link.closed:
            self._deafen(worker)

    def _deafen(self, worker: WorkerProcess) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(worker.link)

    def _on_made(self, worker: WorkerProcess, _message: Message) -> None:
        if worker.state == "starting":
            worker.state = "made"
            self._prepare(worker)

    def _prepare(self, worker: WorkerProcess) -> None:
        """Let one worker run the once-per-generation hooks, and the others wait for it."""
        generation = self._generation_of(worker)
        for member in generation.to_prepare() if generation else ():
            member.link.send("prepare", once=member is generation.first)  # type: ignore[union-attr]

    def _on_ready(self, worker: WorkerProcess, message: Message) -> None:
        if worker.state == "draining":
            return
        worker.state = "ready"
        generation = self._generation_of(worker)
        if generation is None:
            return
        if self._monitor:
            self._monitor.watch(Path(path) for path in message.fields["watch"])
        generation.is_prepared = True
        self._prepare(worker)
        if generation is self._coming and generation.is_ready(self._options.workers):
            self._promote(generation)
        elif generation is self._serving:
            self._console.say(f"worker {worker.pid} is ready")
            self._pass_on_connections()

    def _on_failed(self, worker: WorkerProcess, message: Message) -> None:
        worker.failure = message.fields
        if worker.state == "draining":
            return
        if self._monitor:
            # What mends it may lie outside the watched folders.
            self._monitor.watch(Path(path) for path in message.fields["files"])
        generation = self._generation_of(worker)
        if generation:
            generation.failed = True
        text = message.fields["text"]
        if text != self._last_error:
            self._console.failure(text)
        self._last_error = text

    def _on_connections(self, _worker: WorkerProcess, message: Message) -> None:
        self._adopted.setdefault(message.fields["listener"], []).extend(message.descriptors)
        self._pass_on_connections()

    def _on_debugger(self, _worker: WorkerProcess, message: Message) -> None:
        if message.fields["pin"]:
            self._console.say(f"debugger PIN {message.fields['pin']}")

    _handlers: ClassVar[dict[str, Callable[["Master", WorkerProcess, Message], None]]] = {
        "made": _on_made,
        "ready": _on_ready,
        "failed": _on_failed,
        "connections": _on_connections,
        "debugger": _on_debugger,
    }

    def _generation_of(self, worker: WorkerProcess) -> Generation | None:
        for generation in (self._coming, self._serving):
            if generation and worker in generation.workers:
                return generation
        return None

    # -- connections between two generations --------------------------------------------------

    def _pass_on_connections(self) -> None:
        """Give the idle connections of the old generation to the new one, in turns."""
        heirs = [w for w in self._serving.workers if w.state == "ready"] if self._serving else []
        if self._stopping:
            self._drop_adopted()
        if not heirs or not self._adopted:
            return
        for listener, numbers in self._adopted.items():
            for heir, share in zip(heirs, _deal(numbers, len(heirs)), strict=True):
                for batch in _batches(share):
                    heir.link.send("connections", batch, listener=listener)
        self._drop_adopted()

    def _drop_adopted(self) -> None:
        for numbers in self._adopted.values():
            for number in numbers:
                os.close(number)
        self._adopted.clear()

    # -- deaths -------------------------------------------------------------------------------

    def _reap(self) -> None:
        for worker in [w for w in self._workers.values() if w.process.poll() is not None]:
            if not worker.link.closed:
                self._read(worker)  # what it said last
            self._deafen(worker)
            generation = self._generation_of(worker)
            del self._workers[worker.pid]
            worker.release()
            if worker.process.returncode < 0:
                self._console.restore_terminal()
            if worker.state != "draining" and generation and not self._stopping:
                generation.workers.remove(worker)
                self._on_death(worker, generation)

    def _on_death(self, worker: WorkerProcess, generation: Generation) -> None:
        how = worker.describe_end()
        if worker.state == "ready":
            self._console.warn(f"worker {worker.pid} {how}: starting another")
            self._deaths = 0 if worker.age() > HEALTHY else self._deaths + 1
            self._replace_later()
        elif self._monitor and not generation.failed:
            broken = f"the worker {how} while it imported and made the application"
            self._console.failure(broken)
            generation.failed = True
            self._spawn(generation, broken)
        elif self._monitor:  # not even the error can be shown: something is wrong with us
            self._deaths += 1
            self._replace_later()
        elif generation is self._coming and self._serving:
            self._console.failure(f"reload given up, the old code serves on: new worker {how}")
            self._abandon_coming()
            self._changed_at = 0.0
        else:
            self._on_failed_start(worker, how)

    def _on_failed_start(self, worker: WorkerProcess, how: str) -> None:
        self._deaths += 1
        hopeless = bool(worker.failure and worker.failure["is_user_error"])
        if self._serving is None and (hopeless or self._deaths >= START_ATTEMPTS):
            # What the operator can mend has been said in one line: no retry mends it.
            if not hopeless:
                self._console.failure(f"giving up: {self._deaths} workers died while starting")
            self._exit_code = EXIT_FAILED
            self._stop("failed start")
            return
        self._console.warn(f"worker {worker.pid} {how} while starting: trying again")
        self._replace_later()

    def _replace_later(self) -> None:
        pause = FIRST_PAUSE * 2 ** min(self._deaths, 10) if self._deaths else 0.0
        self._respawn_at.append(time.monotonic() + min(pause, LONGEST_PAUSE))

    def _respawn(self, now: float) -> None:
        due = [moment for moment in self._respawn_at if moment <= now]
        self._respawn_at = [moment for moment in self._respawn_at if moment > now]
        generation = self._coming or self._serving
        for _ in due:
            if generation and len(generation.workers) < self._options.workers:
                self._spawn(generation)

    # -- files --------------------------------------------------------------------------------

    def _look_for_changes(self) -> None:
        assert self._monitor
        changed = self._monitor.changes()
        if changed and not self._stopping:
            self._changed |= changed
            self._request_generation()


_MODE = ("debug", "reload", "threads", "workers", "grace")


def _deal(numbers: Sequence[int], hands: int) -> Iterable[Sequence[int]]:
    return [numbers[start::hands] for start in range(hands)]


def _batches(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    from carboy.link import MAX_DESCRIPTORS

    return [numbers[i : i + MAX_DESCRIPTORS] for i in range(0, len(numbers), MAX_DESCRIPTORS)]
