"""Compare installed eggs with what they were made from, file by file."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eggcrate import bytecode, record
from eggcrate.cache import Cache
from eggcrate.eggs import MARK, Mark, damage, record_of
from eggcrate.layout import layout
from eggcrate.lockfile import Lock
from eggcrate.wheel import Wheel


@dataclass(frozen=True)
class Problem:
    """Something in an egg that is not as it was made; ``str`` is its line."""

    distribution: str
    file: str
    reason: str

    def __str__(self) -> str:
        return f"{self.distribution}: {self.file} {self.reason}"


def run(eggs: Path | Iterable[Path], lock: Lock | None, cache: Cache | None = None) -> int:
    """Print a line for each problem, or ``N eggs verified``; return the exit code."""
    found = _selected(eggs, lock)
    problems = verify(found, lock, cache)
    for problem in problems:
        print(problem)
    if problems:
        print("Remove the eggs and run bin/buildout: it makes them anew.", file=sys.stderr)
        return 1
    print(f"{len(found)} {'egg' if len(found) == 1 else 'eggs'} verified")
    return 0


def verify(
    eggs: Path | Iterable[Path], lock: Lock | None, cache: Cache | None = None
) -> list[Problem]:
    """Return what is wrong with the eggs, or with those in the folder ``eggs``, in a steady order.

    In a folder those count whose version the lock has: others are not used, and may be of other
    projects or other times. Where the cache has the wheel, the egg is compared with that, too.
    """
    return [
        Problem(_distribution(egg), file, reason)
        for egg in _selected(eggs, lock)
        for file, reason in _wrong(egg, lock, cache)
    ]


def _selected(eggs: Path | Iterable[Path], lock: Lock | None) -> list[Path]:
    if not isinstance(eggs, Path):
        return sorted(eggs)
    found = sorted(path for path in eggs.glob("*.egg") if path.is_dir())
    return [path for path in found if lock is None or lock.of(*_identity(path))]


def _identity(egg: Path) -> tuple[str, str]:
    """Return name and version as the folder of an egg says them."""
    name, version, *_ = [*egg.stem.split("-"), ""]
    return name, version


def _distribution(egg: Path) -> str:
    mark = Mark.read(egg)
    return " ".join((mark.name, mark.version) if mark else _identity(egg))


def _wrong(egg: Path, lock: Lock | None, cache: Cache | None) -> Iterator[tuple[str, str]]:
    damaged = dict(damage(egg))
    yield from damaged.items()
    mark, own = Mark.read(egg), record_of(egg)
    if mark is None or own in damaged:
        return
    if not mark.fits(egg.name):
        yield MARK, "is of another distribution or another Python"
    if lock is not None and mark.artifact not in lock.of(mark.name, mark.version):
        yield MARK, f"names {mark.file} with sha256 {mark.sha256}, which is not in the lock"
    known = {own, MARK, *damaged}
    rows = record.parse((egg / own).read_text("utf-8"))
    intact = {path: digest for path, digest in rows.items() if path not in known}
    yield from _unlike_wheel(mark, intact, known, cache)
    yield from _unlike_source(egg, mark, intact, known)


def _unlike_wheel(
    mark: Mark, rows: Mapping[str, str], known: set[str], cache: Cache | None
) -> Iterator[tuple[str, str]]:
    """Compare with the wheel itself: whoever changes an egg may change its RECORD and mark, too."""
    found = cache.find(mark.artifact) if cache and mark.file.endswith(".whl") else None
    if found is None:
        return
    wheel = Wheel.read(found, mark.artifact)
    expected = {path: wheel.members[name].digest for path, name in layout(wheel).items()}
    for path in sorted((expected.keys() | rows.keys()) - known):
        if not bytecode.is_bytecode(path) and expected.get(path) != rows.get(path):
            yield path, f"is not as in {mark.file}"


def _unlike_source(
    egg: Path, mark: Mark, rows: Mapping[str, str], known: set[str]
) -> Iterator[tuple[str, str]]:
    """Compile again: the bytecode is what runs."""
    for path in filter(bytecode.is_bytecode, rows):
        source = bytecode.source(path)
        if source in known:
            continue
        if source not in rows:
            yield path, "has no source"
        # Another release of Python may compile the same source to something else.
        elif mark.compiler == bytecode.COMPILER and not _is_of(egg / path, egg / source, source):
            yield path, f"is not what {source} gives"


def _is_of(path: Path, source: Path, name: str) -> bool:
    data = path.read_bytes()
    return data == bytecode.compiled(source.read_bytes(), name, bytecode.mtime(data))
