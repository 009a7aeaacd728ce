"""What a worker counts of its requests: answers by method and status, how long they took."""

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from typing import Any

# Upper limits, in seconds, of the histogram's buckets; one bucket more holds what took longer.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

# RFC 9110, section 9.3, and PATCH (RFC 5789). Any other is OTHER: a client may invent methods
# without end, and each would be a time series.
METHODS = frozenset(
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]
)
# An application may invent status lines as well; beyond so many only their number counts.
_MOST_KEYS = 200


class Figures:
    """Counters of a worker, for one thread at a time."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], int] = {}  # by method and status line
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def add(self, batch: Iterable[tuple[str, str, float | None, Any]]) -> None:
        """Count answers: method, status that begins with the code, seconds, anything.

        Those without seconds have cost no time that says something of the application. Below
        zero they are when the clock was set back.
        """
        answers, buckets = self.answers, self._buckets
        for method, status, seconds, _ in batch:
            try:
                answers[method, status] += 1
            except KeyError:
                self._add_rare(method, status)
            if seconds is not None:
                buckets[bisect_left(BUCKETS, seconds)] += 1
                if seconds > 0:
                    self._seconds += seconds

    def _add_rare(self, method: str, status: str) -> None:
        key = _fold(method, status if len(self.answers) < _MOST_KEYS else status[:3])
        self.answers[key] = self.answers.get(key, 0) + 1

    def snapshot(self) -> dict[str, Any]:
        """Return all that was counted since the start, as JSON can hold it.

        `requests` by "METHOD STATUS"; `seconds`: how many answers fell into each of `BUCKETS`
        (not cumulative; the last number is of those above); `seconds_sum`.
        """
        requests: Counter[str] = Counter()
        for (method, status), count in self.answers.items():
            requests[f"{method} {status[:3]}"] += count
        return {
            "requests": dict(requests),
            "seconds": list(self._buckets),
            "seconds_sum": self._seconds,
        }


def _fold(method: str, status: str) -> tuple[str, str]:
    method = method.upper()
    return (method if method in METHODS else "OTHER"), status


def resident() -> int:
    """Return the bytes of memory that this process has now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # once a second: cheap
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
