"""The project that a command of the build belongs to, and its configuration."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from eggcrate import guest


def root(script: str) -> Path:
    """Return the project whose ``bin/`` holds ``script``.

    Raise ``UserError`` if it is not the one whose build environment this is.
    """
    folder = Path(script).resolve().parents[1]
    environment = folder / "parts" / "buildout"
    right = environment.is_dir() and environment.samefile(sys.prefix)
    if not right and not guest.is_guest():
        import zc.buildout

        raise zc.buildout.UserError(
            f"{folder} was moved or copied; run `python3 bootstrap.py` in it first"
        )
    return folder


def configuration(folder: Path, name: str = "buildout.cfg") -> Any:
    """Return the ``Buildout`` of a configuration file, read but not built. Raise ``UserError``.

    The working folder is the project's from then on.
    """
    from zc.buildout import buildout

    from eggcrate import command

    found = command.locate(name, folder) or name
    os.chdir(folder)
    # zc.buildout prints and logs to standard output, where a command's result belongs.
    with contextlib.redirect_stdout(sys.stderr):
        return buildout.Buildout(str(found), [("buildout", "directory", str(folder))])
