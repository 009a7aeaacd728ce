"""A generation: the workers started from one state of code and settings."""

import time
from dataclasses import dataclass, field

from carboy.process import WorkerProcess


@dataclass
class Generation:
    """The workers that belong together, and how far they have come.

    `is_prepared` says that the once-per-generation hooks have run, in the worker `first`.
    """

    number: int
    workers: list[WorkerProcess] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    first: WorkerProcess | None = None
    is_prepared: bool = False
    failed: bool = False

    def add(self, worker: WorkerProcess) -> None:
        """Count a worker in."""
        self.workers.append(worker)

    def is_ready(self, count: int) -> bool:
        """Return whether `count` workers serve."""
        return sum(worker.state == "ready" for worker in self.workers) >= count

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
