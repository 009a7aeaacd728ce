"""A listening socket in a worker: accepts connections within limits, and takes over open ones."""

import contextlib
import errno
import socket
import time
from typing import Any

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.server import BaseWSGIServer, TcpWSGIServer, UnixWSGIServer

from carboy.application import WSGIApplication
from carboy.channel import Channel
from carboy.deadlines import make_room
from carboy.poller import READ, Poller
from carboy.shares import SharedChannel

# Connections accepted between two looks at those that are open, at most.
ACCEPTS = 64
# A worker with so many connections leaves the next one to the others, if they are not busy: after
# each visit it looks away from the socket until the next poll, which waits at most a millisecond.
# Else whoever wakes first takes them all, and one processor serves what two could.
FEW = 2
REST = 0.001
# A warning that would be repeated is given again after so many seconds.
WARN_EVERY = 10.0
# What the process or the machine has run out of; it accepts again a little later.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# A listening socket that has become none: another process that has it has shut it down.
_DEAD = (errno.EINVAL, errno.EBADF, errno.ENOTSOCK, errno.EOPNOTSUPP)


class _Listener(BaseWSGIServer):  # type: ignore[misc]
    """waitress's server for one socket, driven by the poller."""

    channel_class: type[Channel] = Channel
    is_paused = False
    _visit = 1
    _next_warning = 0.0

    def handle_event(self, _events: int) -> None:
        """Accept what has connected, more with each visit that leaves some waiting."""
        for _ in range(self._visit if self.accepting else 0):
            if not self._has_room():
                self._pause("the limit of connections is reached")
                return
            if not self._accept():
                self._visit = max(self._visit // 2, 1)
                break
        else:
            self._visit = min(self._visit + 1, ACCEPTS)
        if self.carboy.is_multiprocess and len(self.active_channels) > FEW:
            self._rest()

    def _rest(self) -> None:
        if self.accepting and not self.is_paused:
            self._map.set_interest(self._fileno, 0)
            self.carboy.resting.append(self)

    def end_rest(self) -> None:
        """Look at the socket again."""
        if self.accepting and not self.is_paused:
            self._map.set_interest(self._fileno, READ)

    def handle_error(self) -> None:
        """Try again later, after an error that nobody has foreseen."""
        self.logger.exception("while accepting")
        self._pause("see above")

    def _make_room(self) -> bool:
        """Close connections that are open for nothing; return whether there were some."""
        closed = make_room(self.active_channels.values())
        self.carboy.refused["connections"] += closed or 1
        return closed > 0

    def _accept(self) -> bool:
        try:
            sock, address = self.socket.accept()
        except BlockingIOError:  # another worker was faster
            return False
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._pause(error.strerror or str(error))
            elif error.errno in _DEAD:
                self.logger.error("not accepting connections any more: %s", error)
                self.stop_listening()
            else:
                return True  # this client has left already
            return False
        sock.setblocking(False)
        self._enter(sock, address)
        return True

    def _enter(self, sock: socket.socket, address: Any) -> Channel:
        with contextlib.suppress(OSError):  # gone; its first read will tell
            self.set_socket_options(sock)
        return self.channel_class(self, sock, self.fix_addr(address), self.adj, map=self._map)

    def adopt(self, sock: socket.socket) -> None:
        """Go on with a connection that another worker has accepted."""
        try:
            address = sock.getpeername()
        except OSError:  # the client has left meanwhile
            sock.close()
        else:
            sock.setblocking(False)
            self._enter(sock, address).creation_time = 0.0  # it has spoken before

    def _pause(self, reason: str) -> None:
        """Leave new connections in the kernel's queue until there is a reason to look again."""
        self.is_paused = True
        self._map.set_interest(self._fileno, 0)
        if time.monotonic() >= self._next_warning:
            self._next_warning = time.monotonic() + WARN_EVERY
            self.logger.warning("not accepting connections: %s", reason)

    def resume(self) -> None:
        """Accept again if that was paused; a connection that has been closed made room."""
        if self.is_paused and self.accepting:
            self.is_paused = False
            self._map.set_interest(self._fileno, READ)

    def take_care(self) -> None:
        """Accept again after a pause."""
        if self.is_paused and self._has_room():
            self.resume()

    def _has_room(self) -> bool:
        return len(self._map) < self.adj.connection_limit or self._make_room()

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


def _environ(server: Any) -> dict[str, Any]:
    """Return what is the same in the environment of every request (PEP 3333)."""
    return {
        "SERVER_PORT": str(server.effective_port),
        "SERVER_NAME": server.server_name,
        "SERVER_SOFTWARE": server.adj.ident,
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": server.carboy.is_multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": ReadOnlyFileBasedBuffer,
        "wsgi.input_terminated": True,
    }


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
    made.environ = _environ(made)
    # Methods of waitress's server: one call less for every request.
    made.add_task = dispatcher.add_task
    made.keep = dispatcher.keep
    made.add_waiting_task = dispatcher.lanes.waiting.append
    made.add_computing_task = dispatcher.lanes.computing.append
    if server.limits.per_client:
        made.channel_class = SharedChannel
        made.add_task = made.add_waiting_task = made.add_computing_task = server.shares.add_task
    made.trigger.close()
    return made
