"""The folder of eggs: which of them are ours, and what killed builds have left there."""

import json
import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import machinery
from pathlib import Path

from eggcrate import record, workshop
from eggcrate.lockfile import File, Lock

MARK = ".eggcrate.json"

# What eggs are made for, as extension modules are named: Python, its ABI, the machine, the C
# library. The names of eggs do not tell musl from glibc, nor free threading from none.
ABI = machinery.EXTENSION_SUFFIXES[0]

# PEP 440, appendix B: versions that are their own normal form.
_NORMAL = re.compile(
    r"([1-9]\d*!)?(0|[1-9]\d*)(\.(0|[1-9]\d*))*((a|b|rc)(0|[1-9]\d*))?"
    r"(\.post(0|[1-9]\d*))?(\.dev(0|[1-9]\d*))?"
)

# pytest keeps the modules of its plugins beside their bytecode, with their assertions rewritten.
_REWRITTEN = re.compile(rf"(?:^|/)__pycache__/[^/]+\.{sys.implementation.cache_tag}-pytest-[^/]+$")


@dataclass(frozen=True)
class Mark:
    """What eggcrate writes into an egg at its end: an egg without it is not ours.

    ``file`` and ``sha256`` are the locked artifact, ``compiler`` is the Python that compiled it,
    ``record`` the hash of the egg's RECORD, as RECORD spells hashes.
    """

    name: str
    version: str
    file: str
    sha256: str
    abi: str
    compiler: str
    record: str

    @classmethod
    def read(cls, egg: Path | str) -> "Mark | None":
        """Return the mark of an egg; None if it has none that can be read."""
        try:
            with open(f"{egg}/{MARK}", encoding="utf-8") as file:  # noqa: PTH123  # a hot path
                mark = cls(**json.load(file))
        except (OSError, ValueError, TypeError):
            return None
        return mark if all(isinstance(value, str) for value in asdict(mark).values()) else None

    def dumps(self) -> str:
        """Return the text of the mark."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @property
    def artifact(self) -> File:
        """The locked artifact."""
        return File(self.file, self.sha256)

    def fits(self, folder: str) -> bool:
        """Tell whether the egg is for this interpreter, and is what its folder's name says."""
        stem = f"{filename(self.name)}-{filename(normal(self.version))}-py"
        return self.abi == ABI and folder.startswith(stem)

    def same(self, other: "Mark | None") -> bool:
        """Tell whether another egg is made of the same artifact for the same interpreter."""
        return other is not None and (self.artifact, self.abi) == (other.artifact, other.abi)


class Eggs:
    """A folder of eggs, perhaps shared with other builds and other users.

    With a lock, only what it has is valid; without one (None) whatever was made by us is.
    """

    def __init__(self, folder: Path, lock: Lock | None) -> None:
        self.folder = folder
        self._locked = None if lock is None else {f for fs in lock.entries.values() for f in fs}

    def valid(self, path: Path | str) -> bool:
        """Tell whether the egg at ``path`` is ours, of this Python, and of a locked artifact.

        Cheap: it reads the mark and not the egg; ``verify`` does the rest.
        """
        mark = Mark.read(path)
        if mark is None or not mark.fits(os.path.basename(path)):  # noqa: PTH119  # a hot path
            return False
        return self._locked is None or mark.artifact in self._locked

    def stale(self) -> list[str]:
        """Remove what killed builds have left over; return a line about each.

        Whether the eggs that such a build had placed have reached the disk nobody knows (a power
        cut may have followed): they are compared with their RECORD, and removed if damaged.
        """
        said = []
        for leftover in workshop.leftovers(self.folder):
            for name in leftover.placed:
                said += self._repair(self.folder / name)
            said += leftover.remove()
        return said

    def _repair(self, egg: Path) -> list[str]:
        found = next((pair for pair in damage(egg) if pair[1] != record.ADDED), None)
        if found is None or not egg.is_dir():
            return []
        workshop.discard(egg)
        return [f"Removed {egg}, which a build that was killed has left damaged: {' '.join(found)}"]


def record_of(egg: Path) -> str:
    """Return the path of an egg's RECORD in it."""
    return f"{egg.stem}.dist-info/{record.NAME}"


def damage(egg: Path) -> Iterator[tuple[str, str]]:
    """Yield (file, what is wrong) for all in which an egg is not as it was made."""
    mark, own = Mark.read(egg), record_of(egg)
    if mark is None:
        yield MARK, "is missing or cannot be read"
        return
    try:
        data = (egg / own).read_bytes()
        rows = record.parse(data.decode())
    except (OSError, ValueError):
        yield own, "is missing or cannot be read"
        return
    if not record.agrees(data, mark.record):
        yield own, "was changed"
        return
    for path, reason in record.differences(str(egg), rows):
        if not _REWRITTEN.search(path):
            yield path, reason


def name(distribution: str, version: str) -> str:
    """Return the name of an egg as zc.buildout makes it, less ``.egg``."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return f"{filename(distribution)}-{filename(normal(version))}-py{python}-{_platform()}"


def filename(text: str) -> str:
    """Return a name or version as it stands in names of files, where a dash separates."""
    return text.replace("-", "_")


def normal(version: str) -> str:
    """Return a version in its normal form (PEP 440); what is none, as it is."""
    if _NORMAL.fullmatch(version):
        return version
    from packaging.version import InvalidVersion, Version

    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def _platform() -> str:
    """Return what ``pkg_resources.get_supported_platform`` does, which takes long to import.

    On macOS it names the system's own version, and not the one that Python was built for.
    """
    built = sysconfig.get_platform()
    macos = re.fullmatch(r"macosx-\d+\.\d+-(.*)", built)
    if macos is None:
        return built
    import platform

    version = ".".join(platform.mac_ver()[0].split(".")[:2])
    return f"macosx-{version}-{macos[1]}"
