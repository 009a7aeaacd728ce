"""`bin/bench all`: every command that measures under load, one after the other."""

import argparse
import sys
import time

from benchmarks import arguments, drip, frameworks, idle, log, scale, slow, throughput
from benchmarks.tools import Tools

SUMMARY = "http, slow, idle, drip, log, scale and table, in less than 20 minutes"
_COMMANDS = {
    "http": throughput,
    "slow": slow,
    "idle": idle,
    "drip": drip,
    "log": log,
    "scale": scale,
    "table": frameworks,
}
# The table has nine figures for each of nine servers, and its differences are large.
TABLE_ROUNDS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the subcommand."""
    parser.add_argument(
        "--rounds",
        type=arguments.count,
        default=5,
        metavar="N",
        help="default: 5; table: at most 3",
    )
    parser.add_argument(
        "--seconds",
        type=arguments.duration,
        metavar="SECONDS",
        help="load for each figure; default: that of each command",
    )
    arguments.add_output(parser)


def run(options: argparse.Namespace, tools: Tools) -> int:
    """Run all commands; return 1 if one of them did."""
    codes, begun = [], time.monotonic()
    for name, command in _COMMANDS.items():
        print(f"\n== {name}\n", flush=True)
        code: int = command.run(_options(name, options), tools)
        codes.append(code)
        print(f"{name}: {time.monotonic() - begun:.0f} s so far", file=sys.stderr)
    return max(codes)


def _options(name: str, options: argparse.Namespace) -> argparse.Namespace:
    """Return the options of a command: its defaults, and what was given for all."""
    parser = argparse.ArgumentParser()
    _COMMANDS[name].add_arguments(parser)
    chosen = parser.parse_args([])
    chosen.rounds = min(options.rounds, TABLE_ROUNDS) if name == "table" else options.rounds
    chosen.seconds = options.seconds or chosen.seconds
    chosen.json, chosen.write = options.json, options.write
    return chosen
