"""Start real servers for tests, wait for them with a deadline, show what a failing one said."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

DEADLINE = 30.0
T = TypeVar("T")

HELLO = """\
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    return "one"
"""

# Answers /slow only when there is a file named "go".
SLOW = (
    HELLO
    + """
import os, pathlib, time

@app.route("/pid")
def pid():
    return str(os.getpid())

@app.route("/slow")
def slow():
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return "finished"
"""
)

PRODUCTION = ("--app", "hello:app", "--env", "production")


def wait_until(condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
    """Return what `condition` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.005)
    raise AssertionError(f"waited {seconds} s for {what}")


class Serve:
    """`serve` in a process of its own; a context manager that ends it by its id."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        command: Sequence[str] | None = None,
        environ: Mapping[str, str] | None = None,
        root: Path | None = None,
        bind: str | None = "127.0.0.1:0",
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.folder = folder
        self.log = folder / "serve.log"
        self.command = [*(command or [sys.executable, "-m", "carboy"])]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CARBOY_", "FLASK_"))}
        where = {"CARBOY_ROOT": str(root or folder)}
        self.environ = {**kept, **where, **(environ or {})}
        addresses = [] if bind is None else ["--bind", bind]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.command, *addresses, *arguments],
                cwd=folder,
                env=self.environ,
                pass_fds=pass_fds,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """Everything that the server has printed."""
        return self.log.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        if error is not None:
            error.add_note(f"--- what the server said ---\n{self.output}")

    def end(self) -> None:
        """Stop the server, by force if it does not stop by itself."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def wait(self, seconds: float = DEADLINE) -> int:
        """Return the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s:\n{self.output}") from None

    def wait_for(self, pattern: str, seconds: float = DEADLINE) -> re.Match[str]:
        """Wait until the output matches."""

        def look() -> re.Match[str] | None:
            if self.process.poll() is not None and not re.search(pattern, self.output):
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.output}")
            return re.search(pattern, self.output)

        try:
            return wait_until(look, repr(pattern), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the server said:\n{self.output}") from None

    def ready(self) -> Self:
        """Wait until the first generation serves."""
        self.wait_for(r"(ready|showing the error).* in ")
        return self

    @property
    def port(self) -> int:
        """The port that the kernel chose."""
        return int(self.wait_for(r"serving +http://[^ ]+:(\d+)/")[1])

    def tell(self, *arguments: str, seconds: float = DEADLINE) -> subprocess.CompletedProcess[str]:
        """Run a command that speaks to this server, such as `status`; return how it ended."""
        return subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    def status(self) -> dict[str, Any]:
        """Return what `status --json` prints."""
        told = self.tell("status", "--json")
        assert told.returncode == 0, told.stderr
        return json.loads(told.stdout)

    def connect(self, timeout: float = DEADLINE) -> http.client.HTTPConnection:
        """Return a connection that stays open between requests."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def get(self, path: str = "/") -> tuple[int, str]:
        """Return status and text of one request on a connection of its own."""
        with contextlib.closing(self.connect()) as connection:
            return fetch(connection, path)

    def workers(self) -> list[int]:
        """Return the ids of the master's living children, oldest first."""
        return children(self.process.pid)


def fetch(connection: http.client.HTTPConnection, path: str = "/") -> tuple[int, str]:
    """Send a request on an open connection."""
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode()


def children(pid: int) -> list[int]:
    """Return the child processes of a process, without those that only wait to be reaped."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(status.parent.name))
    return sorted(found)


def save(path: Path, text: str) -> None:
    """Write a file as an editor does: whole, under another name, then renamed."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(text)
    draft.replace(path)


@contextlib.contextmanager
def serving(*arguments: str, folder: Path, **options: object) -> Iterator[Serve]:
    """Start a server and wait until it serves."""
    with Serve(*arguments, folder=folder, **options) as server:  # type: ignore[arg-type]
        yield server.ready()
