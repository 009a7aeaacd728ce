"""Whether a run had the project to itself: of two at once, neither knows what it ends up with."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from eggcrate import fingerprint


class Turn:
    """A run in the project ``root``, from :meth:`begin` to the end of the process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._token = secrets.token_hex(8)
        self._handle: int | None = None
        self._began_alone = False

    def begin(self) -> None:
        """Take part: from now on no fingerprint of an earlier run counts, nor of one at work."""
        with contextlib.suppress(OSError):  # a file system without locks: never alone
            self._handle = os.open(self.root / "parts" / "buildout", os.O_RDONLY)
            self._began_alone = self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._lock(fcntl.LOCK_SH)
        with contextlib.suppress(OSError):  # what cannot be written, zc.buildout will say
            fingerprint.expect(self.root, self._token)

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Tell whether there was no other run since the beginning; keep others out meanwhile."""
        try:
            yield (
                self._began_alone
                and self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
                and fingerprint.is_expected(self.root, self._token)
            )
        finally:
            self._lock(fcntl.LOCK_SH)

    def _lock(self, operation: int) -> bool:
        if self._handle is None:
            return False
        try:
            fcntl.flock(self._handle, operation)
        except OSError:
            return False
        return True
