"""Tell the service manager how the server is: the datagrams of sd_notify(3)."""

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping

# Fields are lines: what is told must be one.
_LONGEST_STATUS = 500


class Notifier:
    """Sends to `$NOTIFY_SOCKET`; without one, it does nothing.

    `watchdog` is how often to call `alive`, in seconds: twice as often as the manager demands
    (sd_watchdog_enabled(3)); None if it does not.
    """

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self.watchdog = watchdog if address else None
        # A name in the abstract namespace begins with a NUL, which no variable can hold.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    @classmethod
    def take(cls, environ: MutableMapping[str, str]) -> "Notifier":
        """Return the notifier that the environment asks for; workers shall not find it there."""
        address = environ.pop("NOTIFY_SOCKET", "")
        interval = environ.pop("WATCHDOG_USEC", "")
        pid = environ.pop("WATCHDOG_PID", "")
        is_meant = interval.isdigit() and int(interval) > 0 and pid in ("", str(os.getpid()))
        return cls(address, int(interval) / 2e6 if is_meant else None)

    def ready(self, status: str) -> None:
        """Tell that the server serves, for the first time or after a reload."""
        self._send("READY=1", _status(status))

    def reloading(self) -> None:
        """Tell that a reload has begun; Type=notify-reload wants to know when."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str) -> None:
        """Tell that the server finishes."""
        self._send("STOPPING=1", _status(status))

    def status(self, text: str) -> None:
        """Tell what `systemctl status` is to show."""
        self._send(_status(text))

    def alive(self) -> None:
        """Keep the watchdog quiet for another while."""
        self._send("WATCHDOG=1")

    def _send(self, *fields: str) -> None:
        if not self._address:
            return
        # A manager that does not listen is no reason to stop serving, nor to wait.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock,
        ):
            sock.setblocking(False)
            sock.sendto("\n".join(fields).encode(), self._address)


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())[:_LONGEST_STATUS]}"
