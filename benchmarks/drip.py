"""`bin/bench drip`: what clients cost that send a byte of a request each second (Slowloris)."""

import argparse
import contextlib
import socket
import threading
from collections.abc import Iterator

from benchmarks import idle
from benchmarks.tools import Tools

SUMMARY = "cost of clients that send a byte a second"
# Seconds between two bytes.
PAUSE = 1.0
_BEGINNING = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    idle.add_crowd_arguments(parser, seconds=2.5, connections=500)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a server failed."""
    whom = f"{options.connections} that send a byte a second"
    return idle.measure("drip", options, tools, dripping, whom)


@contextlib.contextmanager
def dripping(port: int, number: int, pause: float = PAUSE) -> Iterator[list[socket.socket]]:
    """Open connections on which a request never comes to its end. Raises `PeerError`."""
    enough = threading.Event()
    with idle.held(port, number) as connections:
        thread = threading.Thread(target=_drip, args=(connections, pause, enough))
        thread.start()
        try:
            yield connections
        finally:
            enough.set()
            thread.join()


def _drip(connections: list[socket.socket], pause: float, enough: threading.Event) -> None:
    """Send a byte to each, spread over the pause, until it is enough."""
    data = _BEGINNING
    while not enough.is_set():
        for connection in connections:
            with contextlib.suppress(OSError):  # closed by the server, which is its right
                connection.send(data)
            if enough.wait(pause / len(connections)):
                return
        data = b"x"
