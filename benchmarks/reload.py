"""`bin/bench reload`: start-up, reload, lost requests and idle cost in development."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import arguments, environment, machine, peers, report, stage
from benchmarks.client import LOSSES, OK, Load, Request
from benchmarks.errors import PeerError
from benchmarks.peers import Peer, Programs
from benchmarks.report import Column, Columns, Result
from benchmarks.server import DEADLINE, Server, free_port
from benchmarks.subject import Subject
from benchmarks.tools import Tools

SUMMARY = "start-up, reload, lost requests and idle cost in development"

# An answer of the old code counts as stale if the request was sent so long after the save, in
# seconds: a person needs longer to reach for the browser.
FRESH_AFTER = 0.1
# After a start, in seconds: start-up must be over, and a peer that polls must have looked at the
# file once, or it takes the next version for the first one and never reloads.
SETTLE = 2.0
# Load before the save, for its connections to be open, and after the first new answer.
BEFORE, AFTER = 0.3, 0.5
# Most peers look once in so many seconds: saves are spread evenly over it.
PERIOD = 1.0


@dataclass(frozen=True)
class Sample:
    """One round of one peer: seconds; numbers for one reload under load; percent of a core."""

    start: float
    reload: float
    loaded: float
    requests: int
    lost: dict[str, int]
    stale: int
    idle: float


COLUMNS: Columns[Sample] = (
    Column("start (s)", lambda sample: sample.start, ".2f"),
    Column("reload (s)", lambda sample: sample.reload, ".2f"),
    Column("under load (s)", lambda sample: sample.loaded, ".2f"),
    Column("lost", lambda sample: sum(sample.lost.values()), ".0f"),
    Column("stale", lambda sample: sample.stale, ".0f"),
    Column("idle (%)", lambda sample: sample.idle, ".2f"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument("--rounds", type=arguments.count, default=8, metavar="N", help="default: 8")
    parser.add_argument(
        "--idle", type=float, default=3.0, metavar="SECONDS", help="watch idle ones for; default: 3"
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=_peer,
        metavar="NAME",
        help="only those with NAME in theirs; repeatable",
    )
    parser.add_argument("--json", action="store_true", help="print all samples, for machines")


def _peer(text: str) -> str:
    if not peers.select([text]):
        raise argparse.ArgumentTypeError(f"no peer has {text!r} in its name")
    return text


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a peer failed to do what is measured."""
    chosen = peers.select(options.peer)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        flat = environment.flatten(tools.peers, folder / "peers")
        programs = {"serve": tools.serve, "python": [flat]}
        versions = stage.versions(flat, (*peers.DISTRIBUTIONS, *peers.OPTIONAL))
        result: Result[Sample] = Result(machine.describe(), versions, options.rounds)
        _measure(chosen, programs, folder, options, result)
    print(report.as_json(result) if options.json else as_text(result))
    return 1 if result.failures else 0


def as_text(result: Result[Sample]) -> str:
    """Return the tables of figures and of ratios, how requests were lost, and failures."""
    parts = [*report.heading(result), *report.body(result, COLUMNS), *_losses(result)]
    return "\n\n".join([*parts, *result.failures])


def _losses(result: Result[Sample]) -> list[str]:
    """Return how requests were lost, summed over all rounds; nothing if none was."""
    rows = [["", "requests", *LOSSES]]
    for name, samples in result.samples.items():
        sums = [sum(sample.lost[kind] for sample in samples) for kind in LOSSES]
        rows.append([name, *map(str, [sum(sample.requests for sample in samples), *sums])])
    if not any(sum(sample.lost.values()) for all_ in result.samples.values() for sample in all_):
        return []
    return ["requests under load, and how they were lost (all rounds)", report.table(rows)]


def _measure(
    chosen: Sequence[Peer],
    programs: Programs,
    folder: Path,
    options: argparse.Namespace,
    result: Result[Sample],
) -> None:
    """Measure peer after peer, round by round: what else the machine does hits all of them.

    Round 0 is not counted: it fills the caches of files and bytecode.
    """
    for number, delay in enumerate(delays(options.rounds)):
        for peer in chosen:
            print(f"round {number} of {options.rounds}: {peer.name}", file=sys.stderr)
            place = folder / f"{number}-{chosen.index(peer)}"
            place.mkdir()
            try:
                sample = measure(peer, programs, Subject(place), options.idle, delay)
            except PeerError as error:
                result.failures.append(f"{peer.name}, round {number}: {error}")
                continue
            if number:
                result.add(peer.name, sample)


def delays(rounds: int) -> list[float]:
    """Return the seconds to wait before the saves of round 0 and the counted ones.

    Even over the period, in an order that has nothing to do with the time, the same in each run.
    """
    spread = [PERIOD * (number + 0.5) / rounds for number in range(rounds)]
    random.Random(1).shuffle(spread)
    return [0.0, *spread]


def measure(peer: Peer, programs: Programs, subject: Subject, idle: float, delay: float) -> Sample:
    """Start a peer, watch it idle, make it reload twice: without and with load.

    `delay` seconds pass before each save. Raises `PeerError`.
    """
    port = free_port()
    with Server(peer.command(programs, port), port, subject.folder) as server:
        start = server.wait_for(subject.answer).done - server.started
        time.sleep(SETTLE)
        idle_share = _idle(server, idle)
        time.sleep(delay)
        quiet = _reload(server, subject)
        time.sleep(SETTLE + delay)
        loaded, load, saved = _reload_under_load(server, subject)
    return Sample(
        start=start,
        reload=quiet,
        loaded=loaded,
        requests=len(load),
        lost={kind: sum(r.outcome == kind for r in load) for kind in LOSSES},
        stale=count_stale(load, saved, str(subject.number - 1)),
        idle=idle_share,
    )


def _idle(server: Server, seconds: float) -> float:
    """Return the percentage of a core that the peer's processes use while nothing happens."""
    before, begun = server.cpu(), time.monotonic()
    time.sleep(seconds)
    return 100 * (server.cpu() - before) / (time.monotonic() - begun)


def _reload(server: Server, subject: Subject) -> float:
    saved = time.monotonic()
    subject.save()
    return server.wait_for(subject.answer).done - saved


def _reload_under_load(server: Server, subject: Subject) -> tuple[float, list[Request], float]:
    with Load(server.port) as load:
        time.sleep(BEFORE)
        saved = time.monotonic()
        subject.save()
        first = load.wait_for(subject.answer, DEADLINE)
        if first is None:
            raise server.failure(f"no new answer under load in {DEADLINE:g} s")
        time.sleep(AFTER)
    return first.done - saved, load.requests, saved


def count_stale(requests: Sequence[Request], saved: float, old: str) -> int:
    """Return how many requests were answered by old code though sent well after the save."""
    return sum(
        request.outcome == OK and request.body == old and request.sent >= saved + FRESH_AFTER
        for request in requests
    )
