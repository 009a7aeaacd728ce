"""The answer to one request: waitress's tasks, with one write for header and body."""

import sys
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
            self.start()
            self.execute()
            if not self.is_finished:
                self.finish()
        except OSError:
            self.close_on_finish = True
            raise
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
        request, channel = self.request, self.channel
        host = channel.addr[0]
        path = request.path
        environ: dict[str, Any] = {
            **request.variables(),
            **channel.server.environ,
            "REMOTE_ADDR": host,
            "REMOTE_HOST": host,
            "REMOTE_PORT": str(channel.addr[1]),
            "REQUEST_METHOD": request.command.upper(),
            "SERVER_PROTOCOL": f"HTTP/{self.version}",
            # As waitress does: a redirect to a path with two slashes would name a host.
            "PATH_INFO": "/" + path.lstrip("/") if path[:2] == "//" else path,
            "REQUEST_URI": request.request_uri,
            "QUERY_STRING": request.query,
            "wsgi.url_scheme": request.url_scheme,
            "wsgi.errors": sys.stderr,
            "wsgi.input": request.get_body_stream(),
            "waitress.client_disconnected": channel.check_client_disconnected,
        }
        if request.forwarded:
            environ[proxies.KEY] = request.forwarded
        if request.command == "HEAD":
            environ["wsgi.file_wrapper"] = Unsent
        channel.server.carboy.observer.enter(self, environ)
        self.environ = environ  # for the access log
        return environ


class RefusalTask(_Answer, ErrorTask):  # type: ignore[misc]
    """The answer to a request that cannot be understood."""

    def execute(self) -> None:
        """Say what is wrong, so that also a client that still sends can read it."""
        self.channel.lingers = True
        super().execute()
