"""Build distributions from their sources: with pinned tools and locked eggs, never the network."""

import contextlib
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from eggcrate import fetch
from eggcrate.lockfile import normalised

logger = logging.getLogger("zc.buildout.easy_install")

AT_HAND = ("setuptools", "wheel")  # the build environment's own, pinned in versions.cfg
PROJECT = "pyproject.toml"


class BuildError(fetch.FetchError):
    """Why a source distribution cannot be built, in one line."""


def wheel(buildout: Any, archive: Path) -> Path:
    """Build the wheel of a verified source distribution; raise :exc:`BuildError`."""
    environment = environ(path(buildout, _required(_packed(archive))))
    return pip_wheel(archive, Path(tempfile.mkdtemp(dir=fetch.scratch())), environment)


def pip_wheel(archive: Path, target: Path, environment: dict[str, str]) -> Path:
    """Build the wheel of an archive, or of a folder, into the empty folder ``target``."""
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(target), str(archive)]
    result = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    built = sorted(target.glob("*.whl"))
    if result.returncode or len(built) != 1:
        logger.error("%s", result.stdout.strip())
        raise BuildError(f"{archive.name} cannot be built, as is said above")
    return built[0]


def requirements(project: Path) -> list[str]:
    """Return what has to be there to build ``project``: ``build-system.requires`` (PEP 518)."""
    try:
        return _required((project / PROJECT).read_text("utf-8"))
    except FileNotFoundError:
        return _required("")


def _required(text: str) -> list[str]:
    try:
        system = tomllib.loads(text).get("build-system", {})
    except tomllib.TOMLDecodeError as error:
        import zc.buildout

        raise zc.buildout.UserError(f"{PROJECT}: {error}") from None
    return list(system.get("requires", ["setuptools"]))


def _packed(archive: Path) -> str:
    """Return the pyproject.toml of a source distribution, "" if it has none."""
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                found = [name for name in zipped.namelist() if _is_project(name)]
                return zipped.read(found[0]).decode() if found else ""
        with tarfile.open(archive) as tar:
            files = [tar.extractfile(member) for member in tar if _is_project(member.name)]
            return files[0].read().decode() if files and files[0] else ""
    except (OSError, UnicodeDecodeError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise BuildError(f"{archive.name} cannot be read: {error}") from None


def _is_project(name: str) -> bool:
    return PurePosixPath(name).parts[1:] == (PROJECT,)


def path(buildout: Any, needed: Iterable[str]) -> list[str]:
    """Return the folders of the eggs that the requirements ``needed`` come to.

    The build tools that run (setuptools, wheel) are at hand and need none; the others are pinned
    and locked like every egg. Raise ``UserError``.
    """
    from zc.buildout import easy_install

    missing = [text for text in needed if not is_at_hand(text)]
    if not missing:
        return []
    options = buildout["buildout"]
    working_set = easy_install.install(
        missing,
        None if buildout.offline else options["eggs-directory"],
        links=options.get("find-links", "").split(),
        index=options.get("index"),
        path=[options["develop-eggs-directory"], options["eggs-directory"]],
        newest=buildout.newest,
        allow_hosts=buildout._allow_hosts,
    )
    return [distribution.location for distribution in working_set]


def is_at_hand(text: str) -> bool:
    """Tell whether the build environment itself satisfies a requirement."""
    from packaging.requirements import Requirement

    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    name = normalised(requirement.name)
    return name in AT_HAND and requirement.specifier.contains(
        metadata.version(name), prereleases=True
    )


def environ(folders: Iterable[str]) -> dict[str, str]:
    """Return the environment of a process (pip, a build backend) that builds without a network.

    What a person's pip is configured for does not count: it could name other places.
    """
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PIP_")}
    return {
        **inherited,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it backwards: there is none
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": os.pathsep.join(folders),
    }


@contextlib.contextmanager
def closed(folders: Iterable[str]) -> Iterator[None]:
    """Let the processes that the block starts build without a network."""
    saved, needed = dict(os.environ), environ(folders)
    os.environ.clear()
    os.environ.update(needed)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
