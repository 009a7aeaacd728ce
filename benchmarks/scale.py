"""`bin/bench scale`: throughput with more workers."""

import argparse
import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks import arguments, contest, report, rivals, wrk
from benchmarks.report import Column, Columns, Result
from benchmarks.rivals import Rival
from benchmarks.stage import Stage
from benchmarks.tools import Tools
from benchmarks.wrk import Shot

SUMMARY = "throughput with one worker and with more"
CLIENTS = 100
CANDIDATES = (rivals.CARBOY, rivals.WAITRESS, rivals.GTHREAD)


@dataclass(frozen=True)
class Found:
    """One round of one server, by the number of workers."""

    shots: Mapping[int, Shot]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    arguments.add(parser, seconds=1.5, candidates=CANDIDATES)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a server failed."""

    def take(stage: Stage, rival: Rival, _number: int) -> Found:
        return Found({workers: _shoot(stage, rival, workers) for workers in counts()})

    def _shoot(stage: Stage, rival: Rival, workers: int) -> Shot:
        with stage.running(dataclasses.replace(rival, workers=workers)) as server:
            return wrk.shoot(server.port, clients=CLIENTS, seconds=options.seconds)

    result = contest.run(CANDIDATES, options, tools, take)
    return contest.publish("scale", options, result, render)


def counts() -> list[int]:
    """Return the numbers of workers: 1, 2, 4 and so on up to the cores, and 2 in any case."""
    cores = max(len(os.sched_getaffinity(0)), 2)
    return [2**power for power in range(cores.bit_length())]


def render(result: Result[Found]) -> list[str]:
    """Return the table."""
    title = f"{CLIENTS} clients, requests/s by the number of workers"
    return [title, report.compared(result, _columns(counts()))]


def _columns(numbers: list[int]) -> Columns[Found]:
    most = numbers[-1]
    return [
        *(_rate(number) for number in numbers),
        Column(
            f"{most} to 1",
            lambda found: found.shots[most].rate / found.shots[1].rate,
            ".2f",
            compared=False,
        ),
        Column(
            "errors",
            lambda found: sum(shot.lost for shot in found.shots.values()),
            "d",
            compared=False,
            is_count=True,
        ),
    ]


def _rate(workers: int) -> Column[Found]:
    return Column(str(workers), lambda found: found.shots[workers].rate, ",.0f")
