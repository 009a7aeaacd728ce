"""A listening socket in a worker: accepts connections within limits, and takes over open ones."""

import contextlib
import errno
import socket
import time
from typing import Any

from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer

from carboy.application import WSGIApplication
from carboy.channel import Channel
from carboy.poller import READ, Poller

# Connections accepted between two looks at those that are open.
ACCEPTS = 64
# What a process or the machine may run out of; it accepts again a little later.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class _Listener(BaseWSGIServer):  # type: ignore[misc]
    """waitress's server for one socket, driven by the poller."""

    channel_class = Channel
    next_channel_cleanup: float = 0
    is_paused = False

    def handle_event(self, _events: int) -> None:
        """Accept what has connected."""
        for _ in range(ACCEPTS if self.accepting else 0):
            if len(self._map) >= self.adj.connection_limit:
                self._pause("the limit of connections is reached")
                return
            if not self._accept():
                return

    def _accept(self) -> bool:
        try:
            sock, address = self.socket.accept()
        except BlockingIOError:  # another worker was faster
            return False
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._pause(error.strerror or "out of resources")
                return False
            return True  # this client has left already
        sock.setblocking(False)
        self._enter(sock, address)
        return True

    def _enter(self, sock: socket.socket, address: Any) -> None:
        with contextlib.suppress(OSError):  # gone; its first read will tell
            self.set_socket_options(sock)
        self.channel_class(self, sock, self.fix_addr(address), self.adj, map=self._map)

    def adopt(self, sock: socket.socket) -> None:
        """Go on with a connection that another worker has accepted."""
        try:
            address = sock.getpeername()
        except OSError:  # the client has left meanwhile
            sock.close()
        else:
            sock.setblocking(False)
            self._enter(sock, address)

    def _pause(self, reason: str) -> None:
        """Leave new connections in the kernel's queue until `take_care` looks again."""
        self.is_paused = True
        self._map.set_interest(self._fileno, 0)
        self.logger.warning("not accepting connections: %s", reason)

    def take_care(self) -> None:
        """Accept again after a pause, and close connections on which nothing happens."""
        if self.is_paused and len(self._map) < self.adj.connection_limit:
            self.is_paused = False
            self._map.set_interest(self._fileno, READ)
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = now + self.adj.cleanup_interval
            for channel in list(self.active_channels.values()):
                if not channel.requests and channel.last_activity < now - self.adj.channel_timeout:
                    channel.handle_close()

    def accept_waiting(self) -> None:
        """Accept every connection that the kernel has completed already."""
        while self._accept():
            pass

    def stop_listening(self) -> None:
        """Leave the socket to the other processes that have it."""
        self.accepting = False
        self.del_channel()
        self.socket.close()

    def pull_trigger(self) -> None:
        """Do nothing: a connection tells the poller itself what it waits for."""


class _TcpListener(_Listener, TcpWSGIServer):  # type: ignore[misc]
    pass


class _UnixListener(_Listener, UnixWSGIServer):  # type: ignore[misc]
    pass


def listen(
    server: Any,
    application: WSGIApplication,
    sock: socket.socket,
    poller: Poller,
    dispatcher: Any,
    adjustments: Any,
) -> _Listener:
    """Return the listener for a socket that is bound already; `server` is known to its tasks."""
    kind = _UnixListener if sock.family == socket.AF_UNIX else _TcpListener
    made = kind(
        application,
        poller,
        _sock=sock,
        dispatcher=dispatcher,
        adj=adjustments,
        sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
        bind_socket=False,
    )
    made.carboy = server
    made.trigger.close()
    return made
