"""What bin/bench was built with."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tools:
    """Carboy's command, the interpreter of its peers in development, that of those under load."""

    serve: Sequence[str]
    peers: str
    servers: str


def make(serve: str = "", peers: str = "", servers: str = "") -> Tools:
    """Return the tools; this interpreter stands in for what is not given."""
    command = [serve] if serve else [sys.executable, "-m", "carboy"]
    return Tools(command, peers or sys.executable, servers or sys.executable)
