"""Measure things so that a later run can tell whether they are as they were.

Imported before anything else when bin/buildout starts, so it imports little.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping

# kind -> what was measured -> its measure, None for what is not there.
Probes = dict[str, dict[str, str | None]]
Wanted = Mapping[str, Iterable[str]]


def content(path: str) -> str | None:
    """Measure the bytes and the mode of a file."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # 100 files in few milliseconds
            mode = os.fstat(file.fileno()).st_mode
            return f"{mode:o} {hashlib.sha256(file.read()).hexdigest()}"
    except IsADirectoryError:
        return "folder"
    except OSError:
        return None


def stamp(path: str | int) -> str | None:
    """Measure what changes whenever a file (or an open one, by its number) is written."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def place(path: str) -> str | None:
    """Measure which folder or file it is, whatever is in it."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return f"{found.st_mode:o} {found.st_ino}"


def names(path: str) -> str | None:
    """Measure what a folder holds, but for what is generated there, and hidden names."""
    try:
        found = os.listdir(path)  # noqa: PTH208
    except OSError:
        return None
    return _digest(sorted(name for name in found if not _is_generated(name)))


def _is_generated(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__" or name.endswith((".egg-info", ".pyc"))


def egg(path: str) -> str | None:
    """Measure the first level of an egg: replaced or emptied folders are told by their dates."""
    try:
        with os.scandir(path) as entries:
            found = [_changed(entry) for entry in entries if entry.name != "__pycache__"]
    except OSError:
        return None
    return _digest(sorted(found))


def stamps(path: str) -> str | None:
    """Measure all files below a folder by sizes and dates."""
    return _digest(_walk(path, _dated)) if os.path.lexists(path) else None


def _dated(entry: "os.DirEntry[str]") -> str:
    return f"{entry.name}/" if entry.is_dir() else _changed(entry)


def _changed(entry: "os.DirEntry[str]") -> str:
    found = entry.stat(follow_symlinks=False)
    # The size of a folder is what the file system makes of its names.
    size = found.st_size if entry.is_file() else 0
    return f"{entry.name} {found.st_mtime_ns} {found.st_ino} {size}"


def tree(path: str) -> str | None:
    """Measure a file, link or folder with all below it by what is in it."""
    if os.path.islink(path):  # noqa: PTH114
        return os.readlink(path)  # noqa: PTH115
    if os.path.isdir(path):  # noqa: PTH112
        return _digest(_walk(path, _held))
    return content(path)


def _held(entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        return f"{entry.name} -> {os.readlink(entry.path)}"  # noqa: PTH115
    if entry.is_dir():
        return f"{entry.name}/"
    return f"{entry.name} {content(entry.path)}"


def _walk(path: str, measured: "Callable[[os.DirEntry[str]], str]") -> Iterator[str]:
    """Yield the measures of all below a folder, but for compiled files."""
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.name == "__pycache__":
            continue
        yield measured(entry)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, measured)
            yield ".."


def matches(pattern: str) -> str | None:
    """Measure which paths a pattern matches."""
    import glob  # few projects name patterns

    return _digest(sorted(glob.glob(pattern)))  # noqa: PTH207


def variable(name: str) -> str | None:
    """Measure a variable of the environment, without disclosing it."""
    value = os.environ.get(name)
    return None if value is None else _digest([value])


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256(os.fsencode("\0".join(texts))).hexdigest()


KINDS: dict[str, Callable[[str], str | None]] = {
    function.__name__: function
    for function in (content, stamp, place, names, egg, stamps, tree, matches, variable)
}


def measure(wanted: Wanted) -> Probes:
    """Measure all that is wanted now."""
    return {kind: {key: KINDS[kind](key) for key in sorted(keys)} for kind, keys in wanted.items()}


def hold(probes: Probes) -> bool:
    """Tell whether everything is as it was measured."""
    return all(
        KINDS[kind](key) == measure
        for kind, measures in probes.items()
        for key, measure in measures.items()
    )


def merge(*several: Probes) -> Probes:
    """Return all in one; of what was measured twice, the last measure."""
    merged: Probes = {}
    for probes in several:
        for kind, measures in probes.items():
            merged.setdefault(kind, {}).update(measures)
    return merged
