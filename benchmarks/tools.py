"""What bin/bench was built with."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tools:
    """Carboy's command, its peers' interpreters in development and under load, and uv if any."""

    serve: Sequence[str]
    peers: str
    servers: str
    uv: str = ""


def make(serve: str = "", peers: str = "", servers: str = "", uv: str = "") -> Tools:
    """Return the tools; this interpreter stands in for what is not given, but for uv."""
    command = [serve] if serve else [sys.executable, "-m", "carboy"]
    return Tools(command, peers or sys.executable, servers or sys.executable, uv)
