"""The lock: versions.lock says, for every pinned version, which files it may come as.

    [alembic 1.20.1]
    <sha256, 64 hexadecimal digits>  alembic-1.20.1-py3-none-any.whl

It holds no addresses: a mirror, a folder and a bundle are as good as the index. local.lock, which
git ignores, holds what local.cfg pins beyond it. Only the standard library is used here:
bootstrap.py checks the build tools against the lock before there is anything else.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "versions.lock"
LOCAL = "local.lock"

_COMMENT = (
    "# Written by bin/lock, not by hand: the files that may be installed, with their sha256.\n"
)
_ENTRY = re.compile(r"\[([\w.-]+) ([\w.!+-]+)\]")
# A name of a file and not a path: it is joined to the names of folders.
_FILE = re.compile(r"([0-9a-f]{64})  (\w[\w.!+-]*)", re.ASCII)
# PEP 440, appendix B, without what cannot be in a pin that was locked.
_VERSION = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<phase>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?P<number>\d*))?"
    r"(?P<post>-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?"
    r"(?P<dev>[-_.]?dev[-_.]?\d*)?(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE,
)
_PHASES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}


class LockError(Exception):
    """What is wrong with a lock file: its path and line, and why."""


@dataclass(frozen=True)
class File:
    """A wheel or a source distribution, and the sha256 of its bytes in lower case."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Lock:
    """The files of each (normalised name, version as it is pinned)."""

    entries: Mapping[tuple[str, str], tuple[File, ...]]

    def of(self, name: str, version: str) -> tuple[File, ...]:
        """Return the files of a version, ``()`` if it is not locked.

        ``name`` may be spelled in any way, and so may ``version`` (1.0 is 1.0.0, PEP 440).
        """
        name = normalised(name)
        files = self.entries.get((name, version))
        if files is not None:
            return files
        wanted = canonical(version)
        for (other, spelled), found in self.entries.items():
            if other == name and canonical(spelled) == wanted:
                return found
        return ()

    def merged(self, other: "Lock") -> "Lock":
        """Return this lock and what only ``other`` has."""
        return Lock({**other.entries, **self.entries})


def normalised(name: str) -> str:
    """Return the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.cache
def canonical(version: str) -> str:
    """Return the one spelling of a version (PEP 440); what is none is returned as it is."""
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        return version
    epoch = int(match["epoch"] or 0)
    release = [str(int(number)) for number in match["release"].split(".")]
    while len(release) > 1 and release[-1] == "0":
        del release[-1]
    text = (f"{epoch}!" if epoch else "") + ".".join(release)
    if match["phase"]:
        phase = match["phase"].lower()
        text += f"{_PHASES.get(phase, phase)}{int(match['number'] or 0)}"
    for part in ("post", "dev"):
        if match[part]:
            text += f".{part}{int(re.sub(r'[^0-9]', '', match[part]) or 0)}"
    if match["local"]:
        parts = re.split(r"[-_.]", match["local"].lower())
        text += "+" + ".".join(str(int(part)) if part.isdigit() else part for part in parts)
    return text


def load(folder: Path) -> Lock | None:
    """Return versions.lock of a project with its local.lock; None if there is no versions.lock.

    Raise :exc:`LockError` for a file that cannot be read.
    """
    if not (folder / NAME).exists():
        return None
    lock, local = read(folder / NAME), folder / LOCAL
    return lock.merged(read(local)) if local.exists() else lock


def read(path: Path) -> Lock:
    """Return the lock in a file. Raise :exc:`LockError` where it is not as bin/lock writes it."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise LockError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise LockError(f"{path}: is not text (UTF-8)") from None
    return Lock({key: tuple(files) for key, files in _entries(path, text)})


def _entries(path: Path, text: str) -> Iterator[tuple[tuple[str, str], list[File]]]:
    seen: dict[tuple[str, str], list[File]] = {}
    known: set[tuple[str, str]] = set()
    key, files = ("", ""), None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if entry := _ENTRY.fullmatch(line):
                key = normalised(entry[1]), entry[2]
                _start(known, *key)
                files = seen[key] = []
            else:
                _add(files, *key, line)
        except ValueError as error:
            raise LockError(f"{path}:{number}: {error}") from None
    return iter(seen.items())


def _start(known: set[tuple[str, str]], name: str, version: str) -> None:
    one = name, canonical(version)
    if one in known:
        raise ValueError(f"{name} {version} stands here twice")
    known.add(one)


def _add(files: list[File] | None, name: str, version: str, line: str) -> None:
    match = _FILE.fullmatch(line)
    if match is None:
        raise ValueError(f"neither [name version] nor `sha256  file`: {line[:60]!r}")
    if files is None:
        raise ValueError("a file before the first [name version]")
    if not _is_of(match[2], name, version):
        raise ValueError(f"{match[2]} is no file of {name} {version}")
    if any(file.name == match[2] for file in files):
        raise ValueError(f"{match[2]} stands here twice")
    files.append(File(match[2], match[1]))


def _is_of(file: str, name: str, version: str) -> bool:
    """Tell whether a file is called as one of a distribution's version is."""
    is_wheel = file.endswith(".whl")
    stem = re.sub(r"\.(?:whl|zip|tar\.\w+)$", "", file)
    for dash in re.finditer("-", stem):
        found = stem[dash.end() :]
        found = found.partition("-")[0] if is_wheel else found
        if normalised(stem[: dash.start()]) == name and canonical(found) == canonical(version):
            return True
    return False


def dumps(lock: Lock) -> str:
    """Return the text of a lock file, sorted: what changed shows in a diff."""
    blocks = [
        f"[{name} {version}]\n"
        + "".join(f"{file.sha256}  {file.name}\n" for file in sorted(files, key=lambda f: f.name))
        for (name, version), files in sorted(lock.entries.items())
    ]
    return "\n".join([_COMMENT, *blocks])
