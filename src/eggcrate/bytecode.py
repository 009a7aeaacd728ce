"""Compile eggs once, when they are built.

An egg made from a wheel carries no bytecode. Where the eggs cannot be written by who serves, or
PYTHONDONTWRITEBYTECODE is set, each start would compile Flask and all the others again.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# In the egg and not in a folder of ours: it goes when the egg goes.
MARK = f".compiled-{sys.implementation.cache_tag}"


def ensure(locations: Iterable[str]) -> None:
    """Compile the eggs among ``locations`` that are not compiled yet."""
    eggs = [Path(path) for path in locations if path.endswith(".egg")]
    missing = [egg for egg in eggs if egg.is_dir() and not (egg / MARK).exists()]
    if not missing:
        return
    # -qq: some distributions ship files for other versions of Python, which is no error here.
    command = [sys.executable, "-I", "-m", "compileall", "-qq", "-j", "0", *map(str, missing)]
    subprocess.run(command, check=False)
    for egg in missing:
        _mark(egg)


def _mark(egg: Path) -> None:
    try:
        (egg / MARK).touch()
    except OSError:
        return  # not ours to write (a shared folder of eggs): it stays as it is
