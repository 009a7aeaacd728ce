"""The project on disk: where `etc/`, `var/` and `src/` lie."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def root(
    *,
    environ: Mapping[str, str] | None = None,
    prefix: str | Path | None = None,
    cwd: Path | None = None,
) -> Path:
    """Return the project's root as an absolute path; nothing is created or cached.

    `$CARBOY_ROOT` wins. A generated script runs `parts/<part>/bin/python`, so the root is two
    folders above `sys.prefix` if an `etc/` folder or a buildout.cfg says so. Anything else that
    starts Python is taken to stand in the project: the working folder.
    """
    given = (os.environ if environ is None else environ).get("CARBOY_ROOT")
    if given:
        return Path(os.path.abspath(given))  # noqa: PTH100  # normalise, but keep symlinks
    candidate = Path(sys.prefix if prefix is None else prefix).parent.parent
    if _is_project(candidate):
        return candidate
    return Path.cwd() if cwd is None else cwd


def make_room(path: Path) -> None:
    """Make the folder that a file is to be written into.

    `var/` of a release is a link to a folder beside it, which may still have to be made.
    """
    path.parent.resolve().mkdir(parents=True, exist_ok=True)


def _is_project(folder: Path) -> bool:
    # A Python with the prefix /usr would make / the project, for it has an /etc.
    if folder == Path(folder.anchor):
        return False
    return (folder / "etc").is_dir() or (folder / "buildout.cfg").is_file()
