"""Get an artifact, by its hash: from the cache or from wherever the index has it."""

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from eggcrate.cache import Cache
from eggcrate.index import Index, Link, UnavailableError, UnreachableError, shown
from eggcrate.lockfile import File


class FetchError(Exception):
    """Why there is no such artifact, in one line."""


class NoAnswerError(FetchError):
    """What might be there, but the index cannot be reached."""


class MismatchError(FetchError):
    """An artifact that is not what it should be. Nothing of it was unpacked."""


def fetch(file: File, name: str, index: Index, cache: Cache) -> Path:
    """Return where the artifact ``file`` of the distribution ``name`` is, compared with its hash.

    Raise :exc:`FetchError`.
    """
    found = cache.find(file)
    if found is not None:
        return found
    link = _find(file, name, index)
    if link.sha256:  # what the index itself says is wrong need not be downloaded
        _compare(name, file, link.sha256, link)
    return _receive(link, index, cache, lambda actual: _compare(name, file, actual, link))[1]


def fetch_unhashed(link: Link, index: Index, cache: Cache) -> tuple[File, Path]:
    """Return what is behind a link of which the index says no hash, and where it is now."""
    return _receive(link, index, cache, lambda _: None)


def _receive(
    link: Link, index: Index, cache: Cache, check: Callable[[str], None]
) -> tuple[File, Path]:
    """Download into a cache, or without one where that is full; ``check`` the sha256 before."""
    try:
        with _temporary(cache) as temporary:
            file = File(link.name, _download(link, index, temporary))
            check(file.sha256)
            return file, cache.add(file, temporary)
    except OSError:
        if cache.files is None:
            raise
        return _receive(link, index, Cache(), check)


def _find(file: File, name: str, index: Index) -> Link:
    try:
        return index.find(name, file)
    except UnavailableError as failure:
        raise explained(failure, f"{name}: {file.name} (sha256 {file.sha256})") from None


def explained(failure: UnavailableError, what: str) -> FetchError:
    """Return the error of somebody who needs ``what``."""
    kind = NoAnswerError if isinstance(failure, UnreachableError) else FetchError
    return kind(f"{what}: {failure}")


def _compare(name: str, file: File, actual: str, link: Link) -> None:
    if actual != file.sha256:
        raise MismatchError(
            f"{name}: {file.name} from {shown(link.url)} has sha256 {actual}, but {file.sha256}"
            " is expected. Nothing of it was unpacked. If the new file is known to be good, run"
            f" `bin/lock --replace {name}`"
        )


@contextlib.contextmanager
def _temporary(cache: Cache) -> Iterator[Path]:
    """Make a file that is gone after an error."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=cache.folder() or scratch())
    os.close(handle)
    try:
        yield Path(name)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _download(link: Link, index: Index, path: Path) -> str:
    """Write what is behind a link to a file; return its sha256."""
    hashed = hashlib.sha256()
    try:
        with path.open("wb") as target:
            for chunk in index.read(link.url):
                hashed.update(chunk)
                target.write(chunk)
    except UnavailableError as failure:
        raise explained(failure, link.name) from None
    except OSError as error:
        error.filename = str(path)  # of a disk that is full it is not said
        raise
    return hashed.hexdigest()


def copy(file: File, artifact: Path, folder: Path) -> Path:
    """Copy a verified artifact under its own name, and compare the bytes of the copy again.

    What is built or unpacked by somebody else must not change after it was compared.
    """
    target = folder / file.name
    shutil.copyfile(artifact, target)
    if digest(target) != file.sha256:
        raise MismatchError(
            f"{artifact} has sha256 {digest(target)}, but {file.sha256} is expected"
        )
    return target


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scratch() -> Path:
    """Return a folder that lasts as long as this process."""
    return Path(_scratch().name)


@functools.cache
def _scratch() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="eggcrate-")
