"""Serve a WSGI application with waitress on listening sockets that the master has bound."""

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer
from waitress.task import ErrorTask, Task, ThreadedTaskDispatcher, WSGITask

from carboy.application import WSGIApplication
from carboy.binds import BACKLOG
from carboy.link import MAX_DESCRIPTORS, Link, Message

# While draining without a successor, a connection that has sent nothing yet is kept this
# long, in seconds: its request may be on the way.
LINGER = 0.1
# How long the loop sleeps at most, in seconds; what it waits for wakes it earlier.
TICK = 1.0

Poll = Callable[[float, dict[int, Any]], None]


class _LastAnswer(Task):  # type: ignore[misc]
    """A task that says `Connection: close` while the server drains.

    Not when a successor takes over the connection: then it stays open for the client.
    """

    def build_response_header(self) -> bytes:
        server = self.channel.server.carboy
        if server.draining and not server.hands_over:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header


class _WSGITask(_LastAnswer, WSGITask):  # type: ignore[misc]
    pass


class _ErrorTask(_LastAnswer, ErrorTask):  # type: ignore[misc]
    pass


class _Channel(HTTPChannel):  # type: ignore[misc]
    task_class = _WSGITask
    error_task_class = _ErrorTask

    def is_idle(self) -> bool:
        """Return whether nothing of a request or an answer is in the making here."""
        with self.requests_lock:
            return not (
                self.requests
                or self.request is not None
                or self.total_outbufs_len
                or self.will_close
                or self.close_when_flushed
            )

    def detach(self) -> socket.socket:
        """Take the connection out of the loop and return it, open."""
        detached: socket.socket = self.socket
        self.del_channel()
        self.connected = False
        setattr(self, "socket", None)  # noqa: B010  # declared by an untyped base class
        return detached


class _Control:
    """The worker's end of the link as a member of waitress's socket map."""

    accepting = False

    def __init__(self, server: "Server") -> None:
        self._server = server

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        self._server.read_link()

    handle_close = handle_expt_event = handle_read_event

    def handle_error(self) -> None:
        raise  # called in an except block: the worker must not go on deaf


class Server:
    """One worker's I/O loop: accepts, serves, adopts connections, drains.

    `run()` returns when the server has drained, which begins with `drain()` (or the message of
    that name). What the loop says to the master: `connections` (idle ones, for the successor).
    """

    def __init__(
        self,
        application: WSGIApplication,
        listeners: Sequence[socket.socket],
        link: Link,
        *,
        threads: int,
        connection_limit: int,
    ) -> None:
        self.draining = self.hands_over = False
        self._link = link
        self._asked: float | None = None
        self._drained_since = 0.0
        self._deadline = float("inf")
        # The link comes first, so that in each round the word of the master is heard before
        # any connection is read: from then on the old code answers no further request.
        self._map: dict[int, Any] = {link.fileno(): _Control(self)}
        self._dispatcher = ThreadedTaskDispatcher()
        self._dispatcher.set_thread_count(threads)
        adjustments = _adjustments(threads, connection_limit)
        self._servers = [self._listen(application, sock, adjustments) for sock in listeners]

    def _listen(
        self, application: WSGIApplication, sock: socket.socket, adjustments: Any
    ) -> BaseWSGIServer:
        kind = UnixWSGIServer if sock.family == socket.AF_UNIX else TcpWSGIServer
        server = kind(
            application,
            self._map,
            _sock=sock,
            dispatcher=self._dispatcher,
            adj=adjustments,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )
        server.channel_class = _Channel
        server.carboy = self
        return server

    def run(self) -> None:
        """Serve until drained."""
        # waitress's own select() fails from descriptor 1024 on
        poll: Poll = wasyncore.poll2 if hasattr(select, "poll") else wasyncore.poll
        while not self._is_done():
            poll(LINGER / 2 if self.draining else TICK, self._map)
            if self._asked is not None:
                self.drain(self._asked)
            if self.draining:
                self._release()
        # A client that has left does not end the work that was begun for it.
        left = self._deadline - time.monotonic()
        if left > 0:
            self._dispatcher.shutdown(timeout=left)

    def ask_to_drain(self, grace: float) -> None:
        """Let the loop drain; for a signal handler, which may run at any point of it."""
        self._asked = grace
        os.write(self._servers[0].trigger.trigger, b"x")

    def drain(self, grace: float, *, hand_over: bool = False) -> None:
        """Stop accepting and end when all that was received is answered, or after `grace` seconds.

        With `hand_over`, idle connections go to the master for the next generation, which also
        keeps the listening sockets; else what has connected is still heard, then closed.
        """
        if self.draining:
            return
        self.draining, self.hands_over = True, hand_over
        self._drained_since = time.monotonic()
        self._deadline = self._drained_since + grace
        for server in self._servers:
            if not hand_over:
                _accept_waiting(server)
            server.accepting = False
            server.del_channel()
            server.socket.close()
        self._release()

    def read_link(self) -> None:
        """Do what the master says; its death ends the worker."""
        for message in self._link.receive():
            if message.kind == "drain":
                self.drain(message.fields["grace"], hand_over=message.fields["hand_over"])
            elif message.kind == "connections":
                self._adopt(message)
        if self._link.closed:
            os._exit(1)

    def _is_done(self) -> bool:
        if not self.draining:
            return False
        return time.monotonic() >= self._deadline or not any(self._channels())

    def _channels(self) -> Iterator[_Channel]:
        for server in self._servers:
            yield from list(server.active_channels.values())

    def _release(self) -> None:
        """Let go of the connections on which nothing is under way."""
        if self.hands_over:
            self._hand_over()
        elif time.monotonic() >= self._drained_since + LINGER:
            for channel in self._channels():
                if channel.is_idle():
                    channel.handle_close()

    def _hand_over(self) -> None:
        for index, server in enumerate(self._servers):
            idle = [c.detach() for c in list(server.active_channels.values()) if c.is_idle()]
            for start in range(0, len(idle), MAX_DESCRIPTORS):
                batch = [sock.fileno() for sock in idle[start : start + MAX_DESCRIPTORS]]
                self._link.send("connections", batch, listener=index)
            for sock in idle:
                sock.close()  # ours; the connection lives on in the message

    def _adopt(self, message: Message) -> None:
        server = self._servers[message.fields["listener"]]
        for number in message.descriptors:
            sock = socket.socket(fileno=number)
            try:
                sock.setblocking(False)
                address = server.fix_addr(sock.getpeername())
            except OSError:  # the client has left meanwhile
                sock.close()
                continue
            server.channel_class(server, sock, address, server.adj, map=self._map)


def _adjustments(threads: int, connection_limit: int) -> Any:
    return Adjustments(
        threads=threads,
        ident="carboy",
        connection_limit=connection_limit,
        backlog=BACKLOG,  # waitress calls listen() once more
    )


def _accept_waiting(server: BaseWSGIServer) -> None:
    """Accept every connection that the kernel has completed already."""
    before = -1
    while len(server.active_channels) != before:
        before = len(server.active_channels)
        with contextlib.suppress(OSError):
            server.handle_accept()
