"""A generation: the workers started from one state of code and settings."""

import time
from dataclasses import dataclass, field

from carboy.process import WorkerProcess


@dataclass
class Generation:
    """The workers that belong together, and how far they have come.

    `is_prepared` says that the once-per-generation hooks have run, in the worker `first`.
    `leaving` are workers that are to be replaced, one after the other: the first one has, or
    will have, a successor among `workers`. `reason` is the last error that a worker reported.
    """

    number: int
    workers: list[WorkerProcess] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    first: WorkerProcess | None = None
    is_prepared: bool = False
    failed: bool = False
    reason: str = ""
    leaving: list[WorkerProcess] = field(default_factory=list)

    def add(self, worker: WorkerProcess) -> None:
        """Count a worker in."""
        self.workers.append(worker)

    def remove(self, worker: WorkerProcess) -> None:
        """Count a worker out: it drains, or has ended."""
        self.workers.remove(worker)
        if worker in self.leaving:
            self.leaving.remove(worker)

    def ready(self) -> list[WorkerProcess]:
        """Return the workers that serve."""
        return [worker for worker in self.workers if worker.state == "ready"]

    def is_ready(self, count: int) -> bool:
        """Return whether `count` workers serve."""
        return len(self.ready()) >= count

    def staying(self) -> list[WorkerProcess]:
        """Return the workers without the one that is being replaced now."""
        return [worker for worker in self.workers if worker not in self.leaving[:1]]

    def relieved(self, count: int) -> WorkerProcess | None:
        """Return the worker that can leave, since `count` others serve; None if there is none."""
        staying = sum(worker.state == "ready" for worker in self.staying())
        return self.leaving[0] if self.leaving and staying >= count else None

    def to_prepare(self) -> list[WorkerProcess]:
        """Return the workers whose hooks may run now: one at first, then all.

        Each is returned once; its state becomes "preparing".
        """
        made = [worker for worker in self.workers if worker.state == "made"]
        if not self.is_prepared:
            if self.first in self.workers:
                return []
            made = made[:1]
            self.first = made[0] if made else None
        for worker in made:
            worker.state = "preparing"
        return made
