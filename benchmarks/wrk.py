"""Load by wrk, with one thread: it must leave the processors to those that are measured."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.errors import BenchError, PeerError

ERRORS = ("connect", "read", "write", "status", "timeout")
# A request without an answer for so long counts as an error, in seconds.
PATIENCE = 2
# What wrk may need to begin, and to end after it was told to, in seconds.
GRACE = 10
# Between two looks at whether it has begun, in seconds.
PAUSE = 0.005
_SCRIPT = Path(__file__).with_name("wrk.lua")
# Its end is a signal: its own -d knows whole seconds only.
_FOR_EVER = "3600s"


@dataclass(frozen=True)
class Shot:
    """What one run of wrk has found: requests in so many seconds, milliseconds, errors by kind."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Return the good answers a second."""
        return (self.requests - self.errors["status"]) / self.seconds

    @property
    def lost(self) -> int:
        """Return the number of requests without a good answer."""
        return sum(self.errors.values())


class Wrk:
    """A running wrk: load from `with` to its end, or to `stop`."""

    def __init__(
        self, port: int, path: str = "/", *, clients: int, headers: Mapping[str, str] | None = None
    ) -> None:
        arguments = [f"-H{name}: {value}" for name, value in (headers or {}).items()]
        arguments += [
            f"--timeout={PATIENCE}s",
            f"--script={_SCRIPT}",
            f"http://127.0.0.1:{port}{path}",
        ]
        self._process = subprocess.Popen(
            [
                find(),
                "--threads=1",
                f"--connections={clients}",
                f"--duration={_FOR_EVER}",
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for the driver
        )

    def __enter__(self) -> Self:
        end = time.monotonic() + GRACE
        # Told to end before it is ready for that, it would end without a word, or never.
        while self._process.poll() is None and not self._catches_signals():
            if time.monotonic() > end:
                self.__exit__(None, None, None)
                raise PeerError(f"wrk did not begin in {GRACE} s")
            time.sleep(PAUSE)
        return self

    def _catches_signals(self) -> bool:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(caught >> (signal.SIGINT - 1) & 1)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def stop(self) -> Shot:
        """End the load and return what was found. Raises `PeerError` if that is nothing."""
        self._process.send_signal(signal.SIGINT)
        try:
            output, _ = self._process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            raise PeerError(f"wrk did not end in {GRACE} s") from None
        return parse(output)


def find() -> str:
    """Return the path of wrk. Raises `BenchError`."""
    if found := shutil.which("wrk"):
        return found
    raise BenchError("wrk is needed, and not installed: apt-get install wrk")


def shoot(
    port: int,
    path: str = "/",
    *,
    clients: int,
    seconds: float,
    headers: Mapping[str, str] | None = None,
) -> Shot:
    """Ask for `path` from `clients` kept connections for so long."""
    with Wrk(port, path, clients=clients, headers=headers) as running:
        time.sleep(seconds)
        return running.stop()


def parse(output: str) -> Shot:
    """Return what wrk.lua has printed. Raises `PeerError` if it has not."""
    _, mark, found = output.rpartition("\nfound: ")
    if not mark:
        raise PeerError(f"wrk found nothing; it said:\n{output[-2000:]}")
    figures = json.loads(found)
    return Shot(
        requests=figures["requests"],
        seconds=figures["microseconds"] / 1e6,
        p50=figures["p50"] / 1000,
        p99=figures["p99"] / 1000,
        errors={kind: figures[kind] for kind in ERRORS},
    )
