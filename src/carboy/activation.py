"""Listening sockets that systemd has bound: the protocol of sd_listen_fds(3)."""

import os
from collections.abc import MutableMapping, Sequence

from carboy.binds import Bind

# SD_LISTEN_FDS_START
FIRST = 3


def take(environ: MutableMapping[str, str]) -> list[Bind]:
    """Return the sockets that were passed to this very process; workers shall not find them."""
    count = environ.pop("LISTEN_FDS", "")
    pid = environ.pop("LISTEN_PID", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    numbers = range(FIRST, FIRST + min(int(count), 1000))
    for number in numbers:
        _keep_to_ourselves(number)
    return [Bind(_describe(number, names), fd=number) for number in numbers]


def _keep_to_ourselves(number: int) -> None:
    try:
        os.set_inheritable(number, False)
    except OSError:  # there is none: opening it will tell
        return


def _describe(number: int, names: Sequence[str]) -> str:
    name = names[number - FIRST] if number - FIRST < len(names) else ""
    return f"the socket {name or number} of systemd"
