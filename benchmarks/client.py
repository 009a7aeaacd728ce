"""HTTP clients that tell what became of each request."""

import contextlib
import http.client
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# No answer for so long, in seconds, is a lost request.
TIMEOUT = 10.0
# What a client of the load waits between two requests, in seconds: the number of requests that
# are lost while nobody listens is in proportion to its inverse.
PAUSE = 0.01
CLIENTS = 4

OK = "ok"
# How a request is lost. "closed": on a connection that had served before and was closed without
# an answer; a client may repeat such a request (RFC 9112, 9.3.1), and browsers do.
LOSSES = ("refused", "reset", "closed", "timed out", "wrong status")


@dataclass(frozen=True)
class Request:
    """One request: begun and ended at (seconds, monotonic), and what became of it."""

    sent: float
    done: float
    outcome: str
    body: str = ""


def ask(connection: http.client.HTTPConnection, path: str = "/") -> Request:
    """Send a request, on the open connection if there is one; never raises for a lost one."""
    reused = connection.sock is not None
    sent, body = time.monotonic(), ""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        reused = False  # half an answer is lost for good
        body = response.read().decode("utf-8", "replace")
        outcome = OK if response.status == 200 else "wrong status"
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        outcome = _loss(error, reused=reused)
    return Request(sent, time.monotonic(), outcome, body)


def _loss(error: Exception, *, reused: bool) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, TimeoutError):
        return "timed out"
    return "closed" if reused and isinstance(error, ConnectionError) else "reset"


def connect(port: int) -> http.client.HTTPConnection:
    """Return a connection that opens itself at the first request, and again when closed."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)


def ask_once(port: int) -> Request:
    """Send a request on a connection of its own."""
    with contextlib.closing(connect(port)) as connection:
        return ask(connection)


class Load:
    """Clients in threads, half of them on kept connections, from `with` to its end."""

    def __init__(self, port: int) -> None:
        self.requests: list[Request] = []
        self._port = port
        self._end = threading.Event()
        self._heard = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, args=(number % 2 == 0,), daemon=True)
            for number in range(CLIENTS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(TIMEOUT + 1)

    def wait_for(self, body: str, seconds: float) -> Request | None:
        """Return the first request that was answered by `body`; None if none was in time."""
        with self._heard:
            self._heard.wait_for(lambda: self._first(body), seconds)
            return self._first(body)

    def _first(self, body: str) -> Request | None:
        return next((request for request in self.requests if request.body == body), None)

    def _work(self, keep: bool) -> None:
        connection = connect(self._port)
        while not self._end.is_set():
            request = ask(connection)
            if not keep:
                connection.close()
            with self._heard:
                self.requests.append(request)
                self._heard.notify_all()
            self._end.wait(PAUSE)
        connection.close()
