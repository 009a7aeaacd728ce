"""Where eggs are made: a folder beside them, out of which each is renamed when it is finished.

An egg is in its place whole or not at all, whatever happens:

- killed: the folder stays, but not the lock on it, and the next build removes it.
- a full disk: the egg was not renamed yet; it goes, and the error is told.
- two builds at once: each has a folder of its own, and the one that renames first wins.
- a power cut: a rename may reach the disk before the contents of what was renamed. One sync of the
  file system when all is done costs less than one of each file. Until then the folder lists what
  was placed (as names of files, which the file system orders with the renames), and whoever finds
  such a list left over compares those eggs with their RECORD.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PREFIX = ".eggcrate-"  # hidden: zc.buildout takes what looks like an egg for one
ASIDE = ".old"
PLACED = ".placed"
LOCK = "lock"

_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EISDIR}


class Workshop:
    """A folder in ``eggs``, the folder of eggs, which is made if need be."""

    def __init__(self, eggs: Path) -> None:
        self.eggs = eggs
        eggs.mkdir(parents=True, exist_ok=True)
        self.folder, self._lock = _make(eggs)
        self._placed = False

    def __enter__(self) -> "Workshop":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def place(self, name: str, accept: Callable[[Path], bool]) -> None:
        """Rename the egg ``name`` from here to the eggs.

        What is there already stays if ``accept`` says so, else it is replaced.
        """
        (self.folder / f"{name}{PLACED}").touch()
        self._placed = True
        made, final = self.folder / name, self.eggs / name
        while not _renamed(made, final):
            if accept(final):
                shutil.rmtree(made)
                return
            discard(final)

    def close(self) -> None:
        """See that what was placed is on the disk; then remove the folder."""
        try:
            if self._placed:
                _sync(self.eggs)
            shutil.rmtree(self.folder)
        finally:
            os.close(self._lock)


@dataclass(frozen=True)
class Leftover:
    """A workshop whose maker is gone, or an egg that was moved aside and not removed."""

    path: Path

    @property
    def placed(self) -> list[str]:
        """The names of the eggs that were placed and perhaps not on the disk yet."""
        return sorted(path.name.removesuffix(PLACED) for path in self.path.glob(f"*{PLACED}"))

    def remove(self) -> list[str]:
        """Remove it; return a line that says so, none if it is another user's and stays."""
        _remove(self.path)
        if os.path.lexists(self.path):
            return []
        if self.path.name.endswith(ASIDE):
            return [f"Removed {self.path}, which was replaced and could not be removed then"]
        return [f"Removed {self.path}, which a build that was killed has left over"]


def leftovers(eggs: Path) -> Iterator[Leftover]:
    """Yield what killed builds have left in a folder of eggs; nobody else takes it meanwhile."""
    for path in sorted(eggs.glob(f"{PREFIX}*")):
        if path.name.endswith(ASIDE) or not path.is_dir():
            yield Leftover(path)
            continue
        lock = _claim(path)
        if lock is not None:
            try:
                yield Leftover(path)
            finally:
                os.close(lock)


def discard(path: Path) -> None:
    """Take an egg, or what stands in the place of one, away at once, and remove it then."""
    aside = path.with_name(_unique() + ASIDE)
    with contextlib.suppress(FileNotFoundError):  # another build was faster
        path.rename(aside)
        _remove(aside)


def _remove(path: Path) -> None:
    """Remove what may be removed: in a shared folder things may be another user's."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _unique() -> str:
    return f"{PREFIX}{os.urandom(8).hex()}"


def _make(eggs: Path) -> tuple[Path, int]:
    """Make a folder and lock it; the lock lasts as long as this process."""
    while True:
        folder = eggs / _unique()
        folder.mkdir()
        lock = _claim(folder)
        if lock is not None:
            return folder, lock
        # Another build took it for a leftover before it was locked, and removes it.


def _claim(folder: Path) -> int | None:
    """Lock a workshop; return the file that holds the lock, None if somebody else has it."""
    path = folder / LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (FileNotFoundError, PermissionError):
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    except OSError:  # held, removed, or a file system without locks
        pass
    os.close(handle)
    return None


def _renamed(made: Path, final: Path) -> bool:
    """Rename unless something is there."""
    try:
        made.rename(final)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _sync(folder: Path) -> None:
    """Wait until the file system of ``folder`` has written all that it was given."""
    if sys.platform != "linux":
        os.sync()
        return
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.syncfs(handle):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    finally:
        os.close(handle)
