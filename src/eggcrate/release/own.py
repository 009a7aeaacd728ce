"""The project's own distributions as eggs: built from a copy, with pinned tools, and no network.

In a checkout they are links to the sources (``develop =``). A release has no sources to link to;
and the checkout is not built in, for whatever is written there a running server may notice.
"""

import glob
import hashlib
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eggcrate import sources, unpack
from eggcrate.lockfile import File
from eggcrate.release import checkout
from eggcrate.release.checkout import Checkout
from eggcrate.release.errors import ReleaseError
from eggcrate.release.origin import Origin


@dataclass(frozen=True)
class Own:
    """A distribution whose sources are in ``folder``, and the egg that was made of them."""

    name: str
    version: str
    folder: Path
    egg: Path

    def entry(self) -> dict[str, str]:
        """Return what the manifest says of it."""
        return {"name": self.name, "version": self.version, "source": "project"}


def build_all(origin: Origin, place: Path) -> list[Own]:
    """Build all distributions that the project develops, each in a folder of its own."""
    found = []
    for number, folder in enumerate(folders(origin.buildout)):
        (place / f"own-{number}").mkdir()
        known = origin.checkout if folder == origin.root else checkout.look(folder)
        found.append(_build(origin, folder, known, place / f"own-{number}"))
    return found


def folders(buildout: Any) -> list[Path]:
    """Return what ``develop =`` names."""
    root = Path(buildout["buildout"]["directory"])
    named = buildout["buildout"].get("develop", "").split()
    found = [path for pattern in named for path in sorted(_glob(root, pattern))]
    return [path if path.is_dir() else path.parent for path in found]


def _glob(root: Path, pattern: str) -> list[Path]:
    found = glob.glob(str(root / pattern))  # noqa: PTH207  # Path.glob() takes no absolute pattern
    if not found:
        raise ReleaseError(f"develop = {pattern}: there is no such folder")
    return [Path(path).resolve() for path in found]


def _build(origin: Origin, folder: Path, known: Checkout | None, place: Path) -> Own:
    buildout, time = origin.buildout, origin.time()
    copied, wheels = place / "source", place / "wheel"
    checkout.copy(folder, copied, known, without=generated(buildout))
    needed = sources.path(buildout, sources.requirements(copied))
    environ = {**sources.environ(needed), "SOURCE_DATE_EPOCH": str(time)}
    _wheel(folder, copied, wheels, environ)
    (artifact,) = wheels.iterdir()
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    (place / "eggs").mkdir()
    egg = unpack.unpack(artifact, File(artifact.name, digest), place / "eggs")
    return Own(egg.name, egg.version, folder, Path(egg.path))


def generated(buildout: Any) -> Collection[Path]:
    """Return the folders of a project that hold no sources."""
    options = buildout["buildout"]
    names = ("bin-directory", "parts-directory", "develop-eggs-directory", "eggs-directory")
    root = Path(options["directory"])
    return {root / "var", root / "eggs", *(Path(options[name]) for name in names)}


def _wheel(folder: Path, copied: Path, wheels: Path, environ: dict[str, str]) -> None:
    command: list[str | Path] = [
        sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir",
        "--wheel-dir", wheels, copied,
    ]  # fmt: skip
    result = subprocess.run(
        command, env=environ, cwd=wheels.parent, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    if result.returncode:
        lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith(("note:", "hint:"))]  # of pip
        reason = ([line for line in lines if "rror" in line] or lines or ["pip failed"])[-1]
        raise ReleaseError(f"{folder} cannot be built: {reason}")
