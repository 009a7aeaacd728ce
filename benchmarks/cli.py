"""`bin/bench COMMAND`: each command is a module with `add_arguments` and `run`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from benchmarks import reload

_DESCRIPTION = "Measure Carboy and its peers side by side, on this machine."


def main(argv: Sequence[str] | None = None, *, serve: str = "", peers: str = "") -> int:
    """Run a command; `serve` and `peers` are generated: Carboy's and the peers' interpreter.

    Without them this interpreter runs everything that it has.
    """
    parser = argparse.ArgumentParser(prog="bench", description=_DESCRIPTION)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    summary = "start-up, reload, lost requests and idle cost in development"
    reload.add_arguments(commands.add_parser("reload", help=summary, description=summary))
    options = parser.parse_args(argv)
    if not sys.platform.startswith("linux"):
        parser.error("processes are measured through /proc: this needs Linux")
    # What runs must be ended in any case, and only an exception does that.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command = [serve] if serve else [sys.executable, "-m", "carboy"]
    try:
        return reload.run(options, serve=command, python=peers or sys.executable)
    except KeyboardInterrupt:
        return 130
