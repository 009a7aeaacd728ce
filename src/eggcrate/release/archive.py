"""Write a .tar.gz whose bytes depend on nothing but its members and their one date."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from eggcrate import files

FILE, EXECUTABLE, FOLDER = 0o644, 0o755, 0o755


@dataclass(frozen=True)
class Member:
    """A file (``data``: bytes, or where they are), a link (``target``), or a folder (neither)."""

    name: str
    data: bytes | Path | None = None
    target: str | None = None
    executable: bool = False

    def read(self) -> bytes | None:
        """Return the bytes of a file."""
        return self.data.read_bytes() if isinstance(self.data, Path) else self.data

    def info(self, size: int, time: int) -> tarfile.TarInfo:
        """Return the header: root's, with the modes of this module and nobody's umask."""
        info = tarfile.TarInfo(self.name)
        info.mtime = time
        if self.target is not None:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, self.target, 0o777
        elif self.data is None:
            info.type, info.mode = tarfile.DIRTYPE, FOLDER
        else:
            info.size, info.mode = size, EXECUTABLE if self.executable else FILE
        return info


# Makes the last member of what is known then: the sha256 of all files.
Finish = Callable[[Mapping[str, str]], Member]


def write(path: Path, folder: str, members: Iterable[Member], time: int, finish: Finish) -> None:
    """Write ``members`` below ``folder`` to the archive ``path``, whole or not at all.

    Each file is read once, so what its sha256 was made of is what was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as file:
        _compress(file, folder, members, time, finish)


def _compress(
    file: BinaryIO, folder: str, members: Iterable[Member], time: int, finish: Finish
) -> None:
    digests: dict[str, str] = {}
    # No name and no date of the archive itself in the header of gzip.
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for member in with_folders(members):
            data = member.read()
            _add(tar, folder, member, data, time)
            if data is not None:
                digests[member.name] = hashlib.sha256(data).hexdigest()
        last = finish(digests)
        _add(tar, folder, last, last.read(), time)


def _add(tar: tarfile.TarFile, folder: str, member: Member, data: bytes | None, time: int) -> None:
    info = member.info(len(data or b""), time)
    info.name = f"{folder}/{member.name}".rstrip("/")
    tar.addfile(info, None if data is None else io.BytesIO(data))


def with_folders(members: Iterable[Member]) -> list[Member]:
    """Return the members and all folders that they lie in, sorted, each folder before the rest."""
    found = {member.name: member for member in members}
    for name in list(found):
        while name:
            name = name.rpartition("/")[0]
            found.setdefault(name, Member(name))
    return [found[name] for name in sorted(found)]
