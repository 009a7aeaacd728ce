"""One run of zc.buildout after another: two at once would take each other's files away."""

import fcntl
import logging
import os
from pathlib import Path

logger = logging.getLogger("zc.buildout")


class Turn:
    """A run in the project ``root``, from :meth:`take` to the end of the process."""

    def __init__(self, root: Path) -> None:
        self._place = root / "parts" / "buildout"
        self._handle: int | None = None
        self.has_waited = False
        self.is_alone = False  # as far as can be known: there are file systems without locks

    def take(self) -> None:
        """Wait until no other run is at work."""
        try:
            self._handle = os.open(self._place, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                logger.info("Another run is at work in this project: waiting until it has ended.")
                self.has_waited = True
                fcntl.flock(self._handle, fcntl.LOCK_EX)
        except OSError:
            return
        self.is_alone = True
