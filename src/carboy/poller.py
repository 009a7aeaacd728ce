"""Wait for many descriptors at once: epoll where there is one, else poll."""

import contextlib
import select
from collections.abc import Iterator
from typing import Any

# POLLIN, POLLOUT; POLLERR and POLLHUP together, which come unasked.
READ, WRITE, HANGUP = 0x1, 0x4, 0x8 | 0x10


class Poller:
    """A map of descriptor to object, as waitress keeps one, that knows what to wait for.

    Objects enter with interest in reading. Only an object whose interest has changed costs
    anything: what does not move is never looked at. `set_interest` may be called by any thread
    while another waits.
    """

    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}
        self._poll: Any = select.epoll() if hasattr(select, "epoll") else select.poll()
        # seconds for epoll, milliseconds for poll
        self._unit = 1.0 if hasattr(select, "epoll") else 1000.0

    def __setitem__(self, fd: int, item: Any) -> None:
        self._objects[fd] = item
        self._poll.register(fd, READ)

    def __delitem__(self, fd: int) -> None:
        del self._objects[fd]
        with contextlib.suppress(OSError, ValueError):  # closed already
            self._poll.unregister(fd)

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._objects))

    def __contains__(self, fd: int) -> bool:
        return fd in self._objects

    def __len__(self) -> int:
        return len(self._objects)

    def close(self) -> None:
        """Forget everything; the objects close their descriptors themselves."""
        self._objects.clear()
        if hasattr(self._poll, "close"):
            self._poll.close()

    def get(self, fd: int) -> Any:
        """Return the object of a descriptor, or None."""
        return self._objects.get(fd)

    def set_interest(self, fd: int, interest: int) -> None:
        """Wait for these events on a descriptor from now on; 0 waits for its breakdown only."""
        self._poll.modify(fd, interest)

    def wait(self, seconds: float) -> list[tuple[Any, int]]:
        """Return objects with their events, at most after `seconds`."""
        get = self._objects.get
        found = self._poll.poll(seconds * self._unit)
        return [(item, mask) for fd, mask in found if (item := get(fd)) is not None]
