"""Wheels made entry by entry, so that anything about one can be wrong."""

import base64
import hashlib
import stat
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from eggcrate.lockfile import File

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
INFO = "crate_thing-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\nName: Crate-Thing\nVersion: 1.0\n"
DATE = (2024, 5, 6, 7, 8, 10)


def wheel(
    folder: Path,
    files: Mapping[str, str | bytes],
    *,
    name: str = "crate_thing-1.0-py3-none-any.whl",
    info: str = INFO,
    metadata: str = METADATA,
    about: str = WHEEL,
    record: Callable[[str], str | bytes] = str,
    extra: Iterable[tuple[zipfile.ZipInfo, bytes]] = (),
    executable: Iterable[str] = (),
) -> tuple[Path, File]:
    """Write a wheel of `files`; return it and what a lock would say of it.

    `record` changes the text of RECORD; `extra` are entries that RECORD does not have.
    """
    contents = {k: v.encode() if isinstance(v, str) else v for k, v in files.items()}
    contents |= {f"{info}/METADATA": metadata.encode(), f"{info}/WHEEL": about.encode()}
    rows = [f"{name},{digest(data)},{len(data)}\n" for name, data in contents.items()]
    text = record("".join([*rows, f"{info}/RECORD,,\n"]))
    path = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in contents.items():
            archive.writestr(entry(member, 0o755 if member in executable else 0o644), data)
        for item, data in extra:
            archive.writestr(item, data)
        archive.writestr(entry(f"{info}/RECORD"), text)
    return path, locked(path)


def entry(name: str, mode: int = 0o644, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    """Return the entry of a file."""
    info = zipfile.ZipInfo(name, DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (kind | mode) << 16
    return info


def locked(path: Path) -> File:
    """Return what a lock says of a file."""
    return File(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


def digest(data: bytes) -> str:
    """Return a hash as RECORD spells it."""
    value = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={value.rstrip(b'=').decode()}"


def tree(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return path -> (contents, mode, time) of all files in a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), status.st_mode, int(status.st_mtime))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for status in [path.stat()]
    }
