"""Who makes an environment of the same pins, and how long each takes."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import checkout, environment
from benchmarks.errors import BenchError, PeerError
from eggcrate import lockfile

# The slowest of them needs a minute.
DEADLINE = 900
# What every environment has to be good for.
IMPORTS = "import flask, sqlalchemy, celery"
# All of them, the first one the one that the others are compared with.
EGGCRATE, STOCK, BY_PIP, UV, UV_COMPILING = NAMES = (
    "eggcrate",
    "zc.buildout 6",
    "pip",
    "uv",
    "uv, compiling",
)
# The pinned one, in the environment that builds.
PIP = (str(checkout.ROOT / "parts" / "buildout" / "bin" / "python"), "-m", "pip")
# Where each keeps what it has downloaded.
_CACHES = ("XDG_CACHE_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR")


@dataclass(frozen=True)
class Spent:
    """What a run took, in seconds: on the clock, and of the processors."""

    clock: float
    cpu: float


def _cpu() -> float:
    """Return the processor time of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True)
class Builder:
    """One way to make an environment; `python` is the interpreter that comes out."""

    name: str
    folder: Path
    command: Sequence[str]
    python: Path
    cache: Path
    clear: Callable[[], None]

    def forget(self) -> None:
        """Remove what was downloaded before."""
        checkout.put_away(self.cache, gone(self.folder))
        self.cache.mkdir()

    def build(self) -> "Spent":
        """Run it; return what it took. Raises `PeerError`."""
        before, begun = _cpu(), time.monotonic()
        result = subprocess.run(
            self.command,
            cwd=self.folder,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
        )
        spent = Spent(time.monotonic() - begun, _cpu() - before)
        if result.returncode:
            raise PeerError(f"ended with {result.returncode}; it said:\n{result.stdout[-2000:]}")
        return spent

    def _variables(self) -> Mapping[str, str]:
        found = environment.variables(os.environ, self.folder)
        return {**found, **dict.fromkeys(_CACHES, str(self.cache))}

    def check(self) -> None:
        """Raise `PeerError` if what was made cannot be used."""
        result = subprocess.run([self.python, "-c", IMPORTS], capture_output=True, text=True)
        if result.returncode:
            raise PeerError(f"{IMPORTS!r} fails; it said:\n{result.stderr[-2000:]}")


def every(folder: Path, uv: str) -> list[Builder]:
    """Return all builders, each with a folder of its own. Raises `BenchError`, `PeerError`."""
    ours = _eggcrate(folder / "eggcrate")
    ours.forget()
    ours.build()  # it says what there is to be installed
    hashed = folder / "requirements.txt"
    hashed.write_text(requirements(distributions(folder / "eggcrate"), checkout.ROOT))
    options = ["install", "--require-hashes", "--requirement", str(hashed)]
    found = [
        ours,
        _stock(folder / "stock"),
        _venv(BY_PIP, folder / "pip", lambda python: [*PIP, "--python", python, *options]),
    ]
    if uv:
        install = [uv, "pip", *options, "--python"]
        compiling = [uv, "pip", *options, "--compile-bytecode", "--python"]
        found += [
            _venv(UV, folder / "uv", lambda python: [*install, python]),
            _venv(UV_COMPILING, folder / "uv-c", lambda python: [*compiling, python]),
        ]
    return found


def _eggcrate(folder: Path) -> Builder:
    command = checkout.with_eggcrate(folder)
    python = folder / "bin" / "python"
    return Builder(EGGCRATE, folder, command, python, _beside(folder), _cleared(folder))


def _stock(folder: Path) -> Builder:
    cache = _beside(folder)
    command = checkout.without_eggcrate(folder, cache)
    python = folder / "bin" / "python"
    return Builder(STOCK, folder, command, python, cache, _cleared(folder))


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-cache")


def gone(folder: Path) -> Path:
    """Return where that goes which was made in a builder's folder and is not wanted any more."""
    found = folder.with_name("gone")
    found.mkdir(exist_ok=True)
    return found


def _cleared(folder: Path) -> Callable[[], None]:
    return lambda: checkout.clear(folder, gone(folder))


def _venv(name: str, folder: Path, command: Callable[[str], list[str]]) -> Builder:
    """Return a builder that installs into an environment; that one is made beforehand."""
    folder.mkdir()
    python = folder / "venv" / "bin" / "python"

    def clear() -> None:
        checkout.put_away(folder / "venv", gone(folder))
        made = [PIP[0], "-m", "venv", "--without-pip", str(folder / "venv")]
        subprocess.run(made, check=True, timeout=DEADLINE)

    return Builder(name, folder, command(str(python)), python, _beside(folder), clear)


def version(uv: str) -> str:
    """Return the version of uv, as it says."""
    said = subprocess.run([uv, "--version"], capture_output=True, text=True, timeout=DEADLINE)
    return said.stdout.split()[1]


def distributions(folder: Path) -> dict[str, str]:
    """Return the versions of all that was installed into a copy of the project, but the copy."""
    found: dict[str, str] = {}
    for path in sorted((folder / "parts").glob("*/bin/python")):
        if path.parents[1].name != "buildout":
            found |= environment.installed(str(path))
    found.pop("carboy", None)
    return found


def requirements(versions: Mapping[str, str], root: Path) -> str:
    """Return the lines for `pip install --require-hashes`. Raises `BenchError`."""
    lock = lockfile.load(root)
    if lock is None:
        raise BenchError(f"no {lockfile.NAME}: run bin/lock")
    lines = []
    for name, version in sorted(versions.items()):
        hashes = [f"--hash=sha256:{file.sha256}" for file in lock.of(name, version)]
        if not hashes:
            raise BenchError(f"{name} {version} is not in {lockfile.NAME}: run bin/lock")
        lines.append(" ".join([f"{name}=={version}", *hashes]))
    return "\n".join(lines) + "\n"
