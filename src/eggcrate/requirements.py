"""What the project's own source trees require: the ranges of setup.py or pyproject.toml."""

import glob
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.metadata import Metadata
from packaging.requirements import Requirement

from eggcrate.cfgs import Cfg

# Run in a process of its own: setup.py is a program, and setuptools changes what it runs in.
_PREPARE = """\
import sys
from setuptools import build_meta
build_meta.prepare_metadata_for_build_wheel(sys.argv[1])
"""
_DEADLINE = 120
_DESCRIBING = ("setup.py", "pyproject.toml")


class RequirementsError(Exception):
    """Why a source tree does not say what it requires, in one line."""


@dataclass(frozen=True)
class Tree:
    """A source tree: its distribution, and what that requires, with any extra or to be built."""

    source: Path  # the file that says so
    name: str
    extras: tuple[str, ...]
    requires: tuple[Requirement, ...]
    builds_with: tuple[Requirement, ...]


def trees(root: Path, cfgs: Iterable[Cfg]) -> list[Tree]:
    """Return the source trees that the configuration files of a project develop.

    Raise :exc:`RequirementsError`.
    """
    names = {name for cfg in cfgs for name in cfg.develops}
    return [read(path) for path in sorted(_folders(root, names))]


def _folders(root: Path, names: Iterable[str]) -> set[Path]:
    """Return the folders that buildout finds by these names: they may be patterns, or setup.py."""
    found: set[Path] = set()
    for name in names:
        name = name.removeprefix("${buildout:directory}/")
        pattern = name if Path(name).is_absolute() else f"{glob.escape(str(root))}/{name}"
        for match in glob.glob(pattern):  # noqa: PTH207  # Path.glob refuses absolute ones
            path = Path(os.path.normpath(match))
            found.add(path if path.is_dir() else path.parent)
    return {path for path in found if any((path / name).exists() for name in _DESCRIBING)}


def read(path: Path) -> Tree:
    """Return what one source tree requires."""
    try:
        described = _described(path)
        builds_with = described.get("build-system", {}).get("requires", [])
        project = described.get("project", {})
        dynamic = {"dependencies", "optional-dependencies"} & set(project.get("dynamic", ()))
        if "name" in project and not dynamic:
            name, requires, extras = _static(project)
        else:
            name, requires, extras = _prepared(path)
        source = next(path / file for file in _DESCRIBING if (path / file).exists())
        return Tree(source, name, extras, requires, tuple(map(Requirement, builds_with)))
    except (ValueError, OSError) as error:  # of TOML, requirements and metadata, too
        raise RequirementsError(f"{path}: {' '.join(str(error).split())}") from None


def _described(path: Path) -> dict[str, Any]:
    file = path / "pyproject.toml"
    return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}


_Requires = tuple[str, tuple[Requirement, ...], tuple[str, ...]]


def _static(project: dict[str, Any]) -> _Requires:
    optional = project.get("optional-dependencies", {})
    texts = [
        *project.get("dependencies", ()),
        *(text for group in optional.values() for text in group),
    ]
    return project["name"], tuple(map(Requirement, texts)), tuple(optional)


def _prepared(path: Path) -> _Requires:
    """Let setuptools write the metadata, into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-I", "-c", _PREPARE, folder]
        result = subprocess.run(
            command,
            cwd=path,
            env=dict(_environ()),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_DEADLINE,
        )
        if result.returncode:
            raise RequirementsError(f"{path}: {_last_line(result.stderr)}")
        file = next(Path(folder).glob("*.dist-info/METADATA"))
        metadata = Metadata.from_email(file.read_bytes(), validate=False)
    return metadata.name, tuple(metadata.requires_dist or ()), tuple(metadata.provides_extra or ())


def _environ() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if not name.startswith("PYTHON"):
            yield name, value
    yield "PYTHONDONTWRITEBYTECODE", "1"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "setup.py ended without a word"
