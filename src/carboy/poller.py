"""Wait for many descriptors at once: epoll where there is one, else poll."""

import contextlib
import os
import select
from collections.abc import Iterator
from typing import Any

# POLLIN, POLLOUT; POLLERR, POLLHUP and POLLNVAL together, which come unasked.
READ, WRITE, HANGUP = 0x1, 0x4, 0x8 | 0x10 | 0x20
HAS_EPOLL = hasattr(select, "epoll")


class Poller:
    """A map of descriptor to object, as waitress keeps one, that knows what to wait for.

    Objects enter with interest in reading. Only an object whose interest has changed costs
    anything: what does not move is never looked at. `set_interest` may be called by any thread
    while another waits. Without `use_epoll` it is the portable poll, which looks at everything.
    """

    def __init__(self, *, use_epoll: bool = HAS_EPOLL) -> None:
        self._objects: dict[int, Any] = {}
        self._poll: Any = select.epoll() if use_epoll else select.poll()
        self._bell = None if use_epoll else _Bell(self._poll)

    def __setitem__(self, fd: int, item: Any) -> None:
        self._objects[fd] = item
        self._poll.register(fd, READ)

    def __delitem__(self, fd: int) -> None:
        del self._objects[fd]
        with contextlib.suppress(OSError, ValueError, KeyError):  # closed already
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
        if self._bell:
            self._bell.close()
        else:
            self._poll.close()

    def get(self, fd: int) -> Any:
        """Return the object of a descriptor, or None."""
        return self._objects.get(fd)

    def set_interest(self, fd: int, interest: int) -> None:
        """Wait for these events on a descriptor from now on; 0 waits for its breakdown only."""
        self._poll.modify(fd, interest)
        if self._bell:
            self._bell.ring()

    def wait(self, seconds: float) -> list[tuple[Any, int]]:
        """Return objects with their events, at most after `seconds`; by one thread at a time."""
        get = self._objects.get
        found = self._bell.wait(seconds) if self._bell else self._poll.poll(seconds)
        return [(item, mask) for fd, mask in found if (item := get(fd)) is not None]


class _Bell:
    """Wakes a poll that waits: unlike epoll, it does not see what changes meanwhile."""

    def __init__(self, poll: Any) -> None:
        self._poll = poll
        self._is_waiting = False
        self._ear, self._bell = os.pipe()
        for end in (self._ear, self._bell):
            os.set_blocking(end, False)
        poll.register(self._ear, READ)

    def ring(self) -> None:
        if self._is_waiting:
            with contextlib.suppress(OSError):  # full of rings, or closed
                os.write(self._bell, b"x")

    def wait(self, seconds: float) -> list[tuple[int, int]]:
        # Whoever changes something before this is seen by the poll, whoever does after rings.
        self._is_waiting = True
        found: list[tuple[int, int]] = self._poll.poll(seconds * 1000)
        self._is_waiting = False
        if any(fd == self._ear for fd, _ in found):
            with contextlib.suppress(BlockingIOError):
                os.read(self._ear, 4096)
        return found

    def close(self) -> None:
        ends, self._bell = (self._ear, self._bell), -1
        for end in ends:
            os.close(end)
