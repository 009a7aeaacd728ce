"""`serve reload`: let the running server replace its workers, and wait until it has."""

from typing import Any, TextIO

from carboy import remote


def run(options: Any, *, stream: TextIO) -> int:
    """Return 0 when the new generation serves; raises `RemoteError` with the reason if not."""
    answer = remote.ask(remote.control_path(options), "reload", patience=None)
    pids = ", ".join(map(str, answer["pids"]))
    seconds = f"{answer['seconds']:.2f} s"
    print(f"generation {answer['generation']} serves after {seconds}: workers {pids}", file=stream)
    return 0
