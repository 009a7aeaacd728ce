"""`bin/bench table`: Flask on Carboy beside other frameworks, each on the servers they have."""

import argparse
import http.client
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import arguments, burst, chart, contest, docs, machine, report, rivals, wrk
from benchmarks.client import connect
from benchmarks.report import Column, Columns, Result
from benchmarks.rivals import Rival
from benchmarks.server import Server
from benchmarks.stage import HELLO, Stage
from benchmarks.tools import Tools
from benchmarks.wrk import Shot

SUMMARY = "three pages in Flask, Bottle, Django, Pyramid and Tornado; a chart as well"
CLIENTS = (1, 100, 1000)
# Of the time for each figure: a thousand clients need some of it to connect.
SHARES = {1: 0.5, 100: 1.0, 1000: 1.5}
# What a browser sends, and `/environ` shows.
_COOKIES = "; ".join(f"visit_{number:02}=" + f"{number:02}5af3c9e1b7d4" * 5 for number in range(29))
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,cs;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://127.0.0.1/menu",
    "Cookie": _COOKIES,
    "Cache-Control": "max-age=0",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Upgrade-Insecure-Requests": "1",
}
# What is asked for, with which headers.
PAGES: Mapping[str, Mapping[str, str]] = {"/": {}, "/environ": HEADERS, "/template": {}}


@dataclass(frozen=True)
class Cell:
    """One page at one number of clients."""

    path: str
    clients: int
    shot: Shot


@dataclass(frozen=True)
class Found:
    """One round of one server: its cells, and how many clients of a burst were answered."""

    cells: list[Cell]
    answered: Mapping[int, int]

    def shot(self, path: str, clients: int) -> Shot:
        """Return what was found for a page at so many clients."""
        return next(
            cell.shot for cell in self.cells if (cell.path, cell.clients) == (path, clients)
        )

    def lost(self, clients: int) -> int:
        """Return the errors at so many clients, on all pages."""
        return sum(cell.shot.lost for cell in self.cells if cell.clients == clients)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    arguments.add(parser, rounds=3, seconds=0.7, candidates=rivals.FRAMEWORKS)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a server failed."""
    answers: dict[str, bytes] = {}

    def take(stage: Stage, rival: Rival, _number: int) -> Found:
        with stage.running(rival) as server:
            check(server, answers)
            cells = [
                Cell(path, clients, _shoot(server, path, clients, options.seconds))
                for clients in CLIENTS
                for path in PAGES
            ]
            bursts = {clients: _burst(server, clients) for clients in CLIENTS}
            return Found(cells, bursts)

    result = contest.run(rivals.FRAMEWORKS, options, tools, take)
    sizes = {path: len(body) for path, body in answers.items()}
    if options.write and result.measured:
        (docs.FOLDER / "benchmarks.svg").write_text(draw(result, sizes), "utf-8")
    return contest.publish("table", options, result, lambda found: render(found, sizes))


def check(server: Server, answers: dict[str, bytes]) -> None:
    """Compare all pages with those of the first server. Raises `PeerError` if a byte differs."""
    for path, headers in PAGES.items():
        connection = connect(server.port)
        try:
            connection.request("GET", path, headers=dict(headers))
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise server.failure(f"{path}: {error!r}") from error
        finally:
            connection.close()
        if response.status != 200 or answers.setdefault(path, body) != body:
            raise server.failure(f"{path}: {response.status}, {len(body)} other bytes: {body!r}")


def _shoot(server: Server, path: str, clients: int, seconds: float) -> Shot:
    share = seconds * SHARES[clients]
    return wrk.shoot(server.port, path, clients=clients, seconds=share, headers=PAGES[path])


def _burst(server: Server, clients: int) -> int:
    return burst.answered(server.port, clients, HELLO.encode())


def render(result: Result[Found], sizes: Mapping[str, int]) -> list[str]:
    """Return a table for each number of clients, and one of the bursts."""
    bytes_ = ", ".join(f"{path} {size} bytes" for path, size in sizes.items())
    parts = [f"requests/s; {bytes_}"]
    for clients in CLIENTS:
        parts += [_clients(clients), report.compared(result, _columns(clients))]
    parts += ["answered, of so many clients that connect at once with one request each, in percent"]
    return [*parts, report.compared(result, [_answered(clients) for clients in CLIENTS])]


def _clients(number: int) -> str:
    return f"{number:,} client{'s' if number > 1 else ''}"


def _columns(clients: int) -> Columns[Found]:
    p99: Column[Found] = Column(
        "p99 of / (ms)", lambda found: found.shot("/", clients).p99, ".1f", compared=False
    )
    errors: Column[Found] = Column(
        "errors", lambda found: found.lost(clients), "d", compared=False, is_count=True
    )
    return [*(_rate(path, clients) for path in PAGES), p99, errors]


def _rate(path: str, clients: int) -> Column[Found]:
    return Column(path, lambda found: found.shot(path, clients).rate, ",.0f")


def _answered(clients: int) -> Column[Found]:
    return Column(
        _clients(clients),
        lambda found: 100 * found.answered[clients] / clients,
        ".1f",
        compared=False,
    )


def draw(result: Result[Found], sizes: Mapping[str, int]) -> str:
    """Return the chart: a panel for each page and number of clients."""
    panels = [
        chart.Panel(
            title=f"{path} ({sizes[path]:,} bytes), {_clients(clients)}",
            bars=[_bar(name, samples, path, clients) for name, samples in result.measured.items()],
        )
        for path in PAGES
        for clients in CLIENTS
    ]
    names = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return chart.svg(
        "Requests a second", panels, columns=len(CLIENTS), notes=[machine.brief(), names]
    )


def _bar(name: str, samples: list[Found], path: str, clients: int) -> chart.Bar:
    rates = [found.shot(path, clients).rate for found in samples]
    lost = sum(found.shot(path, clients).lost for found in samples)
    if path == "/":
        lost += sum(clients - found.answered[clients] for found in samples)
    return chart.Bar(name, rates, lost)
