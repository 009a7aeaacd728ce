"""`bin/bench slow`: what slow requests do to fast ones, and to themselves."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import arguments, contest, report, rivals, wrk
from benchmarks.report import Column, Columns, Result
from benchmarks.rivals import Rival
from benchmarks.server import Server
from benchmarks.stage import Stage
from benchmarks.tools import Tools
from benchmarks.wrk import Shot, Wrk

SUMMARY = "fast requests beside slow ones, which sleep or compute"
APPLICATION = "mixed_app:app"
FAST, SLOW = 20, 8
# The slow ones are there first: all threads that they can take are taken.
AHEAD = 0.4
CANDIDATES = tuple(
    rival.serving(APPLICATION)
    for rival in (rivals.CARBOY, rivals.WAITRESS, rivals.GTHREAD, rivals.GRANIAN)
)


@dataclass(frozen=True)
class Mixed:
    """What the clients of the fast view found, and those of the slow one."""

    fast: Shot
    slow: Shot


@dataclass(frozen=True)
class Found:
    """One round of one server."""

    sleeping: Mixed
    computing: Mixed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    arguments.add(parser, seconds=2.0, candidates=CANDIDATES)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a server failed."""

    def take(stage: Stage, rival: Rival, _number: int) -> Found:
        with stage.running(rival) as server:
            sleeping = mix(server, "/sleep", options.seconds)
            server.wait_until_settled(rival.workers + rival.others)
            return Found(sleeping, mix(server, "/compute", options.seconds))

    result = contest.run(CANDIDATES, options, tools, take)
    return contest.publish("slow", options, result, render)


def mix(server: Server, slow: str, seconds: float) -> Mixed:
    """Ask for the fast view while others ask for a slow one."""
    with Wrk(server.port, slow, clients=SLOW) as running:
        time.sleep(AHEAD)
        fast = wrk.shoot(server.port, clients=FAST, seconds=seconds)
        return Mixed(fast, running.stop())


def render(result: Result[Found]) -> list[str]:
    """Return a table for each kind of slow view."""
    beside = f"{FAST} clients on the fast view beside {SLOW} on one that"
    return [
        f"{beside} sleeps 200 ms",
        report.compared(result, _columns(lambda found: found.sleeping)),
        f"{beside} computes",
        report.compared(result, _columns(lambda found: found.computing)),
    ]


def _columns(mixed: Callable[[Found], Mixed]) -> Columns[Found]:
    return [
        Column("fast requests/s", lambda found: mixed(found).fast.rate, ",.0f"),
        Column("p99 (ms)", lambda found: mixed(found).fast.p99, ".1f"),
        _errors(lambda found: mixed(found).fast),
        Column("slow requests/s", lambda found: mixed(found).slow.rate, ".1f"),
        _errors(lambda found: mixed(found).slow),
    ]


def _errors(shot: Callable[[Found], Shot]) -> Column[Found]:
    return Column("errors", lambda found: shot(found).lost, "d", compared=False, is_count=True)
