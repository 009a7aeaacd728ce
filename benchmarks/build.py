"""`bin/bench build`: from pins to an environment, and how soon programs start in it."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import arguments, builders, contest, environment, machine, report, startup
from benchmarks.builders import Builder, Spent
from benchmarks.errors import PeerError
from benchmarks.report import Column, Columns, Result
from benchmarks.tools import Tools

SUMMARY = "zc.buildout, pip, uv and eggcrate: cold, warm, nothing to do; and the start of programs"


@dataclass(frozen=True)
class Sample:
    """One round of one builder: with empty caches, with full ones, once more."""

    cold: Spent
    warm: Spent
    again: Spent


COLUMNS: Columns[Sample] = (
    Column("cold (s)", lambda sample: sample.cold.clock, ".2f"),
    Column("CPU (s)", lambda sample: sample.cold.cpu, ".2f", compared=False),
    Column("warm (s)", lambda sample: sample.warm.clock, ".2f"),
    Column("CPU (s)", lambda sample: sample.warm.cpu, ".2f", compared=False),
    Column("no change (s)", lambda sample: sample.again.clock, ".2f"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument("--rounds", type=arguments.count, default=3, metavar="N", help="default: 3")
    parser.add_argument(
        "--starts", type=arguments.count, default=15, metavar="N", help="of programs; default: 15"
    )
    parser.add_argument(
        "--peer",
        action="append",
        default=[],
        type=_peer,
        metavar="NAME",
        help="only those with NAME in theirs; repeatable",
    )
    arguments.add_output(parser)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Measure and print; return 1 if a builder or a program failed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        every = builders.every(Path(name), tools.uv)
        chosen = [one for one in every if _is_wanted(one.name, options.peer)]
        number = len(builders.distributions(every[0].folder))
        built: Result[Sample] = Result(machine.describe(), _versions(tools), options.rounds)
        built.samples = {builder.name: [] for builder in chosen}
        if not tools.uv:
            built.notes.append("uv: not measured, it is not installed")
        _measure(chosen, built)
        title = f"{number} distributions"
        code = contest.publish(
            "build", options, built, lambda result: [title, report.compared(result, COLUMNS)]
        )
        by_name = {builder.name: builder for builder in every}
        eggs, plain = by_name[builders.EGGCRATE], by_name[builders.BY_PIP]
        return max(code, startup.run(options, eggs, plain, built.versions))


def _peer(text: str) -> str:
    if not any(_is_wanted(name, [text]) for name in builders.NAMES):
        raise argparse.ArgumentTypeError(f"no peer has {text!r} in its name")
    return text


def _is_wanted(name: str, texts: Sequence[str]) -> bool:
    return not texts or any(text.lower() in name.lower() for text in texts)


def _versions(tools: Tools) -> dict[str, str]:
    python = str(builders.PIP[0])
    found = environment.versions(python, ("zc.buildout", "pip", "setuptools"))
    return {**found, **({"uv": builders.version(tools.uv)} if tools.uv else {})}


def _measure(chosen: Sequence[Builder], result: Result[Sample]) -> None:
    for number, builder in contest.alternate(chosen, result.rounds):
        print(f"round {number + 1} of {result.rounds}: {builder.name}", file=sys.stderr)
        try:
            result.add(builder.name, take(builder))
        except PeerError as error:
            result.failures.append(f"{builder.name}, round {number + 1}: {error}")


def take(builder: Builder) -> Sample:
    """Let one build three times."""
    builder.forget()
    builder.clear()
    cold = builder.build()
    builder.check()
    builder.clear()
    return Sample(cold, builder.build(), builder.build())
