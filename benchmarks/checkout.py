"""Copies of this project that can be built: with eggcrate, and by zc.buildout as it is."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.errors import BenchError

ROOT = Path(__file__).parents[1]
# The development set, the checks, and Celery.
CONFIGURATION = "etc/bench-build.cfg"
_SOURCES = ("bootstrap.py", "buildout.cfg", "etc", "setup.py", "src", "versions.cfg")
_LOCK = "versions.lock"
# A project's commands before anything is built.
_COMMANDS = ("buildout", "eggcrate", "lock", "release")
_STOCK = """\
#!{python}
import sys
from zc.buildout.buildout import main
sys.exit(main())
"""


def with_eggcrate(folder: Path) -> list[str]:
    """Copy the project; return the command that builds it. Raises `BenchError`."""
    _copy(folder)
    shutil.copy(ROOT / _LOCK, folder)
    # It finds all that it would make, and writes the commands of the copy.
    _run([getattr(sys, "_base_executable", sys.executable), "bootstrap.py"], folder)
    return [str(folder / "bin" / "buildout"), "-c", CONFIGURATION]


def without_eggcrate(folder: Path, cache: Path) -> list[str]:
    """Copy the project for zc.buildout as it is, which keeps downloads in `cache`."""
    _copy(folder)
    environment = folder / "parts" / "buildout"
    [packages] = environment.glob("lib/python*/site-packages")
    for path in packages.glob("eggcrate*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    command = environment / "bin" / "stock"
    command.write_text(_STOCK.format(python=environment / "bin" / "python"))
    command.chmod(0o755)
    options = ["extensions=", f"directory={folder}", f"download-cache={cache}"]
    return [str(command), "-c", CONFIGURATION, *(f"buildout:{option}" for option in options)]


def _copy(folder: Path) -> None:
    tools = ROOT / "parts" / "buildout"
    if not (tools / "pyvenv.cfg").is_file():
        raise BenchError(f"no {tools.relative_to(ROOT)}: run python3 bootstrap.py")
    folder.mkdir()
    for name in _SOURCES:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder)
    shutil.copytree(tools, folder / "parts" / "buildout", symlinks=True)


def clear(folder: Path, gone: Path) -> None:
    """Put all that was built in a copy into the folder `gone`."""
    kept = {folder / "parts" / "buildout", *(folder / "bin" / name for name in _COMMANDS)}
    for made in ("bin/*", "parts/*", "develop-eggs", "eggs", ".installed.cfg", "src/*.egg-info"):
        for path in set(folder.glob(made)) - kept:
            put_away(path, gone)


def put_away(path: Path, gone: Path) -> None:
    """Move something into the folder `gone`; nothing is done if there is none.

    To remove it would slow down whoever makes files next: ext4 passes over the inodes that were
    freed within half a minute, one by one.
    """
    if os.path.lexists(path):
        path.rename(Path(tempfile.mkdtemp(dir=gone), path.name))


def _run(command: list[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if result.returncode:
        raise BenchError((result.stderr.strip().splitlines() or ["it failed"])[-1])
