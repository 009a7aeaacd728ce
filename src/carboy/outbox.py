"""Answers that leave together: each that is sent wakes a client, which may want this processor.

While more requests wait, the thread that leads keeps what it has to send for a moment. Where the
clients (or a proxy) are on the same machine they are woken once for several answers, and take the
processor from the server less often: at a hundred clients a fifth more is answered, and sooner.
"""

import logging
import time
from collections import deque
from typing import Any

# So many leave together, or fewer if the first was made so many seconds ago: requests that take
# longer than most must not be paid for by those before them.
TOGETHER, MOMENT = 8, 0.004

_logger = logging.getLogger("carboy")


class Outbox:
    """Things to be sent, in order; each has a method `release()` that sends it.

    One thread keeps, any thread may release.
    """

    def __init__(self) -> None:
        self._kept: deque[Any] = deque()
        self._due = 0.0

    def keep(self, item: Any) -> None:
        """Send something soon."""
        if not self._kept:
            self._due = time.monotonic() + MOMENT
        self._kept.append(item)

    def release_due(self) -> None:
        """Send everything if that is enough, or the first has been kept for long enough."""
        kept = self._kept
        if kept and (len(kept) >= TOGETHER or time.monotonic() >= self._due):
            self.release()

    def release(self) -> None:
        """Send everything."""
        kept = self._kept
        while kept:
            try:
                item = kept.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                item.release()
            except Exception:  # the others are to be sent all the same
                _logger.exception("while sending")
