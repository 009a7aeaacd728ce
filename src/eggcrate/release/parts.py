"""Build the production set in a folder of its own, as bin/buildout would.

It has its own bin/, parts/ and develop-eggs/; the folder of eggs is the project's. So what bin/
of the project serves, and what buildout remembers of it, stays as it is.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eggcrate import environment, launcher
from eggcrate.release.errors import ReleaseError
from eggcrate.release.own import Own


@dataclass(frozen=True)
class Part:
    """A private environment as it was built: what it imports from, and its initialization."""

    name: str
    path: Path
    search: environment.SearchPath
    initialization: str


@dataclass(frozen=True)
class Built:
    """What bin/buildout has made in ``place``."""

    place: Path
    parts: tuple[Part, ...]
    others: tuple[str, ...]  # parts that are no environments: what other recipes have made

    @property
    def commands(self) -> Path:
        """Return the folder of commands."""
        return self.place / "bin"

    @property
    def eggs(self) -> list[Path]:
        """Return the eggs of all parts, each once."""
        folders = [folder for part in self.parts for folder in part.search.folders]
        return [Path(folder) for folder in dict.fromkeys(folders)]


def build(root: Path, config: Path, own: Iterable[Own], place: Path) -> Built:
    """Run zc.buildout with ``config`` of the project ``root``, for the folder ``place``.

    The distributions ``own`` are there already, and are not developed again.
    """
    links = place / "develop-eggs"
    links.mkdir(parents=True)
    for built in own:
        (links / f"{built.name}.egg-link").write_text(f"{built.egg}\n.", "utf-8")
    options = {
        "bin-directory": place / "bin",
        "parts-directory": place / "parts",
        "develop-eggs-directory": links,
        "installed": place / ".installed.cfg",
        "develop": "",
        "relative-paths": "true",
    }
    given = [f"buildout:{name}={value}" for name, value in options.items()]
    _run([root, "-c", config, *given])
    return read(place)


def _run(arguments: Sequence[str | Path]) -> None:
    command = [sys.executable, "-I", "-m", "eggcrate.release.apart", *arguments]
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    if result.returncode:
        raise ReleaseError(essence(result.stdout))


def essence(output: str) -> str:
    """Return, in one line, why zc.buildout has failed."""
    _, found, error = f"\n{output}".rpartition("\nError: ")
    if found:
        return " ".join(error.split())
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "zc.buildout failed"


def read(place: Path) -> Built:
    """Return what lies in a folder that bin/buildout has built into."""
    parts, others = [], []
    for path in sorted((place / "parts").glob("[!.]*/")):
        packages = environment.site_packages(path)
        if (packages / "eggs.pth").is_file():
            search = environment.read(path)
            parts.append(Part(path.name, path, search, _initialization(packages)))
        else:
            others.append(path.name)
    return Built(place, tuple(parts), tuple(others))


def _initialization(packages: Path) -> str:
    path = packages / f"{environment.MODULE}.py"
    return path.read_text("utf-8") if path.is_file() else ""


def target(part: Part, commands: Path, program: str = "python") -> launcher.Target:
    """Return where the commands of a part, which lie in ``commands``, find their interpreter."""
    return launcher.Target(part.path, part.path.parent, commands, program)
