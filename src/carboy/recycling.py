"""When a worker has done enough: it asks to be replaced."""

import random

from carboy.figures import resident
from carboy.limits import Limits

JITTER = 0.1


class Recycling:
    """Knows whether a worker has served its requests, or grown too large."""

    def __init__(self, limits: Limits, chance: random.Random | None = None) -> None:
        # The workers of a generation must not all leave at the same moment.
        factor = (chance or random.Random()).uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        self._requests = round(limits.max_requests * factor) or limits.max_requests
        self._memory = limits.max_memory << 20

    def reason(self, requests: int) -> str | None:
        """Return why the worker is to be replaced, after so many requests; None if it is not."""
        if 0 < self._requests <= requests:
            return "max-requests"
        if self._memory and resident() > self._memory:
            return "max-memory"
        return None
