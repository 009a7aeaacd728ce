"""Serve a WSGI application with waitress on listening sockets that the master has bound."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence

from waitress.adjustments import Adjustments

from carboy import listener
from carboy.application import WSGIApplication
from carboy.binds import BACKLOG
from carboy.channel import Channel
from carboy.leadership import Leadership
from carboy.link import MAX_DESCRIPTORS, Link, Message
from carboy.poller import Poller

# While draining without a successor, a connection that has sent nothing yet is kept this
# long, in seconds: its request may be on the way.
LINGER = 0.1
# How long the poll waits at most, in seconds; what it waits for wakes it earlier.
TICK = 1.0


class _Control:
    """The worker's end of the link, and the pipe that a signal handler writes to."""

    def handle_event(self, _events: int) -> None:
        """Do nothing: the server has looked here first."""


class Server:
    """One worker's connections: accepts, serves, adopts, drains.

    `run()` returns when the server has drained, which begins with `drain()` (or the message of
    that name). What it says to the master: `connections` (idle ones, for the successor).
    """

    def __init__(
        self,
        application: WSGIApplication,
        listeners: Sequence[socket.socket],
        link: Link,
        *,
        threads: int,
        connection_limit: int,
        is_multiprocess: bool = False,
    ) -> None:
        self.draining = self.hands_over = False
        self.is_multiprocess = is_multiprocess
        self._link = link
        self._asked: float | None = None
        self._drained_since = 0.0
        self._deadline = float("inf")
        self._next_care = 0.0
        self._wake, self._waker = os.pipe()
        self._poller = Poller()
        self._control = _Control()
        self._poller[link.fileno()] = self._poller[self._wake] = self._control
        self._leadership = Leadership(threads, self._turn)
        adjustments = Adjustments(
            threads=threads,
            ident="carboy",
            connection_limit=connection_limit,
            backlog=BACKLOG,  # waitress calls listen() once more
        )
        self._listeners = [
            listener.listen(self, application, sock, self._poller, self._leadership, adjustments)
            for sock in listeners
        ]

    def run(self) -> None:
        """Serve until drained."""
        # The last word of the master may have come together with an earlier one: no poll tells.
        self.read_control()
        self._leadership.run()
        # A client that has left does not end the work that was begun for it.
        self._leadership.finish(self._deadline - time.monotonic())
        self._close()

    def _close(self) -> None:
        for channel in self._channels():
            channel.handle_close()
        self._poller.close()
        ends, self._waker = (self._wake, self._waker), -1
        for end in ends:
            os.close(end)

    def ask_to_drain(self, grace: float) -> None:
        """Let the loop drain; for a signal handler, which may run at any point."""
        self._asked = grace
        with contextlib.suppress(OSError):  # it has ended meanwhile
            os.write(self._waker, b"x")

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
        for item in self._listeners:
            if not hand_over:
                item.accept_waiting()
            item.stop_listening()
        self._release()

    def read_control(self) -> None:
        """Do what the master or a signal says; the master's death ends the worker."""
        for message in self._link.receive():
            if message.kind == "drain":
                self.drain(message.fields["grace"], hand_over=message.fields["hand_over"])
            elif message.kind == "connections":
                self._adopt(message)
        if self._link.closed:
            os._exit(1)
        if self._asked is not None:
            os.read(self._wake, 1)
            grace, self._asked = self._asked, None
            self.drain(grace)

    def _turn(self, seconds: float) -> None:
        """Poll once and do what there is to do, except for serving requests."""
        found = self._poller.wait(min(seconds, LINGER / 2) if self.draining else seconds)
        # The master's word comes first: from then on the old code answers no further request.
        if any(item is self._control for item, _events in found):
            self.read_control()
        for item, events in found:
            item.handle_event(events)
        if self.draining:
            self._release()
            if self._is_done():
                self._leadership.stop()
        elif time.monotonic() >= self._next_care:
            self._take_care()

    def _take_care(self) -> None:
        """Do what need not be done at every poll."""
        now = time.monotonic()
        self._next_care = now + TICK
        for item in self._listeners:
            item.take_care()

    def _is_done(self) -> bool:
        return time.monotonic() >= self._deadline or not any(self._channels())

    def _channels(self) -> Iterator[Channel]:
        for item in self._listeners:
            yield from list(item.active_channels.values())

    def _release(self) -> None:
        """Let go of the connections on which nothing is under way."""
        if self.hands_over:
            self._hand_over()
        elif time.monotonic() >= self._drained_since + LINGER:
            for channel in self._channels():
                if channel.is_idle():
                    channel.handle_close()

    def _hand_over(self) -> None:
        for index, item in enumerate(self._listeners):
            idle = [c.detach() for c in list(item.active_channels.values()) if c.is_idle()]
            for start in range(0, len(idle), MAX_DESCRIPTORS):
                batch = [sock.fileno() for sock in idle[start : start + MAX_DESCRIPTORS]]
                self._link.send("connections", batch, listener=index)
            for sock in idle:
                sock.close()  # ours; the connection lives on in the message

    def _adopt(self, message: Message) -> None:
        for number in message.descriptors:
            self._listeners[message.fields["listener"]].adopt(socket.socket(fileno=number))
