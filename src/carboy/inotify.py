"""The kernel's file notifications on Linux (inotify(7)), as far as `carboy.monitor` needs them.

The standard library has no binding. The master must stay small and single-threaded, and the
bindings on the package index bring threads or a compiled dependency: three calls suffice.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_CREATE, _DELETE, _MODIFY, _ATTRIB = 0x100, 0x200, 0x2, 0x4
_MOVED_FROM, _MOVED_TO, _CLOSE_WRITE = 0x40, 0x80, 0x8
_ONLYDIR, _OVERFLOW = 0x01000000, 0x4000
_MASK = _CREATE | _DELETE | _MODIFY | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CLOSE_WRITE | _ONLYDIR
_EVENT = struct.Struct("iIII")


class Inotify:
    """A queue of directories in which something happened.

    Raises `OSError` where the kernel offers none, and from `add` where a directory cannot be
    watched (gone, unreadable, or the limit of watches is reached).
    """

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise OSError(errno.ENOSYS, "no inotify here")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._check(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        # A directory may be known by several names: relative, through a link, before it moved.
        self._directories: dict[int, set[Path]] = {}

    def _check(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def fileno(self) -> int:
        """Return the descriptor, readable when events wait."""
        return self._fd

    def add(self, directory: Path) -> bool:
        """Watch the entries of a directory; its subdirectories are watched on their own.

        Returns whether it was not watched yet; True also for one that was deleted and made again.
        """
        path = os.fsencode(directory)
        watch = self._check(self._libc.inotify_add_watch(self._fd, path, _MASK))
        names = self._directories.setdefault(watch, set())
        is_new = directory not in names
        names.add(directory)
        return is_new

    def read(self) -> set[Path] | None:
        """Return the directories with events since the last call; None if events were lost."""
        found: set[Path] = set()
        for watch, mask in self._events():
            if mask & _OVERFLOW:
                return None
            found |= self._directories.get(watch, set())
        return found

    def _events(self) -> Iterator[tuple[int, int]]:
        while True:
            try:
                data = os.read(self._fd, 65536)
            except BlockingIOError:
                return
            offset = 0
            while offset < len(data):
                watch, mask, _cookie, length = _EVENT.unpack_from(data, offset)
                offset += _EVENT.size + length
                yield watch, mask

    def close(self) -> None:
        """Stop watching."""
        os.close(self._fd)
