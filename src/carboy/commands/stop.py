"""`serve stop`: let the running server finish its requests and end, and wait until it has."""

from typing import Any, TextIO

from carboy import remote


def run(options: Any, *, stream: TextIO) -> int:
    """Return 0 when the server has ended; raises `RemoteError` if none is running."""
    pid = remote.stop(remote.control_path(options))
    print(f"server {pid} has ended", file=stream)
    return 0
