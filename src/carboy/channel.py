"""One connection: waitress's channel, without what a request need not pay for.

waitress writes header and body in two system calls, wakes its poll through a pipe after every
request, and asks every connection before every poll what it waits for. Here a small answer leaves
in one call, and the poller is told only what changes.

The thread that polls reads, the one that serves writes, either may close. `_lock` guards the
socket and what waits to be sent; `requests_lock` what was received. Whoever needs both takes
`requests_lock` first.
"""

import contextlib
import select
import socket
import threading
import time
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel

from carboy import refusal
from carboy.parser import Parser
from carboy.poller import HANGUP, READ, WRITE
from carboy.tasks import RefusalTask, RequestTask

RECEIVE = 65536
# Bytes sent in one go from what waits: a fast reader of a large file must not keep others waiting.
STRETCH = 1 << 20
# A refused client may still be sending: it is heard this long, in seconds, so that it reads the
# answer before it finds the connection broken (RFC 9112, 9.6).
LINGER = 2.0

_HAS_LEFT = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that tells the poller when what it waits for changes."""

    task_class = RequestTask
    error_task_class = RefusalTask
    parser_class = Parser
    interest = READ
    request: Any = None
    requests: list[Any]
    # What is received is thrown away: the answer was the last.
    is_lingering = False
    # When the first byte of a request came that is still incomplete, `time.monotonic()`.
    since = 0.0
    # The last look at its body: when, and how much there was.
    mark: tuple[float, int] | None = None
    # The size of a file that the current answer sends (`wsgi.file_wrapper`), for the log.
    file_size = 0
    # Bytes in the last of the buffers that wait to be sent.
    current_outbuf_count: int
    # Set by the answer to a request that was not read to its end.
    lingers = False
    # An answer that is sent a moment later, with those of other connections.
    _kept = b""
    _stretch = STRETCH
    _path = ""

    def __init__(self, server: Any, sock: Any, address: Any, adj: Any, map: Any) -> None:
        super().__init__(server, sock, address, adj, map=map)
        self._lock = threading.RLock()
        self.outbuf_lock = threading.Condition(self._lock)

    # -- reading, by the thread that polls ----------------------------------------------------

    def handle_event(self, events: int) -> None:
        """Read or write, as the poller says."""
        if events & WRITE:
            self.handle_write()
        if events & READ and self.connected and self.readable():
            self.handle_read()
            if self.requests:
                # Most requests are served at once, by this thread: if it waits for more data
                # all the same, this is decided when the next event shows that it was too much.
                return
        elif events & HANGUP and self.connected:
            self.handle_close()
        self.touch()

    def readable(self) -> bool:
        """Return whether another request may come in: one at a time, and all of it answered."""
        return not (
            self.requests or self.total_outbufs_len or self.will_close or self.close_when_flushed
        )

    def handle_read(self) -> None:
        """Receive what there is; one call, so that no connection keeps the others waiting."""
        try:
            with self._lock:
                if not self.connected:  # closed by the thread that served it
                    return
                data = self.socket.recv(RECEIVE)
        except BlockingIOError:  # the event was of a connection that had this number before
            return
        except OSError:
            data = b""
        if data:
            self.last_activity = time.time()
            self.received(data)
        else:
            self.handle_close()

    def received(self, data: bytes) -> None:
        """Make requests of data, and queue this connection if it has one now."""
        with self.requests_lock:
            if self.will_close or self.close_when_flushed or self.is_lingering:
                return
            while data:
                request = self.request or self.parser_class(self.adj)
                data = data[request.received(data) :]
                if not request.completed:
                    self._keep(request)
                    if not data:
                        self._wait_for_rest(request)
                    continue
                self.request, self.sent_continue, self.mark = None, False, None
                if not request.empty:
                    self._enqueue(request)
                    # Turned away; or wrong, so that what follows cannot be told from its body.
                    if not self.requests or request.error:
                        return

    def _enqueue(self, request: Any) -> None:
        """Queue a request, unless too many wait; behind another one of this connection it must."""
        requests = self.requests
        requests.append(request)
        if len(requests) > 1:
            return
        server = self.server.carboy
        if server.is_crowded():
            self.refuse("queue", 503)
        elif server.tempo.scores and server.tempo.is_slow(request.path):
            computes = server.tempo.computes(request.path)
            (self.server.add_computing_task if computes else self.server.add_waiting_task)(self)
        else:
            self.server.add_task(self)

    def _keep(self, request: Any) -> None:
        if self.request is None:
            self.request, self.since = request, time.monotonic()

    def _wait_for_rest(self, request: Any) -> None:
        """Wait for the rest of a request, but not for ever, and not if it would be refused."""
        server = self.server.carboy
        server.deadlines.add(self)
        if not request.headers_finished or self.requests:
            return
        if server.is_crowded():
            self.refuse("queue", 503)
        elif request.expect_continue and not self.sent_continue:
            self.send_continue()

    # -- serving, by any thread ---------------------------------------------------------------

    def beside(self) -> None:
        """Remember what is served, to learn how long it takes."""
        for request in self.requests[:1]:
            self._path = request.path

    def took(self, seconds: float, computed: float) -> None:
        """Learn it."""
        self.server.carboy.tempo.note(self._path, seconds, computed)

    def service(self) -> None:
        """Serve one request."""
        try:
            if self._answer(self.requests[0]):
                self._go_on()
            else:
                self._stop_reading()
        except BaseException:
            self._abandon()
            raise
        self.last_activity = time.time()
        if self.close_when_flushed and not self.total_outbufs_len:
            self._end()
        # The usual end: everything is sent, the next request is waited for as before.
        elif self.interest != READ or self.total_outbufs_len or self.will_close:
            self.touch()

    def _answer(self, request: Any) -> bool:
        """Answer a request; return whether another one may follow."""
        if not self.connected:
            return False
        task = (self.error_task_class if request.error else self.task_class)(self, request)
        try:
            task.service()
        except ClientDisconnected:
            self.logger.info("Client disconnected while serving %s", request.path)
            return False
        except Exception:
            self.logger.exception("Exception while serving %s", request.path)
            return False
        return not task.close_on_finish

    def _go_on(self) -> None:
        """Take leave of a request, and queue the next one."""
        if self.current_outbuf_count:  # the next answer begins a buffer: this one's can be freed
            self.current_outbuf_count = self.adj.outbuf_high_watermark
        requests = self.requests
        if len(requests) > 1:
            self._flush_outbufs_below_high_watermark()
        requests[0].close()
        with self.requests_lock:
            requests.pop(0)
            if requests:
                if self.connected:
                    self.server.add_task(self)
            elif self.request is not None and self.connected:
                self._ask_for_rest(self.request)

    def _ask_for_rest(self, request: Any) -> None:
        """Let a client go on that waited for the end of the answer before."""
        if request.expect_continue and request.headers_finished and not self.sent_continue:
            self.send_continue()

    def _stop_reading(self) -> None:
        """Close the connection after what is to be sent."""
        self.release()  # what does not fit is then among what waits
        with self.requests_lock:
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []

    def _abandon(self) -> None:
        """Close soon, after what must not happen: the client would wait for ever."""
        with self.requests_lock:
            self.requests = []
            self.will_close = True
        self.touch()

    def check_client_disconnected(self) -> bool:
        """Return whether the client has left, or at least will send nothing more.

        It is `waitress.client_disconnected` in the environment. A client that has closed only
        its sending half counts as one that has left, but its answer is sent all the same.
        """
        with self._lock:
            if not self.connected:
                return True
            look = select.poll()
            look.register(self.socket, _HAS_LEFT)
            if look.poll(0):
                return True
            if hasattr(select, "POLLRDHUP"):
                return False
            with contextlib.suppress(OSError):
                return not self.socket.recv(1, socket.MSG_PEEK)
            return False

    # -- writing ------------------------------------------------------------------------------

    def write_whole(self, data: bytes) -> None:
        """Send all of an answer, perhaps together with those of other connections."""
        if self._kept or self.total_outbufs_len:
            self.write_soon(data)
            return
        self._kept = data
        if not self.server.keep(self):
            self._kept = b""
            self.write_soon(data)

    def release(self) -> None:
        """Send what is kept; by any thread."""
        with self._lock:
            data, self._kept = self._kept, b""
            if data and self.connected:
                # A client that has left is noted where it is found out.
                with contextlib.suppress(ClientDisconnected):
                    sent = self._send(data)
                    if sent < len(data):
                        self._write_later(data[sent:])

    def write_soon(self, data: Any) -> int:
        """Send at once what the kernel takes and keep the rest for the poller."""
        if self._kept:
            self.release()
        if self.total_outbufs_len or not isinstance(data, bytes):
            return self._write_later(data)
        sent = self._send(data) if data else 0
        if sent < len(data):
            self._write_later(data[sent:])
        return len(data)

    def _write_later(self, data: Any) -> int:
        self._stretch = STRETCH
        size: int = super().write_soon(data)
        if not isinstance(data, bytes):
            self.file_size = size
        self.touch()
        return size

    def _send(self, data: bytes) -> int:
        with self._lock:
            if not self.connected:
                raise ClientDisconnected
            try:
                return self.socket.send(data)  # type: ignore[no-any-return]
            except BlockingIOError:
                return 0
            except OSError as error:
                self.will_close = True
                self.touch()
                raise ClientDisconnected from error

    def send_continue(self) -> None:
        """Tell a client to go on, after the answer before."""
        self.release()
        super().send_continue()

    def handle_write(self) -> None:
        """Send what waits; by the thread that polls, which the poller asks again for the rest."""
        if not self._lock.acquire(blocking=False):
            return  # the thread that has it sends itself
        try:
            self._stretch = STRETCH
            if self.total_outbufs_len:
                self._flush_exception(self._flush_some)
            if self.total_outbufs_len < self.adj.outbuf_high_watermark:
                self.outbuf_lock.notify()
            if self.will_close:
                self.handle_close()
            elif self.close_when_flushed and not self.total_outbufs_len:
                self._end()
        finally:
            self._lock.release()

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send for `_flush_some`, which goes on until this returns 0."""
        if self._stretch <= 0:
            return 0
        sent: int = super().send(data, do_close)
        self._stretch -= sent
        return sent

    def touch(self) -> None:
        """Wait for what can be done next; by any thread."""
        with self._lock:
            # Until nothing changes: another thread may end a request between the look and the
            # telling, find the old interest right, and leave.
            while self.connected:
                interest = (READ if self.readable() else 0) | (WRITE if self.writable() else 0)
                if interest == self.interest:
                    return
                self.interest = interest
                self._map.set_interest(self._fileno, interest)

    # -- ending -------------------------------------------------------------------------------

    def refuse(self, reason: str, status: int) -> None:
        """Answer without a task and close; by the thread that polls, while none serves.

        In the middle of an earlier answer, or with the status 0, it closes without a word.
        """
        server = self.server.carboy
        self.release()
        if self.total_outbufs_len:
            status = 0
        server.refused[reason] += 1
        server.observer.refused(self, reason, status)
        self.requests, self.request = [], None
        if status and self._say(refusal.answer(status, self.adj.ident)):
            self._linger()
        else:
            self.handle_close()

    def _say(self, data: bytes) -> bool:
        try:
            return self._send(data) == len(data)
        except ClientDisconnected:
            return False

    def _end(self) -> None:
        """Close after the last answer; gently if the client may still be sending."""
        if self.lingers:
            self._linger()
        else:
            self.handle_close()

    def _linger(self) -> None:
        """Say that nothing more comes, and throw away what the client still sends for a while."""
        with self._lock:
            if not self.connected:
                return
            self.is_lingering, self.since = True, time.monotonic()
            self.will_close = self.close_when_flushed = False
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
            self.server.carboy.deadlines.add(self)
            self.touch()

    def handle_close(self) -> None:
        """Close at once; by any thread, once."""
        with self._lock:
            if self.connected:
                super().handle_close()
                if self.server.is_paused:
                    self.server.resume()

    def handle_error(self) -> None:
        """Close after an error that nobody has foreseen; called where it is caught."""
        self.logger.exception("while reading from %s", self.addr[0])
        self.handle_close()

    def is_idle(self) -> bool:
        """Return whether nothing of a request or an answer is in the making here."""
        with self.requests_lock:
            return not (
                self.requests
                or self._kept
                or self.request is not None
                or self.total_outbufs_len
                or self.will_close
                or self.close_when_flushed
                or self.is_lingering
            )

    def detach(self) -> socket.socket:
        """Take the connection out of the loop and return it, open."""
        with self._lock:
            self.release()
            detached: socket.socket = self.socket
            self.connected = False
            self.del_channel()
            setattr(self, "socket", None)  # noqa: B010  # declared by an untyped base class
        for buffer in self.outbufs:
            buffer.close()  # a large answer has left a file behind
        return detached
