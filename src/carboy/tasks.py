"""The answer to one request: waitress's tasks, with one write for header and body."""

from collections.abc import Callable
from typing import Any

from waitress.channel import ClientDisconnected
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import InternalServerError

from carboy import proxies
from carboy.answer import Answer, Unsent


class _Answer(Answer):
    """What both kinds of answers have in common."""

    def service(self) -> None:
        """Answer, and let the server's observer know when that begins and ends."""
        observer = self.channel.server.carboy.observer
        observer.begin(self)
        try:
            super().service()
        finally:
            observer.end(self)

    def build_response_header(self) -> bytes:
        """Return the header; without a successor it says that the connection ends."""
        server = self.channel.server.carboy
        # A successor takes the connection over as it is; without one it must end.
        if server.draining and not server.hands_over:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class _Broken(Exception):  # noqa: N818  # it names a state, not an error of ours
    """The application failed in the middle of its answer."""


class RequestTask(_Answer, WSGITask):  # type: ignore[misc]
    """The answer of the application, or in its place that it has none."""

    def execute(self) -> None:
        """Call the application and send what it returns."""
        self._guard(super().execute)

    def finish(self) -> None:
        """Send what has not been sent yet."""
        self._guard(super().finish)

    def _guard(self, step: Callable[[], None]) -> None:
        """Do a step; also exit() in the application ends neither the thread nor the client."""
        try:
            step()
        except ClientDisconnected:
            raise
        except BaseException as error:
            if self.wrote_header:  # only an end that comes too early can tell the client
                raise _Broken(self.request.path) from error
            self.logger.exception("Exception while serving %s", self.request.path)
            self._apologise()

    def _apologise(self) -> None:
        error = InternalServerError("The server encountered an unexpected internal server error")
        self.status, self.response_headers, body = error.to_response(self.channel.adj.ident)
        self.complete, self.chunked_response = True, False
        self.content_length = len(body)
        self.set_close_on_finish()
        self.write(b"" if self.request.command == "HEAD" else body)

    def get_environment(self) -> dict[str, Any]:
        """Return the environment for the application."""
        server = self.channel.server.carboy
        environ: dict[str, Any] = super().get_environment()
        environ["wsgi.multiprocess"] = server.is_multiprocess
        request = self.request
        if request.forwarded:
            environ[proxies.KEY] = request.forwarded
        if request.command == "HEAD":
            environ["wsgi.file_wrapper"] = Unsent
        server.observer.enter(self, environ)
        return environ


class RefusalTask(_Answer, ErrorTask):  # type: ignore[misc]
    """The answer to a request that cannot be understood."""

    def execute(self) -> None:
        """Say what is wrong, so that also a client that still sends can read it."""
        self.channel.lingers = True
        super().execute()
