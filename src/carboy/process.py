"""The master's view of one worker process: started, spoken to, ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carboy.link import Link
from carboy.orders import Orders, environment


@dataclass
class WorkerProcess:
    """A child that runs the same script as the master, as a worker.

    `state` goes from "starting" over "made" (the application exists, its hooks have not run)
    and "preparing" (they run) to "ready", then "draining". `figures` are the last that it told;
    `heard` is when it gave its last sign of life, None before it is ready.
    """

    process: subprocess.Popen[bytes]
    link: Link
    generation: int
    lifeline: int
    started: float = field(default_factory=time.monotonic)
    state: str = "starting"
    failure: dict[str, Any] | None = None
    deadline: float | None = None
    kills: int = 0
    drained_by: float | None = None
    has_served: bool = False
    heard: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    is_asked: bool = False
    untold: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self.process.pid

    def age(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.started

    def begin_to_serve(self) -> None:
        """Take the worker for ready, and tell it what had to wait for that."""
        self.state = "ready"
        self.has_served = True
        self.note_sign_of_life()
        for kind in self.untold:
            self.link.send(kind)
        self.untold.clear()

    def note_sign_of_life(self) -> None:
        """Remember that the worker was well just now."""
        self.heard = time.monotonic()

    def tell(self, kind: str) -> None:
        """Send a message that only a worker that serves understands, as soon as it does."""
        if self.has_served:
            self.link.send(kind)
        elif self.is_starting:
            self.untold.append(kind)

    @property
    def is_starting(self) -> bool:
        """Return whether the worker is on its way to being ready."""
        return self.state in ("starting", "made", "preparing")

    @property
    def has_overrun(self) -> bool:
        """Return whether the time to finish is over, be it that the worker has ended by itself."""
        return self.drained_by is not None and time.monotonic() >= self.drained_by

    def drain(self, grace: float, *, hand_over: bool) -> None:
        """Ask the worker to finish; after `grace` seconds and one more it is ended."""
        self.state = "draining"
        self.drained_by = time.monotonic() + grace
        self.deadline = self.drained_by + 1.0
        if not self.link.send("drain", grace=grace, hand_over=hand_over):
            self.end()

    def end(self) -> None:
        """End the process, politely at first: SIGTERM, and SIGKILL a second later."""
        self.state = "draining"
        self.process.send_signal(signal.SIGKILL if self.kills else signal.SIGTERM)
        self.kills += 1
        self.deadline = time.monotonic() + 1.0

    def kill(self) -> None:
        """End the process at once."""
        self.kills = 1
        self.end()

    def release(self) -> None:
        """Close what belonged to a process that has ended."""
        self.link.close()
        os.close(self.lifeline)

    def describe_end(self) -> str:
        """Say how the process ended."""
        code = self.process.returncode
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"


def start(listeners: Sequence[socket.socket], generation: int, **orders: Any) -> WorkerProcess:
    """Start a worker: a fresh interpreter that runs the script on disk once more.

    It inherits the listening sockets, its end of the link and a pipe that tells it of the
    master's death; `orders` are the other fields of `Orders`.
    """
    ours, theirs = socket.socketpair()
    lifeline_read, lifeline_write = os.pipe()
    numbers = [sock.fileno() for sock in listeners]
    given = Orders(theirs.fileno(), lifeline_read, numbers, generation, **orders)
    try:
        process = subprocess.Popen(
            command(),
            env=environment(os.environ, given),
            pass_fds=[given.link, given.lifeline, *numbers],
        )
    except OSError:
        ours.close()
        os.close(lifeline_write)
        raise
    finally:
        theirs.close()
        os.close(lifeline_read)
    return WorkerProcess(process, Link(ours), generation, lifeline_write)


def command() -> list[str]:
    """Return the command that started this process, so that it can be run again.

    `sys.executable` has the eggs; `sys.orig_argv` keeps the interpreter's options, `-m` and a
    script found on PATH as the interpreter was given them. The interpreter of a release goes
    with the release, perhaps while this process still runs; the script, by way of a link, may
    be that of the next one, and leads to its own.
    """
    arguments = sys.orig_argv[1:]
    if not Path(sys.executable).exists() and Path(*arguments[:1]).is_file():
        return ["/bin/sh", *arguments]
    return [sys.executable, *arguments]
