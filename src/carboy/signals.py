"""Signals as bytes that a loop reads: the handlers themselves do nothing."""

import contextlib
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Self

from carboy.loop import Loop

Table = Mapping[signal.Signals, Callable[[signal.Signals], object]]


class SignalTable:
    """While entered, each signal of the table calls its action, from the loop."""

    def __init__(self, loop: Loop, table: Table) -> None:
        self._loop = loop
        self._table = table
        self._ours, self._theirs = socket.socketpair()

    def __enter__(self) -> Self:
        for sock in (self._ours, self._theirs):
            sock.setblocking(False)
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        for number in self._table:
            signal.signal(number, lambda *_: None)
        self._loop.watch(self._ours, self._read)
        return self

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in self._ours.recv(4096):
                # Somebody else's handler wakes us as well.
                if action := self._table.get(signal.Signals(number)):
                    action(signal.Signals(number))

    def __exit__(self, *_: object) -> None:
        # The handlers stay: what comes after the end must not end the process in its last steps.
        signal.set_wakeup_fd(-1)
        self._loop.forget(self._ours)
        self._ours.close()
        self._theirs.close()
