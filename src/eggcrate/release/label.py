"""What a release is called, and where it is written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eggcrate import platforms
from eggcrate.lockfile import normalised
from eggcrate.release.errors import ReleaseError
from eggcrate.release.origin import Origin
from eggcrate.release.own import Own

PLACE = Path("var", "releases")
SUFFIX = ".tar.gz"


@dataclass(frozen=True)
class Label:
    """Name and version of a release; as text also what it is for."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}-{self.version}-{platforms.label()}"


def of(origin: Origin, own: Sequence[Own], version: str | None) -> Label:
    """Return the label: after the distribution in the project's folder, else its first one.

    ``version`` replaces its version and the revision.
    """
    main = next((one for one in own if one.folder == origin.root), own[0] if own else None)
    if main is None and version is None:
        raise ReleaseError("the project develops no distribution: give the release a --version")
    name = normalised(main.name if main else origin.root.name)
    return Label(name, _checked(version or _version(origin, main.version if main else "")))


def _version(origin: Origin, version: str) -> str:
    if origin.checkout is None:
        return version
    modified = "-modified" if origin.checkout.changed else ""
    return f"{version}-{origin.checkout.revision[:12]}{modified}"


def _checked(version: str) -> str:
    if not re.fullmatch(r"\w[\w.+!-]*", version, re.ASCII):
        raise ReleaseError(f"--version {version}: letters, digits and . + ! - _ are possible")
    return version


def destination(root: Path, output: str | None, label: Label) -> Path:
    """Return the file to write. Raise ``ReleaseError`` if it is there."""
    path = root / PLACE if output is None else Path(output)
    if output is None or path.is_dir() or output.endswith("/"):
        path /= f"{label}{SUFFIX}"
    if path.exists():
        raise ReleaseError(f"{path} is there already: remove it, or name another with --output")
    return path
