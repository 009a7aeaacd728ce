"""Eggs as they were made, kept so that others of the same wheel are made by linking.

Nobody changes the file of an egg, so that all projects can have the same one: creating it again is
what takes longest when there is nothing to download. Each is compared with its hash before it is
linked, as the wheel is before it is unpacked.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from stat import S_ISREG, S_ISVTX, S_IWGRP, S_IWOTH

from eggcrate import bytecode, files, record
from eggcrate.eggs import ABI, MARK, Mark, record_of
from eggcrate.lockfile import File

_NEW = ".new-"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe is not waited for


class Original:
    """A kept egg. ``rows`` is path -> hash, as its RECORD says."""

    def __init__(self, handle: int, rows: Mapping[str, str]) -> None:
        self._handle = handle
        self.rows = rows

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)

    def read(self, path: str, digest: str) -> bytes | None:
        """Return the contents of a file, None if they do not have the hash ``digest``."""
        try:
            data = _read(path, self._handle)
        except OSError:
            return None
        return data if record.agrees(data, digest) else None

    def link(self, path: str, folder: int) -> bool:
        """Make a file appear in an open folder as well; tell whether that is possible."""
        try:
            os.link(path, path, src_dir_fd=self._handle, dst_dir_fd=folder)
        except OSError:  # another file system, one without links, a file with too many
            return False
        return True


class Store:
    """Kept eggs, in a folder that nobody else can write.

    What is from a wheel has the hash that the wheel says. Bytecode cannot be compared with its
    source without compiling it again: it is only as good as the folder where it was found.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"{bytecode.COMPILER}{ABI}-{bytecode.FORMAT}"

    def find(self, wheel: File, name: str) -> Original | None:
        """Return the egg ``name`` that was made of a wheel; None if none can be trusted."""
        egg = self._folder / wheel.sha256 / name
        try:
            if not is_private(self._folder):
                return None
            handle = os.open(egg, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        rows = _rows(egg, handle, wheel)
        if rows is None:
            os.close(handle)
            return None
        return Original(handle, rows)

    def keep(self, wheel: File, egg: Path, paths: Iterable[str]) -> None:
        """Keep the files of an egg, if that is possible, in the place of what was kept before."""
        with contextlib.suppress(OSError):  # full, or not ours to write: the next build unpacks
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            self._sweep()
            new = Path(tempfile.mkdtemp(prefix=_NEW, dir=self._folder))
            try:
                _copy(egg, new / egg.name, paths, own={record_of(egg), MARK})
                self._place(new, self._folder / wheel.sha256)
            finally:
                shutil.rmtree(new, ignore_errors=True)

    def _place(self, new: Path, final: Path) -> None:
        try:
            new.rename(final)
        except OSError:  # there is one that was damaged, or of another build just now
            with tempfile.TemporaryDirectory(prefix=_NEW, dir=self._folder) as aside:
                final.rename(Path(aside, "old"))
                new.rename(final)

    def _sweep(self) -> None:
        """Remove what builds that were killed have left; of one that goes on it is younger."""
        for path in files.abandoned(self._folder.glob(f"{_NEW}*")):
            shutil.rmtree(path, ignore_errors=True)


def is_private(folder: Path) -> bool:
    """Tell whether nobody but this user (and root) can change what a folder holds."""
    folder = folder.resolve()
    for path in (folder, *folder.parents):
        status = path.stat()
        others = status.st_mode & (S_IWGRP | S_IWOTH)
        # In a folder like /tmp nobody else can rename what is this user's.
        if status.st_uid not in (os.geteuid(), 0) or (others and not status.st_mode & S_ISVTX):
            return False
    return True


def _rows(egg: Path, handle: int, wheel: File) -> dict[str, str] | None:
    """Return path -> hash of an egg; None if it is not whole, or not made of ``wheel``."""
    mark = Mark.read(egg)
    if mark is None or mark.artifact != wheel:
        return None
    try:
        data = _read(record_of(egg), handle)
        rows = record.parse(data.decode())
    except (OSError, ValueError):
        return None
    return rows if record.agrees(data, mark.record) else None


def _read(path: str, folder: int) -> bytes:
    handle = os.open(path, _READ, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        # It may be linked elsewhere, and what is done to its owner or mode there is done here.
        others = status.st_mode & (S_IWGRP | S_IWOTH)
        if not S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or others:
            raise PermissionError
        return file.read()


def _copy(source: Path, target: Path, paths: Iterable[str], own: Container[str]) -> None:
    """Link files; copy those that cannot be linked, and what the others are compared with.

    Who changes both a file in an egg and its hash there has not changed the hash here.
    """
    target.mkdir()
    made = set()
    for path in paths:
        folder = os.path.dirname(path)  # noqa: PTH120  # a hot path
        if folder not in made:
            os.makedirs(f"{target}/{folder}", exist_ok=True)  # noqa: PTH103
            made.add(folder)
        if path in own or not _link(f"{source}/{path}", f"{target}/{path}"):
            shutil.copy2(f"{source}/{path}", f"{target}/{path}")


def _link(source: str, target: str) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
