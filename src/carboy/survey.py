"""Ask all workers for their figures, and wait for the slow ones no longer than is useful."""

from collections.abc import Callable

from carboy.crew import Crew
from carboy.link import Message
from carboy.loop import Loop, Timer
from carboy.process import WorkerProcess
from carboy.totals import Figures, growing, total

# Seconds that the answers may take; of who is later, the last figures count.
PATIENCE = 0.5


class Survey:
    """The figures of the living workers, and what remains of those that have ended."""

    def __init__(self, loop: Loop, crew: Crew) -> None:
        self._loop = loop
        self._crew = crew
        self._past: Figures = {}
        self._waiting: list[Callable[[], None]] = []
        self._timer: Timer | None = None
        crew.handlers["figures"] = self._on_figures
        crew.mourners.append(self._on_end)

    def ask(self, then: Callable[[], None]) -> None:
        """Call `then` when the figures are fresh, or as fresh as they will soon be."""
        self._waiting.append(then)
        if self._timer is None:
            self._timer = self._loop.after(PATIENCE, self._finish)
            for worker in self._crew:
                # Who has not answered is not asked again: questions must not pile up.
                if worker.has_served and not worker.is_asked:
                    worker.is_asked = worker.link.send("figures")
        self._finish_if_all_have_answered()

    def sum(self) -> Figures:
        """Return the figures of everyone; what grows includes the workers that have ended."""
        return total([self._past, *(worker.figures for worker in self._crew)])

    def _on_figures(self, worker: WorkerProcess, message: Message) -> None:
        worker.figures = message.fields["figures"]
        worker.is_asked = False
        self._finish_if_all_have_answered()

    def _on_end(self, worker: WorkerProcess) -> None:
        self._past = total([self._past, growing(worker.figures)])
        self._finish_if_all_have_answered()

    def _finish_if_all_have_answered(self) -> None:
        if not any(worker.is_asked for worker in self._crew):
            self._finish()

    def _finish(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()
