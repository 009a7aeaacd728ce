"""Clients that take their time: requests that begin and do not end, connections that do nothing.

Nothing here is done for a request that arrives whole. The others stand in a set, which is looked
through about once a second.
"""

import time
from collections.abc import Iterable
from typing import Any

from carboy.channel import LINGER, Channel
from carboy.limits import Limits

# The rate of a body is measured over this long, in seconds: a network may pause for a moment.
WINDOW = 5.0
# A client that takes nothing of its answer for so long has left, in seconds.
STALLED = 120.0
# Between two looks at all connections, in seconds.
LEAST_PAUSE, LONGEST_PAUSE = 1.0, 10.0


class Deadlines:
    """The connections with half a request, and what becomes of them; used by who polls."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._channels: set[Channel] = set()
        self.add = self._channels.add
        self._next_look = 0.0

    def __len__(self) -> int:
        return len(self._channels)

    def enforce(self) -> None:
        """Look at all of them; turn away whose time is up."""
        now = time.monotonic()
        for channel in list(self._channels):
            if not self._look(channel, now):
                self._channels.discard(channel)

    def _look(self, channel: Channel, now: float) -> bool:
        """Return whether to look at the connection again."""
        if channel.is_lingering and now - channel.since >= LINGER:
            channel.handle_close()
        if channel.is_lingering and channel.connected:
            return True
        with channel.requests_lock:
            if not channel.connected or channel.request is None:
                return False
            self._look_at_request(channel, now)
        return True

    def _look_at_request(self, channel: Channel, now: float) -> None:
        if channel.requests or channel.total_outbufs_len:
            # It is the server that does not read, so the client's time begins again.
            channel.since, channel.mark = now, None
        elif channel.request.headers_finished:
            self._look_at_body(channel, now)
        elif 0 < self._limits.header_timeout <= now - channel.since:
            channel.refuse("header_timeout", 408)

    def _look_at_body(self, channel: Channel, now: float) -> None:
        received = channel.request.body_bytes_received
        before, had = channel.mark or (now, received)
        if now - before < WINDOW:
            channel.mark = before, had
        elif received - had >= self._limits.body_rate * (now - before):
            channel.mark = now, received
        else:
            channel.refuse("body_rate", 408)

    def close_idle(self, channels: Iterable[Channel]) -> None:
        """Close connections on which nothing has happened for long; look seldom."""
        if time.monotonic() >= self._next_look:
            keep = self._limits.keep_alive
            pause = min(max(keep / 10, LEAST_PAUSE), LONGEST_PAUSE)
            self._next_look = time.monotonic() + pause
            now = time.time()
            for channel in channels:
                # Cheap first: most of many connections have been active, or wait for little.
                if now - channel.last_activity >= keep and self._is_over(channel, now):
                    channel.handle_close()

    def _is_over(self, channel: Channel, now: float) -> bool:
        if channel.total_outbufs_len:
            return bool(now - channel.last_activity >= STALLED)
        if not channel.is_idle():
            return False
        # Who has connected but not spoken yet may be on the way.
        is_new = channel.last_activity == channel.creation_time
        return not is_new or bool(now - channel.creation_time >= self._limits.header_timeout)


def make_room(channels: Iterable[Any], share: int = 16, rest: float = 1.0) -> int:
    """Close the idle connections that rest longest, so that others can connect.

    At most one of `share`, and none that was used within `rest` seconds: its next request may be
    on the way. Returns how many.
    """
    before = time.time() - rest
    idle = [c for c in channels if c.last_activity < before and c.is_idle()]
    idle.sort(key=lambda channel: channel.last_activity)
    oldest = idle[: len(idle) // share + 1]
    for channel in oldest:
        channel.handle_close()
    return len(oldest)
