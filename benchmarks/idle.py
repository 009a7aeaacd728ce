"""`bin/bench idle`: what thousands of open connections without requests cost the active ones."""

import argparse
import contextlib
import functools
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import arguments, contest, report, rivals, stage, wrk
from benchmarks.client import TIMEOUT
from benchmarks.errors import PeerError
from benchmarks.report import Column, Columns
from benchmarks.rivals import Rival
from benchmarks.server import Server
from benchmarks.stage import Stage
from benchmarks.tools import Tools
from benchmarks.wrk import Shot

SUMMARY = "cost of idle connections"
CLIENTS = 100
# Files that this process has open besides.
SPARE = 100
CANDIDATES = tuple(
    rival.patient() for rival in (rivals.CARBOY, rivals.WAITRESS, rivals.GTHREAD, rivals.GRANIAN)
)
# Connections that are held while others are measured.
Crowd = contextlib.AbstractContextManager[list[socket.socket]]
_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Found:
    """One round of one server: without and with other connections, and how many were left open."""

    without: Shot
    beside: Shot
    still_open: int

    @property
    def cost(self) -> float:
        """Return the percentage of the throughput that is lost."""
        return 100 * (1 - self.beside.rate / self.without.rate)


COLUMNS: Columns[Found] = (
    Column("without (requests/s)", lambda found: found.without.rate, ",.0f"),
    Column("with (requests/s)", lambda found: found.beside.rate, ",.0f"),
    Column("cost (%)", lambda found: found.cost, ".1f", compared=False),
    Column("open at the end", lambda found: found.still_open, ",.0f", compared=False),
    Column(
        "errors",
        lambda found: found.without.lost + found.beside.lost,
        "d",
        compared=False,
        is_count=True,
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    add_crowd_arguments(parser, seconds=1.5, connections=5000)


def add_crowd_arguments(
    parser: argparse.ArgumentParser, *, seconds: float, connections: int
) -> None:
    """Declare the options of a subcommand that measures beside a crowd, with these defaults."""
    arguments.add(parser, seconds=seconds, candidates=CANDIDATES)
    parser.add_argument(
        "--connections",
        type=arguments.count,
        default=connections,
        metavar="N",
        help=f"default: {connections}",
    )


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a server failed."""
    return measure("idle", options, tools, held, f"{options.connections} idle ones")


def measure(
    name: str,
    options: argparse.Namespace,
    tools: Tools,
    crowd: Callable[[int, int], Crowd],
    whom: str,
) -> int:
    """Do so for a subcommand: `crowd(port, number)` opens what it measures beside, or `whom`."""

    def take(built: Stage, rival: Rival, number: int) -> Found:
        stage.require_files(options.connections + SPARE)
        with built.running(rival) as server:
            beside = functools.partial(crowd, server.port, options.connections)
            return Probe(server, rival, options.seconds, beside).take(number)

    title = f"{CLIENTS} clients on kept connections, without and with {whom}"
    result = contest.run(CANDIDATES, options, tools, take)
    return contest.publish(
        name, options, result, lambda found: [title, report.compared(found, COLUMNS)]
    )


class Probe:
    """Measures a server by itself and beside a crowd of connections, in either order."""

    def __init__(
        self, server: Server, rival: Rival, seconds: float, crowd: Callable[[], Crowd]
    ) -> None:
        self._server = server
        self._processes = rival.workers + rival.others
        self._seconds = seconds
        self._crowd = crowd

    def take(self, number: int) -> Found:
        """Return what round `number` finds."""
        if number % 2:
            beside, still_open = self._beside()
            return Found(self._shoot(), beside, still_open)
        return Found(self._shoot(), *self._beside())

    def _beside(self) -> tuple[Shot, int]:
        self._settle()
        with self._crowd() as connections:
            shot = self._load()
            return shot, sum(map(is_open, connections))

    def _shoot(self) -> Shot:
        self._settle()
        return self._load()

    def _settle(self) -> None:
        self._server.wait_until_settled(self._processes)

    def _load(self) -> Shot:
        return wrk.shoot(self._server.port, clients=CLIENTS, seconds=self._seconds)


@contextlib.contextmanager
def held(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Open connections, each of which has been answered once. Raises `PeerError`."""
    with contextlib.ExitStack() as stack:
        try:
            yield [stack.enter_context(connect(port)) for _ in range(number)]
        except OSError as error:
            raise PeerError(f"{number} connections could not be opened: {error}") from error


def connect(port: int) -> socket.socket:
    """Return a connection that was answered, as the server may not know of it before."""
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    connection.sendall(_REQUEST)
    if not connection.recv(4096):
        raise ConnectionError("closed without an answer")
    return connection


def is_open(connection: socket.socket) -> bool:
    """Return whether the server has left a connection open."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        try:
            while connection.recv(4096):
                pass
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                return False
            raise
        return False
    return True
