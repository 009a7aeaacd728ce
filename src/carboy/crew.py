"""The living workers: started, heard, ended when their time is over, mourned."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from socket import socket
from typing import Any

from carboy import process
from carboy.console import Console
from carboy.link import Message
from carboy.loop import Loop
from carboy.process import WorkerProcess

Handler = Callable[[WorkerProcess, Message], None]


class Crew:
    """Knows processes, and nothing of generations.

    Others join `handlers` (by the kind of a message), `mourners` (told of each worker that has
    ended) and `on_late` (told of one that is not ready in time, and is being ended).
    A `start_timeout` of 0 means for ever.
    """

    def __init__(
        self,
        loop: Loop,
        listeners: Sequence[socket],
        console: Console,
        options: Any,
        *,
        start_timeout: float,
    ) -> None:
        self._loop = loop
        self._listeners = listeners
        self._console = console
        self._options = options
        self._start_timeout = start_timeout
        self.handlers: dict[str, Handler] = {}
        self.mourners: list[Callable[[WorkerProcess], None]] = []
        self.on_late: Callable[[WorkerProcess], None] = lambda _worker: None
        self._workers: dict[int, WorkerProcess] = {}

    def __iter__(self) -> Iterator[WorkerProcess]:
        return iter(list(self._workers.values()))

    def __len__(self) -> int:
        return len(self._workers)

    def start(self, generation: int, *, broken: str, changed: set[Path]) -> WorkerProcess:
        """Start a worker; raises OSError if there is no memory, or no process, left for it."""
        worker = process.start(
            self._listeners,
            generation,
            options=vars(self._options),
            broken=broken,
            changed=[str(path) for path in changed],
        )
        self._workers[worker.pid] = worker
        self._loop.watch(worker.link, lambda: self._read(worker))
        if self._start_timeout:
            self._loop.after(self._start_timeout, lambda: self._look_whether_ready(worker))
        return worker

    def _look_whether_ready(self, worker: WorkerProcess) -> None:
        if self._workers.get(worker.pid) is not worker or worker.has_served:
            return
        # One that was told to drain while its hooks ran may never come to hear it.
        is_missed = worker.is_starting
        self.end(worker)
        if is_missed:
            self.on_late(worker)

    # -- what they say ------------------------------------------------------------------------

    def _read(self, worker: WorkerProcess) -> None:
        for message in worker.link.receive():
            # One that comes from code on disk that is newer than ours may say what we do not know.
            if handler := self.handlers.get(message.kind):
                handler(worker, message)
        if worker.link.closed:
            self._loop.forget(worker.link)

    # -- how they end -------------------------------------------------------------------------

    def drain(self, worker: WorkerProcess, *, hand_over: bool) -> None:
        """Let a worker finish what it has begun; see that it keeps to its grace."""
        worker.drain(self._options.grace, hand_over=hand_over)
        self._watch_deadline(worker)

    def end(self, worker: WorkerProcess) -> None:
        """End a worker that need not finish anything."""
        worker.end()
        self._watch_deadline(worker)

    def _watch_deadline(self, worker: WorkerProcess) -> None:
        if worker.deadline is not None:
            seconds = worker.deadline - time.monotonic()
            self._loop.after(seconds, lambda: self._enforce_deadline(worker))

    def _enforce_deadline(self, worker: WorkerProcess) -> None:
        if self._workers.get(worker.pid) is not worker or worker.deadline is None:
            return
        if time.monotonic() < worker.deadline:  # it has got another one meanwhile
            return
        if not worker.kills:
            self._console.warn(f"worker {worker.pid} did not finish in time: ended")
        self.end(worker)

    def kill(self) -> None:
        """End everyone at once."""
        for worker in self:
            worker.kill()

    def bury(self) -> None:
        """Kill everyone and wait: nobody survives this call."""
        self.kill()
        for worker in self:
            worker.process.wait()

    def reap(self) -> None:
        """Look who has ended."""
        for worker in [w for w in self if w.process.poll() is not None]:
            if not worker.link.closed:
                self._read(worker)  # what it said last
            self._loop.forget(worker.link)
            del self._workers[worker.pid]
            worker.release()
            if worker.process.returncode < 0 or worker.has_overrun:
                # One that was at a prompt has left the terminal as the prompt had it.
                self._console.restore_terminal()
            for mourner in self.mourners:
                mourner(worker)
