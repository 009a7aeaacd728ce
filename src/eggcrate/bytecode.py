"""Compile eggs once, when they are made, and keep what was compiled.

An egg made from a wheel carries no bytecode. Where the eggs cannot be written by who serves, or
PYTHONDONTWRITEBYTECODE is set, each start would compile Flask and all the others again.
"""

import hashlib
import importlib.util
import json
import marshal
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from stat import S_ISREG, S_ISVTX, S_IWGRP, S_IWOTH
from types import CodeType

from eggcrate import eggs, record
from eggcrate.lockfile import File

TAG = str(sys.implementation.cache_tag)
# Who compiled: a later release of the same Python may compile the same source differently.
COMPILER = f"{TAG}-{sys.version.split()[0]}"
# Of what is compiled here and of how it is kept: raise it when either changes.
FORMAT = 1

# In an egg that zc.buildout made, and not in a folder of ours: it goes when the egg goes.
MARK = f".compiled-{TAG}"

# There is one string of each character in a process, and marshal writes whether it is interned:
# whether any module has used that character as a name. From now on all of them are.
for _character in map(chr, range(256)):
    sys.intern(_character)

Compiled = Mapping[str, tuple["bytes | memoryview", str]]  # path -> contents, hash as in RECORD


def path(source: str) -> str:
    """Return where the bytecode of a module belongs (PEP 3147)."""
    folder, slash, name = source.rpartition("/")
    return f"{folder}{slash}__pycache__/{name.removesuffix('.py')}.{TAG}.pyc"


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
    return _head(source, mtime) + body


def find(
    known: "Compiled | None", path: str, source: bytes, mtime: int
) -> "tuple[bytes | memoryview, str] | None":
    """Return a module's bytecode and its hash, out of what is ``known`` or compiled now."""
    if known is not None and path not in known:
        return None  # it could not be compiled then
    if known is not None and bytes(known[path][0][:16]) == _head(source, mtime):
        return known[path]
    data = compiled(source, path, mtime)
    return None if data is None else (data, record.digest(data))


def _head(source: bytes, mtime: int) -> bytes:
    """Return what a .pyc file begins with: no flags means checked by time and size (PEP 552)."""
    return importlib.util.MAGIC_NUMBER + bytes(4) + _long(mtime) + _long(len(source))


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


class Store:
    """What was compiled of each wheel, in a folder that nobody else can write.

    Bytecode cannot be compared with its source without compiling it again, so unlike a wheel it is
    only as good as the folder where it was found. Its own hash guards against rot.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"{COMPILER}-{FORMAT}"

    def load(self, wheel: File) -> Compiled | None:
        """Return what was compiled of a wheel, None if there is nothing that can be trusted."""
        try:
            if not is_private(self._folder):
                return None
            data = memoryview(_read(self._folder / wheel.sha256))
        except OSError:
            return None
        content = data[65:]
        if data[:65] != _header(content):
            return None
        size = int.from_bytes(content[:4], "little")
        return _split(json.loads(bytes(content[4 : 4 + size])), content[4 + size :])

    def save(self, wheel: File, compiled: Compiled) -> None:
        """Keep what was compiled of a wheel, if that is possible."""
        index = [(path, len(data), digest) for path, (data, digest) in compiled.items()]
        text = json.dumps(index).encode()
        content = b"".join((_long(len(text)), text, *(data for data, _ in compiled.values())))
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            _write(self._folder / wheel.sha256, _header(content) + content)
        except OSError:
            return  # full or not ours to write: the next build compiles again


def is_private(folder: Path) -> bool:
    """Tell whether nobody but this user (and root) can change what a folder holds."""
    folder = folder.resolve()
    for path in (folder, *folder.parents):
        status = path.stat()
        others = status.st_mode & (S_IWGRP | S_IWOTH)
        # In a folder like /tmp nobody else can rename what is this user's.
        if status.st_uid not in (os.geteuid(), 0) or (others and not status.st_mode & S_ISVTX):
            return False
    return True


def _read(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise PermissionError
        return file.read()


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _header(content: bytes | memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode() + b"\n"


def _split(index: list[tuple[str, int, str]], data: memoryview) -> Compiled:
    found, start = {}, 0
    for path, size, digest in index:
        found[path] = data[start : start + size], digest
        start += size
    return found
