"""One connection: waitress's channel and tasks, without what a request need not pay for.

waitress writes header and body in two system calls, wakes its poll through a pipe after every
request, and asks every connection before every poll what it waits for. Here a small answer leaves
in one call, and the poller is told only what changes.
"""

import socket
import time
from typing import Any

from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.task import ErrorTask, Task, WSGITask

from carboy.poller import HANGUP, READ, WRITE

RECEIVE = 65536


class _Answer(Task):  # type: ignore[misc]
    """What both kinds of answers have in common."""

    wrote_header = False

    def build_response_header(self) -> bytes:
        server = self.channel.server.carboy
        # A successor takes the connection over as it is; without one it must end.
        if server.draining and not server.hands_over:
            self.set_close_on_finish()
        header: bytes = super().build_response_header()
        return header

    def write(self, data: bytes) -> None:
        if self.wrote_header or not self._is_whole(data):
            super().write(data)
            return
        header = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(header + data)

    def _is_whole(self, data: bytes) -> bool:
        """Return whether `data` is all of the body, and of the length that was announced."""
        is_known = self.complete and self.content_length == len(data)
        return is_known and bool(data) and self.has_body


class _RequestTask(_Answer, WSGITask):  # type: ignore[misc]
    """The answer of the application."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ["wsgi.multiprocess"] = self.channel.server.carboy.is_multiprocess
        return environ


class _RefusalTask(_Answer, ErrorTask):  # type: ignore[misc]
    """The answer to a request that cannot be understood."""


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that tells the poller when what it waits for changes."""

    task_class = _RequestTask
    error_task_class = _RefusalTask
    interest = READ

    def handle_event(self, events: int) -> None:
        """Read or write, as the poller says; by the thread that polls."""
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

    def handle_read(self) -> None:
        """Receive what there is; one call, so that no connection keeps the others waiting."""
        try:
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

    def touch(self) -> None:
        """Wait for what can be done next; by any thread."""
        with self.outbuf_lock:
            # Until nothing changes: another thread may end a request between the look and the
            # telling, find the old interest right, and leave.
            while self.connected:
                interest = (READ if self.readable() else 0) | (WRITE if self.writable() else 0)
                if interest == self.interest:
                    return
                self.interest = interest
                self._map.set_interest(self._fileno, interest)

    def service(self) -> None:
        """Serve one request; by any thread."""
        super().service()
        if self.close_when_flushed and not self.total_outbufs_len:
            self.handle_close()
        # The usual end: everything is sent, the next request is waited for as before.
        elif self.interest != READ or self.total_outbufs_len or self.will_close:
            self.touch()

    def write_soon(self, data: Any) -> int:
        """Send at once what the kernel takes and keep the rest for the poller."""
        if self.total_outbufs_len or not isinstance(data, bytes):
            size: int = super().write_soon(data)
            self.touch()
            return size
        sent = self._send(data) if data else 0
        if sent < len(data):
            super().write_soon(data[sent:])
            self.touch()
        return len(data)

    def _send(self, data: bytes) -> int:
        with self.outbuf_lock:
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
        for buffer in self.outbufs:
            buffer.close()  # a large answer has left a file behind
        setattr(self, "socket", None)  # noqa: B010  # declared by an untyped base class
        return detached
