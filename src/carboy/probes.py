"""The pages that tell machines how the server is: /livez, /readyz and /metrics."""

import socket
from collections.abc import Sequence

from carboy.endpoint import Endpoint, Respond
from carboy.loop import Loop
from carboy.overview import Overview


class Probes:
    """Serves an overview on listening sockets; only the workers' figures are waited for."""

    def __init__(self, loop: Loop, sockets: Sequence[socket.socket], overview: Overview) -> None:
        self._overview = overview
        pages = {"/livez": self._livez, "/readyz": self._readyz, "/metrics": self._metrics}
        Endpoint(loop, sockets, pages)
        # Once the workers have been started: the import takes its time.
        loop.after(0.0, _import_metrics)

    def _livez(self, respond: Respond) -> None:
        if self._overview.is_alive():
            respond(200, "alive\n")
        else:
            respond(503, "no worker gives a sign of life\n")

    def _readyz(self, respond: Respond) -> None:
        def answer() -> None:
            reason = self._overview.why_not_ready()
            respond(503 if reason else 200, f"{reason or 'ready'}\n")

        self._overview.survey.ask(answer)

    def _metrics(self, respond: Respond) -> None:
        from carboy import metrics

        self._overview.survey.ask(
            lambda: respond(200, metrics.render(self._overview), metrics.CONTENT_TYPE)
        )


def _import_metrics() -> None:
    import carboy.metrics  # noqa: F401
