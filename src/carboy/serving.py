"""Serve a WSGI application with waitress on listening sockets that the master has bound."""

import contextlib
import logging
import os
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from waitress.adjustments import Adjustments

from carboy import listener
from carboy.application import WSGIApplication
from carboy.binds import BACKLOG
from carboy.channel import Channel
from carboy.deadlines import Deadlines
from carboy.figures import resident
from carboy.leadership import Leadership
from carboy.limits import Limits
from carboy.link import MAX_DESCRIPTORS, Link, Message
from carboy.observer import Observer
from carboy.poller import HAS_EPOLL, Poller
from carboy.proxies import Trusted
from carboy.recycling import Recycling
from carboy.shares import Shares
from carboy.stuck import Stuck
from carboy.tempo import Tempo

# While draining without a successor, a connection that has sent nothing yet is kept this
# long, in seconds: its request may be on the way.
LINGER = 0.1
# How long the poll waits at most, in seconds; what it waits for wakes it earlier.
TICK = 1.0

_logger = logging.getLogger("carboy")


class _Control:
    """The worker's end of the link, and the pipe that a signal handler writes to."""

    def handle_event(self, _events: int) -> None:
        """Do nothing: the server has looked here first."""

    def handle_error(self) -> None:
        """Do nothing: it cannot fail."""


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
        observer: Observer | None = None,
        limits: Limits | None = None,
        trusted: Trusted | None = None,
        use_epoll: bool = HAS_EPOLL,
    ) -> None:
        self.draining = self.hands_over = False
        self.observer = observer or Observer()
        self.limits = limits = limits or Limits()
        self.deadlines = Deadlines(limits)
        self.refused: Counter[str] = Counter()
        self.resting: list[Any] = []  # listeners that leave the next connection to other workers
        self._recycling = Recycling(limits)
        self._stuck = Stuck(limits.request_timeout)
        self._is_recycled = False
        self._started = time.time()
        self._threads = threads
        self.is_multiprocess = is_multiprocess
        self._link = link
        self._asked: float | None = None
        self._drained_since = 0.0
        self._deadline = float("inf")
        self._next_care = 0.0
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        self._poller = Poller(use_epoll=use_epoll)
        self._control = _Control()
        self._poller[link.fileno()] = self._poller[self._wake] = self._control
        self._leadership = Leadership(threads, self._turn)
        self._queue, lanes = self._leadership.queue, self._leadership.lanes
        self._slow, self._computing = lanes.waiting, lanes.computing
        self.tempo = Tempo()
        # Below it nothing else need be counted; 0 where the queue is not all that waits.
        self._queue_limit = 0 if limits.per_client else limits.queue or sys.maxsize
        self.shares = Shares(limits.per_client, self._leadership.add_task, trusted or Trusted(()))
        adjustments = _adjustments(limits, threads, connection_limit)
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
        self._link.send("figures", figures=self.figures())  # they must outlive the worker

    def is_crowded(self) -> bool:
        """Return whether no further request may wait; called in the poll, for every request."""
        queued = len(self._queue) + len(self._slow) + len(self._computing)
        return queued >= self._queue_limit and self._is_full()

    def _is_full(self) -> bool:
        most = self.limits.queue
        return most > 0 and self._waiting() >= most + self._leadership.free()

    def _waiting(self) -> int:
        queued = len(self._queue) + len(self._slow) + len(self._computing)
        return queued + self.shares.waiting

    def figures(self) -> dict[str, Any]:
        """Return what the worker does and has done, as JSON can hold it."""
        running, waiting = len(self._leadership.running()), self._waiting()
        return self.observer.snapshot() | {
            "in_flight": running + waiting,
            "queue": waiting,
            "busy_threads": running,
            "threads": self._threads,
            "connections": sum(1 for _ in self._channels()),
            "refused": dict(self.refused),
            "memory": resident(),
            "started": self._started,
        }

    def _close(self) -> None:
        for channel in self._channels():
            if channel.requests:
                self.observer.refused(channel, "cut off", 0)
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

    def read_control(self) -> None:
        """Do what the master or a signal says; the master's death ends the worker."""
        for message in self._link.receive():
            if message.kind == "drain":
                self.drain(message.fields["grace"], hand_over=message.fields["hand_over"])
            elif message.kind == "connections":
                self._adopt(message)
            elif message.kind == "figures":
                self._link.send("figures", figures=self.figures())
            elif message.kind == "reopen":
                self.observer.reopen()
        if self._link.closed:
            os._exit(1)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        if self._asked is not None:
            grace, self._asked = self._asked, None
            self.drain(grace)

    def _turn(self, seconds: float) -> None:
        """Poll once and do what there is to do, except for serving requests."""
        if self.resting:
            found = self._poller.wait(min(seconds, listener.REST))
            self._end_rest()
        else:
            found = self._poller.wait(min(seconds, LINGER / 2) if self.draining else seconds)
        # The master's word comes first: from then on the old code answers no further request.
        if any(item is self._control for item, _events in found):
            self.read_control()
        if self.hands_over:  # before a busy client's next request is read, and the next
            self._hand_over()
        for item, events in found:
            try:
                item.handle_event(events)
            except Exception:  # of one connection; the others must not feel it
                item.handle_error()
        if time.monotonic() >= self._next_care:
            self._take_care()
        if self.draining:
            if not self.hands_over:
                self._close_idle()
            if self._is_done():
                self._leadership.stop()

    def _end_rest(self) -> None:
        resting, self.resting = self.resting, []
        for item in resting:
            item.end_rest()

    def _take_care(self) -> None:
        """Do what need not be done at every poll."""
        self._next_care = time.monotonic() + TICK
        self._beat()
        for item in self._listeners:
            item.take_care()
        self.deadlines.enforce()
        self.deadlines.close_idle(self._channels())
        if self.limits.request_timeout and self._stuck.look(self._leadership.running()):
            self._recycle("stuck")
        elif reason := self._recycling.reason(self._leadership.count()):
            self._recycle(reason)

    def _beat(self) -> None:
        """Tell the master that somebody polls, unless it does not read: no reason to end."""
        look = select.poll()
        look.register(self._link, select.POLLOUT)
        if look.poll(0):
            self._link.send("beat")

    def _recycle(self, reason: str) -> None:
        """Ask the master for a successor, once."""
        if not (self._is_recycled or self.draining):
            self._is_recycled = True
            _logger.warning("this worker wants to be replaced: %s", reason)
            self._link.send("recycle", reason=reason)

    def _is_done(self) -> bool:
        return time.monotonic() >= self._deadline or not any(self._channels())

    def _channels(self) -> Iterator[Channel]:
        for item in self._listeners:
            yield from list(item.active_channels.values())

    def _close_idle(self) -> None:
        """Let go of the connections on which nothing is under way."""
        if time.monotonic() >= self._drained_since + LINGER:
            for channel in self._channels():
                if channel.is_idle():
                    channel.handle_close()

    def _hand_over(self) -> None:
        """Let a successor have them."""
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


def _adjustments(limits: Limits, threads: int, connection_limit: int) -> Adjustments:
    """Return what waitress's part has to know."""
    return Adjustments(
        threads=threads,
        ident="carboy",
        connection_limit=connection_limit,
        backlog=BACKLOG,  # waitress calls listen() once more
        max_request_header_size=limits.max_header,
        max_request_body_size=limits.max_body + 1,  # waitress: at least so many are too many
        clear_untrusted_proxy_headers=False,  # the parser sets them aside
    )
