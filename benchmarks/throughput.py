"""`bin/bench http`: throughput, latency and memory of servers of one Flask application."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import arguments, contest, memory, report, rivals, wrk
from benchmarks.memory import Memory
from benchmarks.report import Column, Columns, Result, Sample
from benchmarks.rivals import Rival
from benchmarks.stage import Stage
from benchmarks.tools import Tools
from benchmarks.wrk import Shot

SUMMARY = "throughput, latency and memory: Flask on Carboy and on other servers"
CLIENTS = 100
# Of the time at 100 clients: one client alone varies less.
ALONE = 0.6


@dataclass(frozen=True)
class Found:
    """One round of one server: at 100 clients, then at one; the mean of its workers after that."""

    many: Shot
    one: Shot
    worker: Memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    arguments.add(parser, seconds=2.0, candidates=rivals.SERVERS)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a server failed."""

    def take(stage: Stage, rival: Rival, _number: int) -> Found:
        with stage.running(rival) as server:
            many = wrk.shoot(server.port, clients=CLIENTS, seconds=options.seconds)
            one = wrk.shoot(server.port, clients=1, seconds=options.seconds * ALONE)
            return Found(many, one, memory.mean(server.busiest(rival.workers)))

    result = contest.run(rivals.SERVERS, options, tools, take)
    return contest.publish("http", options, result, render)


def render(result: Result[Found]) -> list[str]:
    """Return a table for each number of clients and one for memory."""
    return [
        f"{CLIENTS} clients",
        report.compared(result, columns(lambda found: found.many)),
        "1 client",
        report.compared(result, columns(lambda found: found.one)),
        "memory of a worker after that",
        report.compared(
            result,
            [
                Column("PSS (MiB)", lambda found: found.worker.pss, ".1f"),
                Column("RSS (MiB)", lambda found: found.worker.rss, ".1f", compared=False),
            ],
        ),
    ]


def columns(shot: Callable[[Sample], Shot]) -> Columns[Sample]:
    """Return the columns of a run of wrk."""
    return [
        Column("requests/s", lambda sample: shot(sample).rate, ",.0f"),
        Column("p50 (ms)", lambda sample: shot(sample).p50, ".2f", compared=False),
        Column("p99 (ms)", lambda sample: shot(sample).p99, ".2f"),
        Column("errors", lambda sample: shot(sample).lost, "d", compared=False, is_count=True),
    ]
