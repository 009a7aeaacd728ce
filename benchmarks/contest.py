"""Rounds of rivals: what all commands that measure under load do in the same way."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from benchmarks import docs, machine, report, rivals, stage
from benchmarks.errors import PeerError
from benchmarks.report import Result, Sample
from benchmarks.rivals import Rival
from benchmarks.stage import Stage
from benchmarks.tools import Tools

# A rival that has failed so often is not started again: each failure may take a deadline.
ATTEMPTS = 2

T = TypeVar("T")

# Measures a rival once; the number is that of the round, from 0.
Take = Callable[[Stage, Rival, int], Sample]
# Turns the result into paragraphs.
Render = Callable[[Result[Sample]], list[str]]


def run(
    candidates: Sequence[Rival], options: argparse.Namespace, tools: Tools, take: Take[Sample]
) -> Result[Sample]:
    """Measure all candidates, or those that the options name, in every round."""
    with stage.build(tools) as built:
        result: Result[Sample] = Result(machine.describe(), built.versions, options.rounds)
        chosen = present(built, rivals.select(candidates, options.peer), result)
        result.versions = built.versions_of(chosen)
        result.samples = {rival.name: [] for rival in chosen}
        for number, rival in alternate(chosen, options.rounds):
            attempt(built, rival, number, take, result)
    return result


def present(built: Stage, chosen: Sequence[Rival], result: Result[Sample]) -> list[Rival]:
    """Return those that are installed; the result says which ones are not."""
    found = []
    for rival in chosen:
        if missing := built.missing(rival):
            result.notes.append(f"{rival.name}: not measured, no {', no '.join(missing)} here")
        else:
            found.append(rival)
    return found


def alternate(chosen: Sequence[T], rounds: int) -> Iterator[tuple[int, T]]:
    """Yield them round by round, every other round backwards: none comes always after another.

    What else the machine does hits all of them.
    """
    for number in range(rounds):
        for rival in reversed(chosen) if number % 2 else chosen:
            yield number, rival


def attempt(
    built: Stage, rival: Rival, number: int, take: Take[Sample], result: Result[Sample]
) -> None:
    """Measure a rival once, unless it has failed too often."""
    if sum(text.startswith(f"{rival.name}, round") for text in result.failures) >= ATTEMPTS:
        return
    print(f"round {number + 1} of {result.rounds}: {rival.name}", file=sys.stderr)
    try:
        result.add(rival.name, take(built, rival, number))
    except PeerError as error:
        result.failures.append(f"{rival.name}, round {number + 1}: {error}")


def publish(
    name: str, options: argparse.Namespace, result: Result[Sample], render: Render[Sample]
) -> int:
    """Print a result, write it into the docs if that is wanted; return the exit code."""
    parts = [*report.heading(result), *(render(result) if result.measured else []), *result.notes]
    text = "\n\n".join([*parts, *result.failures])
    print(report.as_json(result) if options.json else text, flush=True)
    if options.write:
        # What a server has said is for who runs this: it names folders of the machine.
        first_lines = [failure.partition("; it said:")[0] for failure in result.failures]
        docs.write(name, "\n\n".join([*parts, *first_lines]))
    return 1 if result.failures else 0
