"""Options that several commands share, and types of their values."""

import argparse
from collections.abc import Callable

from benchmarks import rivals
from benchmarks.rivals import Rival


def count(text: str) -> int:
    """Return a number of rounds."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def duration(text: str) -> float:
    """Return seconds."""
    if (seconds := float(text)) < 0.1:
        raise argparse.ArgumentTypeError("at least 0.1")
    return seconds


def named(candidates: tuple[Rival, ...]) -> Callable[[str], str]:
    """Return a type: text that is in the name of a candidate."""

    def convert(text: str) -> str:
        if not rivals.select(candidates, [text]):
            raise argparse.ArgumentTypeError(f"no peer has {text!r} in its name")
        return text

    return convert


def add_output(parser: argparse.ArgumentParser) -> None:
    """Declare where the figures go."""
    parser.add_argument("--json", action="store_true", help="print all samples, for machines")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md as well")


def add(
    parser: argparse.ArgumentParser,
    *,
    rounds: int = 5,
    seconds: float,
    candidates: tuple[Rival, ...] = (),
) -> None:
    """Declare the options of a command that measures `candidates` under load."""
    parser.add_argument(
        "--rounds", type=count, default=rounds, metavar="N", help=f"default: {rounds}"
    )
    parser.add_argument(
        "--seconds",
        type=duration,
        default=seconds,
        metavar="SECONDS",
        help=f"load for each figure; default: {seconds:g}",
    )
    if candidates:
        parser.add_argument(
            "--peer",
            action="append",
            default=[],
            type=named(candidates),
            metavar="NAME",
            help="only those with NAME in theirs; repeatable",
        )
    add_output(parser)
