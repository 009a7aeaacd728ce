"""What is to be said of the server as a whole: its health, its state, its figures."""

import os
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from carboy.crew import Crew
from carboy.figures import resident
from carboy.process import WorkerProcess
from carboy.succession import Succession
from carboy.survey import Survey

# A worker gives a sign of life each second; silent for so long, in seconds, it is not well.
SILENCE = 10.0
_SHOWN = ("in_flight", "queue", "connections", "memory", "busy_threads", "threads")


class Overview:
    """Looks at the workers and their generations; changes nothing.

    `queue` is the number of requests that may wait in a worker.
    """

    def __init__(
        self,
        succession: Succession,
        crew: Crew,
        survey: Survey,
        *,
        addresses: Sequence[str],
        queue: int,
    ) -> None:
        self.started = time.time()
        self.reloads: Counter[str] = Counter(done=0, failed=0)
        self.succession = succession
        self.survey = survey
        self._crew = crew
        self._addresses = addresses
        self._queue = queue
        self._began = time.monotonic()

    # -- health -------------------------------------------------------------------------------

    def is_alive(self) -> bool:
        """Return whether some worker serves, or may be expected to: else only a restart helps."""
        if self.succession.is_stopping or self.succession.coming:
            return True
        return any(worker.state == "ready" and not is_silent(worker) for worker in self._crew)

    def why_not_ready(self) -> str:
        """Return why requests should go elsewhere; nothing if they should not."""
        if self.succession.is_stopping:
            return "draining"
        ready = self.succession.serving.ready() if self.succession.serving else []
        if not ready:
            return "starting"
        well = [worker for worker in ready if not is_silent(worker)]
        if not well:
            return "silent"
        return "saturated" if all(map(self._is_saturated, well)) else ""

    def _is_saturated(self, worker: WorkerProcess) -> bool:
        return bool(worker.figures.get("queue", 0) > self._queue / 2)

    # -- state --------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """What the server does, in a word."""
        if self.succession.is_stopping:
            return "stopping"
        if self.succession.serving is None:
            return "starting"
        return "reloading" if self.succession.coming else "serving"

    @property
    def generation(self) -> int:
        """The generation that serves; 0 if there is none."""
        return self.succession.serving.number if self.succession.serving else 0

    def states(self) -> Counter[str]:
        """Return how many workers are starting, ready and draining."""
        states = Counter(starting=0, ready=0, draining=0)
        states.update("starting" if w.is_starting else w.state for w in self._crew)
        return states

    def status(self) -> dict[str, Any]:
        """Return what `serve status` shows."""
        figures = self.survey.sum()
        return {
            "state": self.state,
            "generation": self.generation,
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self._began, 3),
            "addresses": list(self._addresses),
            "restarts": dict(self.succession.restarts),
            "reloads": dict(self.reloads),
            "requests": _requests(figures),
            **{name: figures.get(name) for name in _SHOWN},
            "master_memory": resident(),
            "workers": [_status_of(worker) for worker in self._crew],
        }


def is_silent(worker: WorkerProcess, seconds: float = 0.0) -> bool:
    """Return whether a worker has given signs of life, and none for long, or for `seconds`."""
    return worker.heard is not None and time.monotonic() - worker.heard > max(seconds, SILENCE)


def _requests(figures: dict[str, Any]) -> int | None:
    return sum(figures["requests"].values()) if "requests" in figures else None


def _status_of(worker: WorkerProcess) -> dict[str, Any]:
    return {
        "pid": worker.pid,
        "generation": worker.generation,
        "state": "silent" if is_silent(worker) else worker.state,
        "uptime": round(worker.age(), 3),
        "requests": _requests(worker.figures),
        **{name: worker.figures.get(name) for name in _SHOWN},
    }
