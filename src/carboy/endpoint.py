"""A small HTTP server in the master, beside the application: for probes and for Prometheus.

It answers GET and HEAD, one request on each connection, and from the master's loop: a page that
needs to ask somebody is given a function to answer with later.
"""

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

from carboy.loop import Loop
from carboy.peer import Peer, Reception

# The longest request line and headers together, in bytes.
LIMIT = 8192
PLAIN = "text/plain; charset=utf-8"


class Respond(Protocol):
    """Sends the answer to one request."""

    def __call__(self, status: int, body: bytes | str, content_type: str = PLAIN) -> None:
        """Send a status, a body and its type; to be called once."""


Page = Callable[[Respond], None]


class Endpoint:
    """Answers on listening sockets with `pages`, by their paths."""

    def __init__(
        self, loop: Loop, sockets: Iterable[socket.socket], pages: Mapping[str, Page]
    ) -> None:
        self._pages = pages
        self._receptions = [Reception(loop, sock, self._receive) for sock in sockets]

    def close(self) -> None:
        """Drop all clients and accept no other."""
        for reception in self._receptions:
            reception.close()

    def _receive(self, peer: Peer) -> None:
        head, end, _body = bytes(peer.data).replace(b"\r\n", b"\n").partition(b"\n\n")
        if end or len(peer.data) > LIMIT:
            peer.hear_no_more()
            self._answer(peer, head.partition(b"\n")[0] if end else None)

    def _answer(self, peer: Peer, line: bytes | None) -> None:
        method, target = _parse(line or b"")
        respond = _responder(peer, is_head=method == "HEAD")
        if line is None:
            respond(431, "the request is too long\n")
        elif not method:
            respond(400, "this is no HTTP request\n")
        elif method not in ("GET", "HEAD"):
            respond(405, "only GET and HEAD\n")
        elif page := self._pages.get(target.partition("?")[0]):
            page(respond)
        else:
            respond(404, f"there are only {', '.join(self._pages)}\n")


def _parse(line: bytes) -> tuple[str, str]:
    """Return method and target of a request line (RFC 9112, section 3); "" if it is none."""
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[0].isalpha():
        return "", ""
    return words[0], words[1]


def _responder(peer: Peer, *, is_head: bool) -> Respond:
    def respond(status: int, body: bytes | str, content_type: str = PLAIN) -> None:
        data = body.encode() if isinstance(body, str) else body
        head = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            f"Date: {formatdate(time.time(), usegmt=True)}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(data)}",
            "Cache-Control: no-store",
            "Connection: close",
            *(["Allow: GET, HEAD"] if status == 405 else []),
        ]
        text = "\r\n".join([*head, "", ""]).encode("ascii")
        peer.answer(text if is_head else text + data)

    return respond
