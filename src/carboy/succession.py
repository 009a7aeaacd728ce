"""Generations of workers: one serves, one may be coming, and how the one follows the other."""

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from carboy.adopted import Adopted
from carboy.backoff import Backoff
from carboy.console import Console
from carboy.crew import Crew
from carboy.generation import Generation
from carboy.link import Message
from carboy.loop import Loop, Timer
from carboy.monitor import Monitor
from carboy.process import WorkerProcess

# An editor that saves writes more than once: wait until nothing has changed for so long, in
# seconds, before the new generation starts. The old one stops at the first change.
SETTLE = 0.01
# In production the start is given up after so many workers died in a row before any was ready.
START_ATTEMPTS = 4


class Audience(Protocol):
    """Who is told how a generation came out."""

    def on_reloading(self) -> None:
        """Hear that a new generation was asked for."""

    def on_serving(self, generation: Generation, seconds: float) -> None:
        """Hear that a generation serves, so long after it was asked for."""

    def on_reload_failed(self, reason: str) -> None:
        """Hear that the old generation serves on."""

    def on_hopeless(self) -> None:
        """Hear that there is nothing to serve, and will not be."""


class Succession:
    """Decides which workers there are to be.

    With a `monitor` (development) a request for a new generation stops the old one at once, and
    an error of the new one is shown in the browser; without, a new generation replaces the old
    one only when it is ready. `count` is the number of workers, `restarts` counts replacements.
    """

    def __init__(
        self,
        options: Any,
        loop: Loop,
        console: Console,
        crew: Crew,
        audience: Audience,
        *,
        monitor: Monitor | None = None,
    ) -> None:
        self.count: int = options.workers
        self.serving: Generation | None = None
        self.coming: Generation | None = None
        self.number = 0
        self.restarts: Counter[str] = Counter(died=0, recycled=0)
        self.is_stopping = False
        self._loop = loop
        self._console = console
        self._crew = crew
        self._audience = audience
        self._monitor = monitor
        self._adopted = Adopted()
        self._backoff = Backoff()
        self._due: Timer | None = None
        self._asked_at = 0.0
        self._changed: set[Path] = set()
        self._last_error = ""
        self._join(crew)

    def _join(self, crew: Crew) -> None:
        crew.mourners.append(self._on_end)
        crew.on_late = self._on_late
        crew.handlers |= {
            "made": self._on_made,
            "ready": self._on_ready,
            "failed": self._on_failed,
            "connections": self._on_connections,
            "debugger": self._on_debugger,
            "recycle": self._on_recycle,
        }

    # -- what it is told to do ----------------------------------------------------------------

    def begin(self) -> None:
        """Start a generation, in place of one that is coming."""
        self._due = None
        self._abandon_coming()
        self.number += 1
        self._last_error = ""
        self.coming = generation = Generation(self.number)
        for _ in range(self.count):
            if self.coming is generation:
                self._spawn(generation)

    def request(self, changed: Iterable[Path] = ()) -> None:
        """Let a new generation start as soon as nothing changes any more."""
        self._changed.update(changed)
        self._asked_at = self._asked_at or time.monotonic()
        if self._due:
            self._due.cancel()
        self._due = self._loop.after(SETTLE, self.begin)
        self._abandon_coming()
        if self._monitor and self.serving:
            self._retire(self.serving)
            self.serving = None
        self._audience.on_reloading()

    def resize(self, step: int) -> None:
        """Let there be one worker more, or one less, but never none."""
        self.count = max(1, self.count + step)
        for generation in filter(None, (self.coming, self.serving)):
            self._fill(generation)
            for worker in generation.staying()[self.count :]:
                self._dismiss(worker, generation)
            self._prepare(generation)
            self._advance(generation)

    def stop(self) -> None:
        """Let every worker finish what was received, and start no other."""
        self.is_stopping = True
        if self._due:
            self._due.cancel()
        for worker in self._crew:
            if worker.state == "ready":
                self._crew.drain(worker, hand_over=False)
            elif worker.state != "draining":
                self._crew.end(worker)
        self._adopted.drop()

    # -- generations --------------------------------------------------------------------------

    def _spawn(self, generation: Generation, broken: str = "") -> None:
        try:
            worker = self._crew.start(generation.number, broken=broken, changed=self._changed)
        except OSError as error:  # no memory, no processes left: what serves goes on serving
            how = f"cannot start a worker: {error.strerror}"
            self._console.warn(how)
            self._adopted.drop()  # idle connections must not take the descriptors it needs
            if generation is self.coming and self.serving:
                self._give_up(how)
            else:
                self._backoff.note_start()
                self._replace_later()
            return
        generation.add(worker)

    def _fill(self, generation: Generation) -> None:
        for _ in range(self.count - len(generation.staying())):
            self._spawn(generation)

    def _retire(self, generation: Generation) -> None:
        """Let a generation finish what it has begun; its idle connections go to the next."""
        for worker in list(generation.workers):
            self._dismiss(worker, generation)

    def _dismiss(self, worker: WorkerProcess, generation: Generation) -> None:
        generation.remove(worker)
        # One that runs its hooks may be ready and serve before we hear of it.
        if worker.state in ("preparing", "ready"):
            self._crew.drain(worker, hand_over=True)
        elif worker.state != "draining":
            self._crew.end(worker)

    def _abandon_coming(self) -> None:
        if self.coming:
            self._retire(self.coming)
            self.coming = None

    def _advance(self, generation: Generation) -> None:
        """Do what has become possible by the workers that are ready."""
        if generation is self.coming and generation.is_ready(self.count):
            self._promote(generation)
        elif generation is self.serving:
            self._adopted.give(generation.ready())
            if old := generation.relieved(self.count):
                self.restarts["recycled"] += 1
                self._dismiss(old, generation)
                self._fill(generation)  # if another one waits to be replaced

    def _promote(self, generation: Generation) -> None:
        before, self.serving, self.coming = self.serving, generation, None
        pids = [worker.pid for worker in generation.workers]
        if before:
            self._retire(before)
        self._adopted.give(generation.ready())
        seconds = time.monotonic() - (self._asked_at or generation.started)
        self._console.ready(
            generation.number,
            pids=pids,
            seconds=seconds,
            changed=self._changed,
            failed=generation.failed,
        )
        self._asked_at = 0.0
        self._changed = set()
        self._audience.on_serving(generation, seconds)
        self._advance(generation)  # a worker may have asked for its replacement already

    def _give_up(self, how: str) -> None:
        """Go on with the old generation."""
        reason = (self.coming and self.coming.reason) or how
        self._console.failure(f"reload given up, the old code serves on: {how}")
        self._abandon_coming()
        self._asked_at = 0.0
        self._changed = set()
        self._audience.on_reload_failed(reason)

    def _generation_of(self, worker: WorkerProcess) -> Generation | None:
        for generation in (self.coming, self.serving):
            if generation and worker in generation.workers:
                return generation
        return None

    # -- what workers say ---------------------------------------------------------------------

    def _on_made(self, worker: WorkerProcess, _message: Message) -> None:
        generation = self._generation_of(worker)
        if worker.state == "starting" and generation:
            worker.state = "made"
            self._prepare(generation)

    def _prepare(self, generation: Generation) -> None:
        """Let one worker run the once-per-generation hooks, and the others wait for it."""
        for member in generation.to_prepare():
            member.link.send("prepare", once=member is generation.first)

    def _on_ready(self, worker: WorkerProcess, message: Message) -> None:
        generation = self._generation_of(worker)
        worker.has_served = True
        if worker.state == "draining" or generation is None:
            return
        worker.begin_to_serve()
        if self._monitor:
            self._monitor.watch(Path(path) for path in message.fields["watch"])
        generation.is_prepared = True
        self._prepare(generation)
        if generation is self.serving:
            self._console.say(f"worker {worker.pid} is ready")
        self._advance(generation)

    def _on_failed(self, worker: WorkerProcess, message: Message) -> None:
        worker.failure = message.fields
        if worker.state == "draining":
            return
        if self._monitor:
            # What mends it may lie outside the watched folders.
            self._monitor.watch(Path(path) for path in message.fields["files"])
        text = message.fields["text"]
        generation = self._generation_of(worker)
        if generation:
            generation.failed = True
            generation.reason = text
        if text != self._last_error:
            self._console.failure(text)
        self._last_error = text

    def _on_connections(self, _worker: WorkerProcess, message: Message) -> None:
        self._adopted.add(message.fields["listener"], message.descriptors)
        if self.is_stopping:
            self._adopted.drop()
        elif self.serving:
            self._adopted.give(self.serving.ready())

    def _on_debugger(self, _worker: WorkerProcess, message: Message) -> None:
        if message.fields["pin"]:
            self._console.say(f"debugger PIN {message.fields['pin']}")

    def _on_recycle(self, worker: WorkerProcess, message: Message) -> None:
        self.recycle(worker, message.fields["reason"])

    def recycle(self, worker: WorkerProcess, reason: str) -> None:
        """Replace a worker as soon as its successor is ready; one at a time, for memory's sake."""
        generation = self._generation_of(worker)
        if worker.state != "ready" or not generation or worker in generation.leaving:
            return
        self._console.say(f"worker {worker.pid} will be replaced: {reason}")
        generation.leaving.append(worker)
        self._fill(generation)

    # -- deaths -------------------------------------------------------------------------------

    def _on_end(self, worker: WorkerProcess) -> None:
        generation = self._generation_of(worker)
        if generation is None:
            return
        generation.remove(worker)
        if worker.state == "draining" or self.is_stopping:
            return
        if worker.state == "ready":
            self._on_death(worker)
        else:
            self._on_failed_start(worker, generation, worker.describe_end())

    def _on_death(self, worker: WorkerProcess) -> None:
        self._console.warn(f"worker {worker.pid} {worker.describe_end()}: starting another")
        self.restarts["died"] += 1
        self._backoff.note_death(worker.age())
        self._replace_later()

    def _on_late(self, worker: WorkerProcess) -> None:
        if generation := self._generation_of(worker):
            generation.remove(worker)
            how = f"was not ready after {worker.age():.0f} s (--start-timeout)"
            self._on_failed_start(worker, generation, how)

    def _on_failed_start(self, worker: WorkerProcess, generation: Generation, how: str) -> None:
        if self._monitor:
            self._show(generation, how)
        elif generation is self.coming and self.serving:
            self._give_up(f"new worker {how}")
        else:
            self._try_again(worker, how)

    def _show(self, generation: Generation, how: str) -> None:
        """Show in the browser why there is no application, as far as that is possible."""
        if generation.failed:  # not even the error can be shown: something is wrong with us
            self._backoff.note_start()
            self._replace_later()
            return
        broken = f"the worker {how} while it imported and made the application"
        self._console.failure(broken)
        generation.failed = True
        generation.reason = broken
        self._spawn(generation, broken)

    def _try_again(self, worker: WorkerProcess, how: str) -> None:
        self._backoff.note_start()
        deaths = self._backoff.deaths
        hopeless = bool(worker.failure and worker.failure["is_user_error"])
        if self.serving is None and (hopeless or deaths >= START_ATTEMPTS):
            # What the operator can mend has been said in one line: no retry mends it.
            if not hopeless:
                self._console.failure(f"giving up: {deaths} workers died while starting")
            self._audience.on_hopeless()
            return
        self._console.warn(f"worker {worker.pid} {how} while starting: trying again")
        self._replace_later()

    def _replace_later(self) -> None:
        self._loop.after(self._backoff.pause(), self._replace)

    def _replace(self) -> None:
        generation = self.coming or self.serving
        if generation and not self.is_stopping and len(generation.staying()) < self.count:
            self._spawn(generation)
