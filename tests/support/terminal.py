"""A program at a terminal of its own: what a person types, and what that person sees."""

import contextlib
import os
import re
import select
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from support.live import DEADLINE
from support.scratch import clean_environ

# A session leader that opens a terminal gets it as its controlling one: from then on Ctrl-C is a
# signal, to the program and to all that it starts.
SHELL = 'exec <"$0" >"$0" 2>&1; exec "$@"'
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|[=>]|\].*?\x07)|\r")


class Terminal:
    """Runs a command at a pseudo-terminal; a context manager that ends it by its id."""

    def __init__(
        self, *command: str, folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.master, self.slave = os.openpty()
        self.typed = 0  # how much had been printed when something was last typed
        self._seen = b""
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", SHELL, os.ttyname(self.slave), *command],
            cwd=folder,
            env={**clean_environ(), "TERM": "xterm", "HOME": str(folder), **(environ or {})},
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
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._read(0.0)
        for number in (self.master, self.slave):
            os.close(number)
        if error is not None:
            error.add_note(f"--- what stood at the terminal ---\n{self.text}")

    @property
    def text(self) -> str:
        """All that was printed, without colours and movements of the cursor."""
        return _ESCAPES.sub("", self._seen.decode(errors="replace"))

    @property
    def port(self) -> int:
        """The port that the kernel chose."""
        return int(self.wait_for(r"http://[^ ]+:(\d+)/", since=0)[1])

    def type(self, text: str) -> None:
        """Send keys."""
        self.typed = len(self.text)
        os.write(self.master, text.encode())

    def wait_for(self, pattern: str, *, since: int | None = None) -> re.Match[str]:
        """Wait until what was printed after the last keys (or `since`) matches."""
        start = self.typed if since is None else since
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            if match := re.compile(pattern).search(self.text, start):
                return match
            self._read(0.1)
        raise AssertionError(f"waited {DEADLINE} s for {pattern!r}:\n{self.text}")

    def wait(self, seconds: float = DEADLINE) -> int:
        """Return the exit code, reading meanwhile: who prints must never wait for us."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running after {seconds} s:\n{self.text}"
            self._read(0.05)
        return self.process.returncode

    def echoes(self) -> bool:
        """Return whether the terminal shows what is typed, in lines."""
        flags = termios.tcgetattr(self.slave)[3]
        return bool(flags & termios.ECHO and flags & termios.ICANON)

    def _read(self, seconds: float) -> None:
        while select.select([self.master], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self._seen += os.read(self.master, 65536)
            seconds = 0.0
