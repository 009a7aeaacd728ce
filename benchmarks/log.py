"""`bin/bench log`: what Carboy's access log and its figures cost."""

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import arguments, client, contest, machine, report, rivals, stage, wrk
from benchmarks.errors import PeerError
from benchmarks.report import Result
from benchmarks.rivals import Rival
from benchmarks.server import Server, free_port
from benchmarks.stage import Stage
from benchmarks.tools import Tools
from benchmarks.wrk import Shot

SUMMARY = "cost of the access log and of the figures"
CLIENTS = 100
# In each round the variants run side by side, and the load goes so often from one to the next.
SLICES = 4
NOTHING = "nothing"


@dataclass(frozen=True)
class Found:
    """One round of one variant: all its slices."""

    shots: list[Shot]

    @property
    def rate(self) -> float:
        """Return the good answers a second over all slices."""
        return sum(shot.rate for shot in self.shots) / len(self.shots)

    @property
    def lost(self) -> int:
        """Return the requests without a good answer."""
        return sum(shot.lost for shot in self.shots)


@dataclass(frozen=True)
class Variant:
    """Carboy with something switched on, and what raises `PeerError` if it is not."""

    rival: Rival
    check: Callable[[], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    arguments.add(parser, seconds=0.8)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a variant failed."""
    with stage.build(tools) as built:
        result: Result[Found] = Result(machine.describe(), built.versions_of([]), options.rounds)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            try:
                for name, found in measure(built, options.seconds).items():
                    result.add(name, found)
            except PeerError as error:
                result.failures.append(f"round {number + 1}: {error}")
                break
    return contest.publish("log", options, result, render)


def measure(built: Stage, seconds: float) -> dict[str, Found]:
    """Start all variants and give each the load in turn."""
    with contextlib.ExitStack() as stack:
        chosen = variants(built.place())
        servers = {one.rival.name: stack.enter_context(built.running(one.rival)) for one in chosen}
        found = alternate(servers, seconds)
        for one in chosen:
            one.check()
    return found


def alternate(servers: Mapping[str, Server], seconds: float) -> dict[str, Found]:
    """Load one after the other, every other time backwards."""
    names = list(servers)
    shots: dict[str, list[Shot]] = {name: [] for name in names}
    for number in range(SLICES):
        for name in reversed(names) if number % 2 else names:
            shots[name].append(wrk.shoot(servers[name].port, clients=CLIENTS, seconds=seconds))
    return {name: Found(every) for name, every in shots.items()}


def variants(folder: Path) -> list[Variant]:
    """Return Carboy with nothing, with an access log, and with figures."""
    path, port = folder / "access.log", free_port()
    return [
        Variant(_carboy(NOTHING), lambda: None),
        Variant(_carboy("--access-log FILE", f"--access-log={path}"), lambda: _require_lines(path)),
        Variant(
            _carboy("--status ADDRESS", f"--status=127.0.0.1:{port}"),
            lambda: _require_figures(port),
        ),
    ]


def _carboy(name: str, *arguments: str) -> Rival:
    return dataclasses.replace(rivals.CARBOY.having(*arguments), name=name)


def _require_lines(path: Path) -> None:
    if not path.exists() or not path.stat().st_size:
        raise PeerError("the access log is empty")


def _require_figures(port: int) -> None:
    with contextlib.closing(client.connect(port)) as connection:
        request = client.ask(connection, "/metrics")
    if request.outcome != client.OK or "_total" not in request.body:
        raise PeerError(f"no figures at --status: {request.outcome}")


def render(result: Result[Found]) -> list[str]:
    """Return the table: the cost of each in percent of what there is without it."""
    base = [found.rate for found in result.samples[NOTHING]]
    rows = [["Carboy with", "requests/s", "cost (%)", "errors"]]
    for name, samples in result.samples.items():
        rates = [found.rate for found in samples]
        costs = [100 * (1 - rate / unit) for rate, unit in zip(rates, base, strict=True)]
        cost = "–" if name == NOTHING else report.spread(costs, ".1f")
        rows.append([name, report.spread(rates, ",.0f"), cost, str(sum(s.lost for s in samples))])
    return [f"{CLIENTS} clients", report.table(rows)]
