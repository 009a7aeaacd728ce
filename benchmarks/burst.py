"""Many clients at once, each with one request on a connection of its own: count the answers."""

import contextlib
import selectors
import socket
import time

# How long clients wait for their answer, in seconds.
PATIENCE = 3.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def answered(port: int, clients: int, body: bytes) -> int:
    """Return how many of so many clients got a whole answer that ends with `body`."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(clients):
            _connect(port, stack, selector)
        return _count(selector, body)


def _connect(port: int, stack: contextlib.ExitStack, selector: selectors.BaseSelector) -> None:
    sock = stack.enter_context(socket.socket())
    sock.setblocking(False)
    sock.connect_ex(("127.0.0.1", port))
    selector.register(sock, selectors.EVENT_WRITE, bytearray())


def _count(selector: selectors.BaseSelector, body: bytes) -> int:
    count, end = 0, time.monotonic() + PATIENCE
    while selector.get_map() and (left := end - time.monotonic()) > 0:
        for key, _events in selector.select(left):
            if _go_on(selector, key, body):
                selector.unregister(key.fileobj)
                count += _is_answer(key.data, body)
    return count


def _go_on(selector: selectors.BaseSelector, key: selectors.SelectorKey, body: bytes) -> bool:
    """Send the request or receive more of the answer; return whether that was the last of it.

    Not every server closes the connection soon, asked to or not: the body is the sign.
    """
    sock, received = key.fileobj, key.data
    assert isinstance(sock, socket.socket)
    try:
        if key.events == selectors.EVENT_WRITE:
            sock.send(_REQUEST)
            selector.modify(sock, selectors.EVENT_READ, received)
            return False
        part = sock.recv(4096)
    except OSError:
        return True
    received += part
    return not part or _is_answer(received, body)


def _is_answer(received: bytes, body: bytes) -> bool:
    return received.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")) and received.endswith(body)
