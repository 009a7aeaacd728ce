"""One run of zc.buildout after another: two at once would take each other's files away."""

import fcntl
import os
from pathlib import Path

# The project of the run that a process was started by: a recipe may run bin/buildout itself.
_WITHIN = "EGGCRATE_WITHIN"


class Turn:
    """A run in the project ``root``, from :meth:`take` to the end of the process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._handle: int | None = None
        self.has_waited = False
        self.is_alone = False  # as far as can be known: there are file systems without locks

    def take(self, *, wait: bool = True) -> None:
        """Let no other run begin, and ``wait`` until none is at work.

        One that only looks need not wait, nor can one that another run waits for.
        """
        if self._handle is not None:
            return
        try:
            self._handle = os.open(self._root / "parts" / "buildout", os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait or os.environ.get(_WITHIN) == str(self._root):
                    return
                # zc.buildout, which would log it, has not begun.
                print(
                    "Another run is at work in this project: waiting until it has ended.",
                    flush=True,
                )
                self.has_waited = True
                fcntl.flock(self._handle, fcntl.LOCK_EX)
        except OSError:
            return
        self.is_alone = True
        os.environ[_WITHIN] = str(self._root)
