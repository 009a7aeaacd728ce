"""A bundle: one file with all artifacts that a build needs, for a machine without a network.

It is a tar archive: ``bundle.json`` (what it is for), ``versions.lock`` (as it was then, for
people), and ``<sha256>/<name>``. bootstrap.py unpacks it, so this needs the standard library only.
What a bundle says is not trusted: the project's own lock decides what has to be in it.
"""

import contextlib
import hashlib
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from eggcrate import platforms
from eggcrate.lockfile import File, Lock

HEADER, LOCK = "bundle.json", "versions.lock"
FORMAT = 1

_CHUNK = 1 << 20
_LIMIT = 1 << 16  # bytes of the header


class BundleError(Exception):
    """A bundle that is refused; one line that names what is wrong."""


# --- writing -------------------------------------------------------------------------------------


def write(output: IO[bytes], artifacts: Mapping[File, Path], lock: str) -> None:
    """Write a bundle of ``artifacts``; the same ones give the same bytes."""
    header = {"format": FORMAT, "platform": platforms.label()}
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, HEADER, json.dumps(header).encode())
        _add(archive, LOCK, lock.encode())
        for file in sorted(artifacts, key=lambda file: (file.name, file.sha256)):
            _add(archive, _member(file), artifacts[file].read_bytes())


def _member(file: File) -> str:
    """Return where a file is, in the archive and where that is unpacked: as in the cache."""
    return f"{file.sha256}/{file.name}"


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # of nobody and no time: nothing of this machine gets in
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


# --- unpacking -----------------------------------------------------------------------------------


def unpack(path: Path, lock: Lock, packaging: File, folder: Path) -> None:
    """Make ``folder`` hold the files of a bundle, or change nothing.

    Of every locked distribution there must be the file that fits this interpreter best, with its
    locked hash; ``packaging``, the distribution, tells which one that is. What is not locked stays
    in the bundle. Raise ``BundleError``.
    """
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        with _opened(path) as archive:
            _check_header(archive)
            present = set(_extract(archive, lock, new))
            _check_whole(present, lock, packaging, new)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a bundle; whatever is wrong with it becomes one line that names it."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from None
    try:
        with stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            yield archive
    except BundleError as problem:
        raise BundleError(f"{path}: {problem}") from None
    except (tarfile.TarError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not a bundle, or damaged: {error}") from None


def _check_header(archive: tarfile.TarFile) -> None:
    member = archive.next()
    if member is None or member.name != HEADER or member.size > _LIMIT:
        raise BundleError(f"not a bundle, it does not begin with {HEADER}")
    header = json.loads(_content(archive, member).read())
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise BundleError("made by another release of eggcrate")
    if header.get("platform") != platforms.label():
        raise BundleError(
            f"made for {header.get('platform')}, and this is {platforms.label()} ({sys.executable})"
        )


def _extract(archive: tarfile.TarFile, lock: Lock, folder: Path) -> Iterator[File]:
    """Extract the files that are locked, and yield them."""
    locked = {
        _member(file): (f"{name} {version}", file)
        for (name, version), files in lock.entries.items()
        for file in files
    }
    for member in archive:
        if member.name not in locked:
            continue
        distribution, file = locked[member.name]
        target = folder / member.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as output:
            actual = _copy(_content(archive, member), output)
        if actual != file.sha256:
            raise BundleError(
                f"{distribution}: {file.name} has sha256 {actual}, but {file.sha256} is expected"
            )
        yield file


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise BundleError(f"{member.name} is not a file")
    return content


def _copy(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy, and return the sha256 of what was written."""
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


def _check_whole(present: set[File], lock: Lock, packaging: File, folder: Path) -> None:
    """Find what was cut off, never put in, or is for an older or newer system than this one."""
    _check_present(present, "packaging", packaging)
    with _importable(folder / _member(packaging)):
        from eggcrate import choice

        for (name, version), files in lock.entries.items():
            best = choice.choose(files)
            if best is not None:
                _check_present(present, f"{name} {version}", best)


def _check_present(present: set[File], distribution: str, file: File) -> None:
    if file not in present:
        raise BundleError(
            f"of {distribution} it lacks {file.name}: it is not whole, or was made with another"
            f" {LOCK} or on another system"
        )


@contextlib.contextmanager
def _importable(wheel: Path) -> Iterator[None]:
    sys.path.insert(0, str(wheel))
    try:
        yield
    finally:
        sys.path.remove(str(wheel))
