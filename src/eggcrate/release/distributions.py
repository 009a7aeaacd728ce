"""What a release is made of: the distributions in it, and whether the lock has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

from eggcrate import lockfile, verify
from eggcrate.cache import Cache
from eggcrate.eggs import Eggs, Mark
from eggcrate.lockfile import Lock
from eggcrate.release.errors import ReleaseError


@dataclass(frozen=True)
class Distribution:
    """A distribution, and the artifact that its egg was made of if the lock has that."""

    name: str
    version: str
    file: str = ""
    sha256: str = ""

    def entry(self) -> dict[str, str]:
        """Return what the manifest says of it."""
        about = {"name": self.name, "version": self.version}
        return {**about, "file": self.file, "sha256": self.sha256} if self.file else about


def of(egg: Path, lock: Lock | None) -> Distribution:
    """Return the distribution whose egg is ``egg``."""
    name, version = metadata(egg)
    mark = Mark.read(egg)
    if mark is None or lock is None or not Eggs(egg.parent, lock).valid(egg):
        return Distribution(name, version)
    return Distribution(name, version, mark.file, mark.sha256)


def metadata(egg: Path) -> tuple[str, str]:
    """Return name and version of the distribution in an egg."""
    for pattern in ("*.dist-info/METADATA", "EGG-INFO/PKG-INFO"):
        for path in egg.glob(pattern):
            found = BytesHeaderParser().parsebytes(path.read_bytes())
            return str(found["Name"]), str(found["Version"])
    raise ReleaseError(f"{egg} is an egg without metadata")


def check(
    found: Iterable[Path], lock: Lock | None, cache: Cache, *, allow_unlocked: bool
) -> list[Distribution]:
    """Return the distributions of the eggs ``found``, which are no others than the lock says.

    Raise ``ReleaseError`` for an egg that was changed since it was made, and for one that the
    lock does not have unless ``allow_unlocked``.
    """
    paths = list(found)
    distributions = [of(egg, lock) for egg in paths]
    unlocked = [one for one in distributions if not one.file]
    if unlocked and not allow_unlocked:
        raise ReleaseError(
            f"not made of what {lockfile.NAME} has: {_names(unlocked)}; lock and build them, or"
            " give --allow-unlocked"
        )
    locked = [egg for egg, one in zip(paths, distributions, strict=True) if one.file]
    problems = verify.verify(locked, lock, cache)
    if problems:
        more = f" (and {len(problems) - 1} more: bin/eggcrate verify)" if problems[1:] else ""
        raise ReleaseError(f"{problems[0]}{more}")
    return distributions


def _names(found: list[Distribution]) -> str:
    names = [f"{one.name} {one.version}" for one in found]
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return ", ".join(names[:3]) + more
