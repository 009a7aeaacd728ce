"""What git says of a folder: which files belong to it, their revision and their date."""

import os
import shutil
import subprocess
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from eggcrate.release.errors import ReleaseError

GENERATED = ("__pycache__", "*.egg-info", "*.py[co]", ".*")
BUILT = ("lib*", "bdist.*", "temp.*")  # in build/ of a project: setuptools would take old code


@dataclass(frozen=True)
class Checkout:
    """A folder under version control. Names are relative to it."""

    folder: Path
    revision: str
    time: int
    tracked: tuple[str, ...]
    changed: tuple[str, ...]
    untracked: tuple[str, ...]


def look(folder: Path) -> Checkout | None:
    """Return what git knows about ``folder``, None if it is in no repository.

    Raise ``ReleaseError`` for a repository that git cannot read: without it nobody knows which
    files are meant to leave this machine.
    """
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    revision, time = _git(folder, "log", "-1", "--format=%H %ct").split()
    status = _names(folder, "status", "--porcelain=v1", "-z", "--no-renames", ".")
    prefix = _git(folder, "rev-parse", "--show-prefix").removesuffix("\n")
    names: dict[bool, list[str]] = {True: [], False: []}
    for line in status:
        names[line.startswith("??")].append(line[3:].removeprefix(prefix))
    return Checkout(
        folder,
        revision,
        int(time),
        tuple(_names(folder, "ls-files", "-z", "--cached", "--recurse-submodules")),
        tuple(names[False]),
        tuple(names[True]),
    )


def _names(folder: Path, *command: str) -> list[str]:
    return [name for name in _git(folder, *command).split("\0") if name]


def _git(folder: Path, *command: str) -> str:
    # Of a hook that runs us, whatever it says is about another call.
    environ = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    try:
        result = subprocess.run(
            ["git", "-c", "core.quotePath=false", *command],
            cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", errors="surrogateescape",
        )  # fmt: skip
    except FileNotFoundError:
        raise ReleaseError(f"{folder} is a git checkout, and there is no git to read it") from None
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["git failed"])[0]
        raise ReleaseError(f"{folder}: git cannot read it: {reason}")
    return result.stdout


def copy(folder: Path, target: Path, checkout: Checkout | None, without: Collection[Path]) -> None:
    """Copy the sources in ``folder``: what git tracks, or else all that nothing has generated.

    ``without`` are folders that are none of the sources, such as that of the eggs.
    """
    if checkout is None:
        shutil.copytree(folder, target, symlinks=True, ignore=_ignore(without))
        return
    for name in checkout.tracked:
        source = folder / name
        if os.path.lexists(source):  # else it was removed, and not committed yet
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def _ignore(without: Collection[Path]) -> Callable[[str, list[str]], set[str]]:
    generated, built = shutil.ignore_patterns(*GENERATED), shutil.ignore_patterns(*BUILT)

    def ignore(folder: str, names: list[str]) -> set[str]:
        found = generated(folder, names)
        if Path(folder).name == "build":
            found |= built(folder, names)
        return found | {name for name in names if Path(folder, name) in without}

    return ignore
