"""Compile eggs once, when they are made.

An egg made from a wheel carries no bytecode. Where the eggs cannot be written by who serves, or
PYTHONDONTWRITEBYTECODE is set, each start would compile Flask and all the others again.
"""

import importlib.util
import marshal
import subprocess
import sys
import warnings
from collections.abc import Container, Iterable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import CodeType

from eggcrate import eggs

TAG = str(sys.implementation.cache_tag)
# Who compiled: a later release of the same Python may compile the same source differently.
COMPILER = f"{TAG}-{sys.version.split()[0]}"
# Of eggs and of what is compiled for them: raise it when either changes.
FORMAT = 3

# In an egg that zc.buildout made, and not in a folder of ours: it goes when the egg goes.
MARK = f".compiled-{TAG}"

# There is one string of each character in a process, and marshal writes whether it is interned:
# whether any module has used that character as a name. From now on all of them are.
for _character in map(chr, range(256)):
    sys.intern(_character)


def path(source: str) -> str:
    """Return where the bytecode of a module belongs (PEP 3147)."""
    folder, slash, name = source.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{TAG}.pyc"


def is_wanted(path: str, files: Container[str]) -> bool:
    """Tell whether Python would read bytecode for ``path``, one of the ``files`` of an egg.

    Where mypyc or Cython made an extension module of a source, that is imported, and both are
    shipped: 232 of mypy's own modules are such, a seventh of all code of a development set.
    """
    module = path.removesuffix(".py")
    return module != path and not any(module + suffix in files for suffix in EXTENSION_SUFFIXES)


def is_bytecode(path: str) -> bool:
    """Tell whether this Python would read ``path`` for a module."""
    return path.endswith(f".{TAG}.pyc") and "__pycache__" in path.split("/")[-2:-1]


def source(path: str) -> str:
    """Return which module a path of bytecode is for."""
    folder, _, name = path.rpartition("/")
    return folder.removesuffix("__pycache__") + name.removesuffix(f".{TAG}.pyc") + ".py"


def mtime(data: bytes) -> int:
    """Return the time of the source that bytecode says it is for."""
    return int.from_bytes(data[8:12], "little")


def compiled(source: bytes, name: str, mtime: int) -> bytes | None:
    """Return the contents of the .pyc file of a module; None if it cannot be compiled.

    The same source, name and time give the same bytes in any process and any folder: ``name`` is
    relative to the egg, and importlib puts the real one in its place. Many distributions ship
    files that are not for this Python, or are no Python yet (templates): they stay as they are.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, sys.intern(name), "exec", dont_inherit=True, optimize=0)
            body = _dumped(code)
    except Exception:  # whatever the compiler raises: its input is somebody else's
        return None
    return head(len(source), mtime) + body


def head(size: int, mtime: int) -> bytes:
    """Return what a .pyc file begins with: no flags means checked by time and size (PEP 552)."""
    return importlib.util.MAGIC_NUMBER + bytes(4) + _long(mtime) + _long(size)


def _long(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")


def _dumped(code: CodeType) -> bytes:
    """Return what marshal writes, without what depends on the process.

    That is which of the equal constants are one object: version 2 of the format cannot say it, so
    it goes by writing and reading that first. Nor can it say a slice, a constant from Python 3.14
    on: where there is one, a set of constants may be written differently another time.
    """
    try:
        text = marshal.dumps(code, 2)
    except ValueError:
        text = marshal.dumps(code)
    return marshal.dumps(marshal.loads(text))  # noqa: S302  # what was compiled just now


def ensure(locations: Iterable[str]) -> None:
    """Compile the eggs among ``locations`` that zc.buildout made and nobody compiled yet."""
    found = [Path(path) for path in locations if path.endswith(".egg")]
    missing = [egg for egg in found if egg.is_dir() and not _is_compiled(egg)]
    if not missing:
        return
    # -qq: some distributions ship files for other versions of Python, which is no error here.
    command = [sys.executable, "-I", "-m", "compileall", "-qq", "-j", "0", *map(str, missing)]
    subprocess.run(command, check=False)
    for egg in missing:
        _mark(egg)


def _is_compiled(egg: Path) -> bool:
    return (egg / MARK).exists() or (egg / eggs.MARK).exists()


def _mark(egg: Path) -> None:
    try:
        (egg / MARK).touch()
    except OSError:
        return  # not ours to write (a shared folder of eggs): it stays as it is
