"""A loop of the master's that turns in a thread, while the test is its client."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from carboy.loop import Loop


class Closable(Protocol):
    def close(self) -> None: ...


@contextlib.contextmanager
def turning(prepare: Callable[[Loop], Closable]) -> Iterator[None]:
    """Let `prepare` join a loop, and turn it until the end of the block."""
    loop = Loop()
    joined = prepare(loop)
    ours, theirs = socket.socketpair()
    errors = []

    def run() -> None:
        ended = []
        loop.watch(theirs, lambda: ended.append(True))
        try:
            while not ended:
                loop.turn()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ours.sendall(b"x")
        thread.join(10)
        joined.close()
        loop.close()
        ours.close()
        theirs.close()
    assert errors == []
    assert not thread.is_alive()


def talk(address, *parts: bytes, family: int = socket.AF_INET) -> bytes:
    """Send the parts to a server and return all that it answers."""
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect(address)
        for part in parts:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.sendall(part)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(65536):
                answer += data
        return answer
