"""See what code reads: the files, folders and variables that a later result may depend on.

The interpreter tells of each file that is opened, each folder that is listed and each program that
is started (PEP 578). That a file was only asked for (``os.path.exists``) it does not tell.
"""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

from eggcrate import probes

_LISTED = ("os.listdir", "os.scandir")
# What programs and servers answer, no probe can foresee.
_OUTWARD = (
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system",
    "pty.spawn", "socket.connect", "subprocess.Popen",
)  # fmt: skip
_SYSTEM = ("/dev/", "/proc/", "/sys/")


class Witness:
    """What is read while it is :meth:`watching`, except in the folders ``outside``."""

    def __init__(self, outside: Iterable[str] = ()) -> None:
        self.files: dict[str, str | None] = {}  # and what they were like when first opened
        self.folders: dict[str, str | None] = {}
        self.variables: set[str] = set()
        self.written: set[str] = set()
        self.outward = False  # programs were started, or servers asked
        prefixes = (sys.prefix, sys.base_prefix, *outside)
        self._outside = (*_SYSTEM, *(os.path.join(path, "") for path in prefixes))  # noqa: PTH118
        self._depth = 0
        self._hooked = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what the block reads."""
        if not self._hooked:
            sys.addaudithook(self._see)  # there is no way to remove it again
            self._hooked = True
        self._depth += 1
        try:
            with _noted(self.variables):
                yield
        finally:
            self._depth -= 1

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._depth:
            return
        with contextlib.suppress(OSError):  # the working folder was removed
            if event == "open":
                self._open(*arguments)
            elif event in _LISTED:
                self._list(arguments[0])
            elif event == "os.rename":
                self._add_written(arguments[1])
            elif event in _OUTWARD:
                self.outward = True

    def _open(self, name: object, _: object, flags: Any) -> None:
        path = self._path(name)
        if path is None:
            return
        if flags & (os.O_WRONLY | os.O_RDWR):
            self.written.add(path)
        elif path not in self.written:
            self.files.setdefault(_source(path), probes.stamp(_source(path)))

    def _list(self, name: object) -> None:
        path = self._path("." if name is None else name)
        if path is not None and path not in self.folders:
            self.folders[path] = None  # listing it for ourselves is seen, too
            self.folders[path] = probes.names(path)

    def _add_written(self, name: object) -> None:
        path = self._path(name)
        if path is not None:
            self.written.add(path)

    def _path(self, name: object) -> str | None:
        """Return the absolute path of a file that counts."""
        if not isinstance(name, str | bytes | os.PathLike):
            return None  # a number: it was opened by its name before
        path = os.path.abspath(os.fsdecode(name))  # noqa: PTH100
        return None if os.path.join(path, "").startswith(self._outside) else path  # noqa: PTH118


def _source(path: str) -> str:
    """Return the source of a compiled file, for which that was not opened."""
    if path.endswith(".pyc"):
        with contextlib.suppress(ValueError):
            return importlib.util.source_from_cache(path)
    return path


@contextlib.contextmanager
def _noted(names: set[str]) -> Iterator[None]:
    """Note the names of the variables that the block asks for."""
    environ: Any = os.environ
    plain = environ._data
    environ._data = _Noting(plain, names)
    try:
        yield
    finally:
        environ._data = plain


class _Noting(MutableMapping[bytes, bytes]):
    """What ``os.environ`` keeps its variables in, and notes which of them are read."""

    def __init__(self, plain: MutableMapping[bytes, bytes], names: set[str]) -> None:
        self._plain = plain
        self._names = names
        self._copied: list[bytes] = []

    def __getitem__(self, name: bytes) -> bytes:
        # dict(os.environ), for a child or just in case: nobody has asked for each of them.
        if self._copied and self._copied.pop() == name:
            return self._plain[name]
        self._copied.clear()
        self._names.add(os.fsdecode(name))
        return self._plain[name]

    def __setitem__(self, name: bytes, value: bytes) -> None:
        self._plain[name] = value

    def __delitem__(self, name: bytes) -> None:
        del self._plain[name]

    def __iter__(self) -> Iterator[bytes]:
        self._copied = list(self._plain)[::-1]
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)
