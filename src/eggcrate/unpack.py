"""Make an egg of a wheel: verified, complete and compiled, or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from eggcrate import binaries, bytecode, record
from eggcrate.cache import Cache
from eggcrate.eggs import ABI, MARK, Mark, record_of
from eggcrate.eggs import name as egg_name
from eggcrate.layout import layout, parents
from eggcrate.lockfile import File
from eggcrate.store import Original, Store
from eggcrate.wheel import Member, Wheel, WheelError
from eggcrate.workshop import Workshop

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
# Nobody changes a file of an egg: it may be one of other projects' eggs as well.
_FILE, _PROGRAM = 0o444, 0o555


class UnpackError(Exception):
    """Why there is no egg; one line that names the wheel."""


@dataclass(frozen=True)
class Metadata:
    """What a wheel says about itself; ``requires`` are its ``Requires-Dist`` lines as they are."""

    name: str
    version: str
    requires: list[str]


@dataclass(frozen=True)
class Egg(Metadata):
    """An egg in its place."""

    path: str


def metadata(artifact: Path, file: File) -> Metadata:
    """Return the metadata of the wheel ``artifact``, after comparing its bytes with ``file``."""
    with explained(file):
        wheel = Wheel.read(artifact, file)
        return Metadata(wheel.name, wheel.version, wheel.requires)


def unpack(
    artifact: Path,
    file: File,
    eggs: Path,
    cache: Cache | None = None,
    *,
    origin: File | None = None,
) -> Egg:
    """Make the egg of the wheel ``artifact`` in the folder ``eggs``.

    ``file`` is what the wheel must be. A wheel that was built here is not in the lock: ``origin``
    is then the locked source distribution that it was built from, which the egg's mark names.
    Raise ``UnpackError``.
    """
    with explained(file), Workshop(eggs) as workshop:
        return unpack_in(workshop, artifact, file, cache, origin=origin)


def unpack_in(
    workshop: Workshop,
    artifact: Path,
    file: File,
    cache: Cache | None = None,
    *,
    origin: File | None = None,
) -> Egg:
    """Make an egg in a workshop, and put it in its place from there; else as ``unpack``."""
    with explained(file), _public():
        wheel = Wheel.read(artifact, file)
        name = f"{egg_name(wheel.name, wheel.version)}.egg"
        # What was built here has another hash each time: it would not be found again.
        store = Store(cache.eggs) if cache and cache.eggs and not origin else None
        original = store.find(file, name) if store else None
        with _Making(workshop.folder / name, original) as making:
            making.fill(wheel)
            mark = making.finish(wheel, origin or file)
            if store and making.is_new:
                store.keep(file, workshop.folder / name, making.paths)
        workshop.place(name, lambda path: mark.same(Mark.read(path)))
    return Egg(wheel.name, wheel.version, wheel.requires, str(workshop.eggs / name))


@contextlib.contextmanager
def explained(file: File) -> Iterator[None]:
    """Raise what goes wrong in the block as ``UnpackError``."""
    try:
        yield
    except WheelError as error:
        raise UnpackError(str(error)) from None
    except OSError as error:
        reason = error.strerror or str(error)
        where = f" ({error.filename})" if error.filename else ""
        raise UnpackError(f"{file.name} cannot be unpacked: {reason}{where}") from None


@contextlib.contextmanager
def _public() -> Iterator[None]:
    """Let eggs be readable whatever the umask: who builds and who serves are often different."""
    saved = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(saved)


class _Making:
    """An egg that is written, or linked from one; after an error nothing is left of it.

    ``is_new``: not all of it could be had from that one.
    """

    def __init__(self, folder: Path, original: Original | None) -> None:
        self._folder = folder
        self._original = original
        self._made: set[str] = set()
        self._rows: dict[str, tuple[str, int | str]] = {}
        self.is_new = original is None

    def __enter__(self) -> "_Making":
        self._folder.mkdir()
        self._handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        os.close(self._handle)
        if self._original:
            self._original.close()
        if kind is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def paths(self) -> Iterable[str]:
        """The files of the egg."""
        return self._rows.keys()

    def fill(self, wheel: Wheel) -> None:
        """Write the files of a wheel, and the bytecode that is of use."""
        placed = layout(wheel)
        for path, name in placed.items():
            member = wheel.members[name]
            is_binary = path != name and path.startswith(f"{binaries.FOLDER}/")
            mode = _PROGRAM if member.executable or is_binary else _FILE
            content = None
            if not self._link(path, member.digest, member.mtime, mode):
                content = wheel.content(name)
                self._write(path, content, member.digest, member.mtime, mode)
            if bytecode.is_wanted(path, placed) and not self._link_compiled(path, member):
                self._compile(path, wheel.content(name) if content is None else content, member)

    def _link_compiled(self, path: str, member: Member) -> bool:
        """Have a module's bytecode from the original; tell whether nothing is left to be done."""
        if self._original is None:
            return False
        compiled = bytecode.path(path)
        if compiled not in self._original.rows:
            return True  # it could not be compiled then
        head = bytecode.head(member.info.file_size, member.mtime)
        return self._link(compiled, self._original.rows[compiled], member.mtime, begin=head)

    def _compile(self, path: str, content: bytes, member: Member) -> None:
        data = bytecode.compiled(content, path, member.mtime)
        if data is not None:
            self._write(bytecode.path(path), data, record.digest(data), member.mtime)

    def _link(
        self, path: str, digest: str, mtime: int, mode: int = _FILE, begin: bytes = b""
    ) -> bool:
        """Have a file from the original; tell whether there is one with that hash."""
        if self._original is None:
            return False
        data = self._original.read(path, digest)
        if data is None or not data.startswith(begin):
            self.is_new = True
            return False
        self._make_folders(path)
        if self._original.link(path, self._handle):
            self._rows[path] = digest, len(data)
        else:
            self._write(path, data, digest, mtime, mode)
        return True

    def finish(self, wheel: Wheel, artifact: File) -> Mark:
        """Write what is the egg's own: RECORD, then the mark, which is returned."""
        own = record_of(self._folder)
        rows = {**self._rows, own: ("", ""), MARK: ("", "")}
        text = record.dumps(rows).encode()
        mark = Mark(
            name=wheel.name,
            version=wheel.version,
            file=artifact.name,
            sha256=artifact.sha256,
            abi=ABI,
            compiler=bytecode.COMPILER,
            record=record.digest(text),
        )
        time = wheel.members[f"{wheel.info}/METADATA"].mtime
        self._write(own, text, "", time)
        self._write(MARK, mark.dumps().encode(), "", time)
        return mark

    def _write(self, path: str, data: bytes, digest: str, mtime: int, mode: int = _FILE) -> None:
        self._rows[path] = digest, len(data)
        self._make_folders(path)
        handle = os.open(path, _NEW, mode, dir_fd=self._handle)
        try:
            written = os.write(handle, data)
            while written < len(data):
                written += os.write(handle, memoryview(data)[written:])
            os.utime(handle, (mtime, mtime))
        finally:
            os.close(handle)

    def _make_folders(self, path: str) -> None:
        missing = []
        for folder in parents(path):
            if folder in self._made:
                break
            missing.append(folder)
        for folder in reversed(missing):
            os.mkdir(folder, dir_fd=self._handle)
            self._made.add(folder)
