"""Clients of the master itself: heard and answered without ever waiting for one of them."""

import socket
from collections.abc import Callable

from carboy.loop import READ, WRITE, Loop, Timer

# A client that has sent its request, or taken its answer, later than this, in seconds, is dropped.
PATIENCE = 5.0
# Clients at a time; beyond it, one that has not said anything whole makes room.
MOST = 64
# After the machine has run out of descriptors, look again so many seconds later.
PAUSE = 1.0


class Peer:
    """One client: its request grows in `data` until `receive` stops reading; then one answer."""

    def __init__(self, loop: Loop, sock: socket.socket, receive: Callable[["Peer"], None]) -> None:
        self.data = bytearray()
        self.is_heard = False
        self.is_closed = False
        self._loop = loop
        self._socket = sock
        self._receive = receive
        self._unsent = memoryview(b"")
        self._timer: Timer | None = None
        sock.setblocking(False)
        self._wait()
        loop.watch(sock, self._read)

    def _wait(self) -> None:
        """Give the client its time anew."""
        self._stop_waiting()
        self._timer = self._loop.after(PATIENCE, self.close)

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _read(self) -> None:
        if data := self._take():
            self.data += data
            self._receive(self)

    def _take(self) -> bytes:
        """Return what has come, b"" if nothing; closes at the end."""
        try:
            data = self._socket.recv(16384)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.close()
        return data

    def hear_no_more(self) -> None:
        """Take the request for whole; the answer may take its time."""
        self.is_heard = True
        self._stop_waiting()
        self._loop.forget(self._socket)

    def answer(self, data: bytes, *, hold: bool = False) -> None:
        """Send an answer and close, or `hold` the connection until this process ends."""
        if self.is_closed:
            return
        self.hear_no_more()
        self._unsent = memoryview(data)
        self._wait()
        self._loop.watch(self._socket, lambda: self._write(hold=hold), WRITE)

    def _write(self, *, hold: bool) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._hold() if hold else self._part()

    def _hold(self) -> None:
        self._stop_waiting()
        self._loop.forget(self._socket)

    def _part(self) -> None:
        """Say goodbye and wait for the client's: closed with words unread, it would lose ours."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
        else:
            self._loop.watch(self._socket, self._take, READ)  # and throw it away

    def close(self) -> None:
        """End the connection."""
        if not self.is_closed:
            self.is_closed = True
            self._stop_waiting()
            self._loop.forget(self._socket)
            self._socket.close()


class Reception:
    """Accepts clients on a listening socket, so many that none can keep the others out."""

    def __init__(self, loop: Loop, sock: socket.socket, receive: Callable[[Peer], None]) -> None:
        self._loop = loop
        self._socket = sock
        self._receive = receive
        self._peers: list[Peer] = []
        self._is_closed = False
        sock.setblocking(False)
        loop.watch(sock, self._accept)

    def _accept(self) -> None:
        try:
            sock, _address = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # out of descriptors: the client waits in the kernel's queue
            self._loop.forget(self._socket)
            self._loop.after(PAUSE, self._resume)
            return
        self._peers = [peer for peer in self._peers if not peer.is_closed]
        if len(self._peers) >= MOST and not self._make_room():
            sock.close()
            return
        self._peers.append(Peer(self._loop, sock, self._receive))

    def _resume(self) -> None:
        if not self._is_closed:
            self._loop.watch(self._socket, self._accept)

    def close(self) -> None:
        """Drop all clients and accept no other; the listening socket is its owner's."""
        self._is_closed = True
        self._loop.forget(self._socket)
        for peer in self._peers:
            peer.close()

    def _make_room(self) -> bool:
        """Drop whoever has been talking for longest."""
        talking = next((peer for peer in self._peers if not peer.is_heard), None)
        if talking:
            talking.close()
        return talking is not None
