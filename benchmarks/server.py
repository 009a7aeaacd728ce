"""A peer as a group of processes: started in a session of its own, measured, ended by id."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from benchmarks.client import OK, Request, ask_once
from benchmarks.environment import variables
from benchmarks.errors import PeerError

# A peer that has not answered after so long, in seconds, never will.
DEADLINE = 30.0
# Between two attempts, in seconds: without a pause the client would take one of the cores.
PAUSE = 0.002
# How long a peer may take to end, in seconds, before it is killed.
GRACE = 5.0
# A peer that uses less than this part of a core for so long, in seconds, is done with its start.
IDLE, SAMPLE = 0.05, 0.1

T = TypeVar("T")


class Server:
    """A running peer, from `with` to its end; nothing of it is left behind."""

    def __init__(self, command: Sequence[str], port: int, folder: Path) -> None:
        self.port = port
        self._log = folder / "output.log"
        self.started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=variables(os.environ, folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Every member is told, as a terminal would: some supervisors leave their child behind.
        for number in (signal.SIGTERM, signal.SIGKILL):
            self._signal(number)
            with contextlib.suppress(PeerError):
                self._wait(lambda: not self.processes(), "the end", GRACE)
        self._process.wait(GRACE)

    def processes(self) -> list[int]:
        """Return the ids of all living processes of the peer."""
        self._process.poll()
        return session(self._process.pid)

    def cpu(self) -> float:
        """Return the processor time that all living processes have used, in seconds."""
        return sum(cpu_of(pid) for pid in self.processes())

    def busiest(self, number: int) -> list[int]:
        """Return the ids of those processes that have used most processor time: the workers."""
        return sorted(self.processes(), key=cpu_of, reverse=True)[:number]

    def wait_until_settled(self, processes: int) -> None:
        """Wait until there are so many processes and all of them have nothing to do.

        Raises `PeerError` if it takes too long.
        """
        self._wait(lambda: len(self.processes()) >= processes, f"{processes} processes", DEADLINE)
        self._wait(self._is_idle, "rest", DEADLINE)

    def _is_idle(self) -> bool:
        before = self.cpu()
        time.sleep(SAMPLE)
        return self.cpu() - before < IDLE * SAMPLE

    def wait_for(self, body: str | None) -> Request:
        """Ask on new connections, one after the other, until one is answered by `body`, if any.

        Raises `PeerError` if the peer ends or does not answer so in time.
        """
        what = "an answer" if body is None else f"the answer {body!r}"
        return self._wait(lambda: self._answered(body), what, DEADLINE)

    def _answered(self, body: str | None) -> Request | None:
        request = ask_once(self.port)
        if self._process.poll() is not None:
            raise self.failure(f"ended with {self._process.returncode}")
        return request if request.outcome == OK and body in (None, request.body) else None

    def _wait(self, condition: Callable[[], T | None], what: str, seconds: float) -> T:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if result := condition():
                return result
            time.sleep(PAUSE)
        raise self.failure(f"no sign of {what} in {seconds:g} s")

    def failure(self, what: str) -> PeerError:
        """Return an error that tells what the peer said last."""
        said = self._log.read_text(errors="replace")[-2000:]
        return PeerError(f"{what}; it said:\n{said}")

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def session(leader: int) -> list[int]:
    """Return the living processes of the session that `leader` began."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, number = path.read_text().rpartition(")")[2].split()[:4]
            if int(number) == leader and state not in "XZ":
                found.append(int(path.parent.name))
    return found


def cpu_of(pid: int) -> float:
    """Return the processor time of a process's threads in seconds; 0 if it has ended.

    From `schedstat`, in nanoseconds: the ticks of `stat` (10 ms) are too coarse for idle servers.
    """
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    return total / 1e9


def free_port() -> int:
    """Return a port of the loopback address that nobody uses at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
