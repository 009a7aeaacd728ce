"""Write files and links only where they differ, and then all at once."""

import contextlib
import glob
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

_DAY = 24 * 60 * 60


def write(path: Path, text: str, mode: int = 0o644) -> bool:
    """Make ``path`` hold ``text`` with exactly ``mode``; return whether anything changed.

    A reader sees the old file or the new one, never a half: a running server re-reads its
    script and its list of eggs whenever it starts a worker.
    """
    if _holds(path, text, mode):
        return False
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with _removed_on_error(temporary):
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        # Not left to the umask: who builds and who serves are often different users.
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    return True


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when all of it is written and on the disk.

    What a killed process has left of an earlier one is removed after a day.
    """
    new = f".new-{path.name}-"
    for left in abandoned(path.parent.glob(f"{glob.escape(new)}*")):
        left.unlink(missing_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=new, dir=path.parent)
    with _removed_on_error(temporary):
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def link(path: Path, target: str) -> bool:
    """Make ``path`` a symbolic link to ``target``; return whether anything changed."""
    if path.is_symlink() and str(path.readlink()) == target:
        return False
    temporary = tempfile.mktemp(prefix=".new-", dir=path.parent)  # noqa: S306  # symlink() refuses to overwrite
    Path(temporary).symlink_to(target)
    with _removed_on_error(temporary):
        Path(temporary).replace(path)
    return True


def abandoned(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield what nobody has changed for a day: whoever was to rename it is gone."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # of somebody who is not
            if path.stat().st_mtime < time.time() - _DAY:
                yield path


def _holds(path: Path, text: str, mode: int) -> bool:
    try:
        return (
            not path.is_symlink()
            and path.stat().st_mode & 0o7777 == mode
            and path.read_bytes() == text.encode()
        )
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _removed_on_error(path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
