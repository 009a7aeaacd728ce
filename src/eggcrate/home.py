"""The project that a command of the build belongs to, and its configuration."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from eggcrate import command


def root(script: str) -> Path:
    """Return the project whose ``bin/`` holds ``script``.

    Raise ``UserError`` if it is not the one whose build environment this is.
    """
    folder = Path(script).resolve().parents[1]
    if reason := command.strange(folder):
        import zc.buildout

        raise zc.buildout.UserError(reason)
    return folder


def configuration(folder: Path, name: str = "buildout.cfg") -> Any:
    """Return the ``Buildout`` of a configuration file, read but not built. Raise ``UserError``.

    The working folder is the project's from then on.
    """
    from zc.buildout import buildout

    found = command.locate(name, folder) or name
    os.chdir(folder)
    # zc.buildout prints and logs to standard output, where a command's result belongs.
    with contextlib.redirect_stdout(sys.stderr):
        return buildout.Buildout(str(found), [("buildout", "directory", str(folder))])
