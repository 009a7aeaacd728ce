"""`bin/bench COMMAND`: each command is a module with `SUMMARY`, `add_arguments` and `run`."""

import argparse
import signal
import sys
from collections.abc import Sequence

from benchmarks import (
    build,
    drip,
    everything,
    frameworks,
    idle,
    log,
    reload,
    scale,
    slow,
    throughput,
    tools,
)
from benchmarks.errors import BenchError

_DESCRIPTION = "Measure Carboy and its peers side by side, on this machine."
_COMMANDS = {
    "build": build,
    "reload": reload,
    "http": throughput,
    "slow": slow,
    "idle": idle,
    "drip": drip,
    "log": log,
    "scale": scale,
    "table": frameworks,
    "all": everything,
}


def main(
    argv: Sequence[str] | None = None,
    *,
    serve: str = "",
    peers: str = "",
    servers: str = "",
    uv: str = "",
) -> int:
    """Run a command; the keywords are generated: Carboy's command, the peers' interpreters, uv.

    Without them this interpreter runs everything that it has.
    """
    parser = argparse.ArgumentParser(prog="bench", description=_DESCRIPTION)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in _COMMANDS.items():
        command = commands.add_parser(name, help=module.SUMMARY, description=module.SUMMARY)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(argv)
    if not sys.platform.startswith("linux"):
        parser.error("processes are measured through /proc: this needs Linux")
    # What runs must be ended in any case, and only an exception does that.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code: int = options.run(options, tools.make(serve, peers, servers, uv))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
