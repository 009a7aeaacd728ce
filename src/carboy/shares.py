"""A client's share of the threads: what it asks beyond that waits without blocking others."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from carboy import proxies
from carboy.channel import Channel


class Shares:
    """Lets each client have at most so many requests queued or served at a time.

    The rest of a client waits in a line of its own, and moves up one by one. A client is an
    address, where `trusted` proxies say so the one that they name; whoever comes over a Unix
    socket without a name is not limited.
    """

    def __init__(self, most: int, queue: Callable[[Any], None], trusted: proxies.Trusted) -> None:
        self._trusted = trusted
        self._most = most
        self._queue = queue
        self._lock = threading.Lock()
        self._admitted: Counter[str] = Counter()
        self._lines: dict[str, deque[SharedChannel]] = {}
        self.waiting = 0

    def add_task(self, channel: "SharedChannel") -> None:
        """Queue the next request of a connection, or let it wait for its client's turn."""
        client = channel.client = self._client_of(channel)
        if client == proxies.UNIX:
            self._queue(channel)
            return
        with self._lock:
            if self._admitted[client] >= self._most:
                self._lines.setdefault(client, deque()).append(channel)
                self.waiting += 1
                return
            self._admitted[client] += 1
        self._queue(channel)

    def _client_of(self, channel: "SharedChannel") -> str:
        return proxies.client_of(str(channel.addr[0]), channel.requests[0].forwarded, self._trusted)

    def done(self, client: str) -> None:
        """Let the next one of this client move up."""
        if client == proxies.UNIX:
            return
        with self._lock:
            line = self._lines.get(client)
            if not line:
                self._admitted[client] -= 1
                if not self._admitted[client]:
                    del self._admitted[client]
                return
            channel = line.popleft()
            self.waiting -= 1
            if not line:
                del self._lines[client]
        self._queue(channel)


class SharedChannel(Channel):
    """A connection whose client has a limited share."""

    client = ""

    def service(self) -> None:
        """Serve one request, then let another one of the client move up."""
        client = self.client  # the next request of this connection may be another's: a proxy's
        try:
            super().service()
        finally:
            self.server.carboy.shares.done(client)
