"""The line between the master and one worker: messages, and open connections with them."""

import array
import json
import os
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_LENGTH = struct.Struct("!I")
_SEND_TIMEOUT = struct.pack("ll", 2, 0)  # struct timeval: seconds, microseconds
# Linux passes at most 253 descriptors in a message (SCM_MAX_FD in unix(7)).
MAX_DESCRIPTORS = 200
_ANCILLARY = socket.CMSG_SPACE(MAX_DESCRIPTORS * array.array("i").itemsize)
# Where the flag is missing (macOS) a connection may be inherited by a program that the
# application starts at this very moment; nothing worse.
_FLAGS = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


@dataclass
class Message:
    """What one side tells the other: a kind, fields that JSON can hold, and descriptors."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    descriptors: list[int] = field(default_factory=list)


class Link:
    """One end of the line. Stream sockets, so that the death of either side is an end of file.

    A frame is a length of four bytes and a JSON object; descriptors travel with the frame's
    first byte (`SCM_RIGHTS`), so they never arrive after their message.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        # Whoever does not read for this long is as good as dead; the other side must live on.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SEND_TIMEOUT)
        self.closed = False
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        self._inbox: deque[Message] = deque()

    def fileno(self) -> int:
        """Return the descriptor, for selectors and polls."""
        return self.socket.fileno()

    def send(self, kind: str, descriptors: Sequence[int] = (), **fields: Any) -> bool:
        """Send a message and return whether it could be sent.

        False means that the other side is gone or does not read; the caller's descriptors
        stay open in either case.
        """
        frame = json.dumps({"kind": kind, "fds": len(descriptors), "fields": fields}).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        data = memoryview(_LENGTH.pack(len(frame)) + frame)
        try:
            sent = self.socket.sendmsg([data], rights if descriptors else [])
            while sent < len(data):
                sent += self.socket.send(data[sent:])
        except OSError:
            self.closed = True
            return False
        return True

    def receive(self) -> list[Message]:
        """Return the messages that have arrived; sets `closed` at the end of the line."""
        # To the end: of a worker that has died, nobody asks again.
        while self._read(socket.MSG_DONTWAIT):
            pass
        messages = list(self._inbox)
        self._inbox.clear()
        return messages

    def wait(self) -> Message | None:
        """Wait for the next message; None at the end of the line."""
        while not self._inbox and not self.closed:
            self._read()
        return self._inbox.popleft() if self._inbox else None

    def _read(self, flags: int = 0) -> bool:
        """Take in what one call gives and return whether there may be more."""
        try:
            data, ancillary, *_ = self.socket.recvmsg(65536, _ANCILLARY, _FLAGS | flags)
        except BlockingIOError:
            return False
        except OSError:  # the other side died with our last message unread
            self.closed = True
            return False
        self._collect_descriptors(ancillary)
        self._received += data
        # Never open again: after half a frame that could not be sent, no other would be understood.
        self.closed = self.closed or not data
        self._inbox.extend(self._messages())
        return bool(data)

    def _collect_descriptors(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for _level, kind, data in ancillary:
            if kind == socket.SCM_RIGHTS:
                numbers = array.array("i")
                numbers.frombytes(data[: len(data) - len(data) % numbers.itemsize])
                self._descriptors.extend(numbers)

    def _messages(self) -> Iterator[Message]:
        while len(self._received) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._received)
            end = _LENGTH.size + length
            if len(self._received) < end:
                return
            parsed = json.loads(self._received[_LENGTH.size : end])
            del self._received[:end]
            # Fewer than were sent if more would be open than may be: the kernel closes the rest.
            count = min(parsed["fds"], len(self._descriptors))
            descriptors = [self._descriptors.popleft() for _ in range(count)]
            yield Message(parsed["kind"], parsed["fields"], descriptors)

    def close(self) -> None:
        """Close this end and every descriptor that arrived without being taken."""
        self.closed = True
        self.socket.close()
        for number in (*self._descriptors, *(n for m in self._inbox for n in m.descriptors)):
            os.close(number)
        self._descriptors.clear()
        self._inbox.clear()
