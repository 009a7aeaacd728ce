"""What an editable install puts on the path: the lines of its ``.pth`` files (PEP 660).

zc.buildout takes the folders that they name and leaves out the lines that are code. setuptools
writes such a line for a project without a ``src/`` folder, which could not be imported then.
"""

import csv
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Lines:
    """The folders that ``.pth`` files name, and their lines of code."""

    folders: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)


def read(distribution: Any) -> Lines:
    """Return the lines of the ``.pth`` files of a ``pkg_resources`` distribution.

    Of an egg only the folders are taken, as zc.buildout does: code there is for site-packages.
    """
    found, location = Lines(), Path(distribution.location)
    for line in (line for name in _names(distribution) for line in _lines(location / name)):
        if line.startswith(("import ", "import\t")):
            found.code.append(line)
        else:
            found.folders.append(os.path.normpath(location / line))
    if location.suffix == ".egg":
        found.code.clear()
    return found


def _names(distribution: Any) -> list[str]:
    """Return the ``.pth`` files that are the distribution's own.

    All editable installs of a project lie in one folder; a part gets those that it asks for.
    """
    if not distribution.has_metadata("RECORD"):
        location = Path(distribution.location)
        return sorted(path.name for path in location.glob("*.pth")) if location.is_dir() else []
    rows = csv.reader(distribution.get_metadata_lines("RECORD"))
    return [row[0] for row in rows if row and row[0].endswith(".pth") and "/" not in row[0]]


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
