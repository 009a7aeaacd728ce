"""What the master tells the person at the terminal."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


class Console:
    """Lines on a stream; colours only on a terminal (and never with `NO_COLOR`)."""

    def __init__(self, stream: TextIO | None = None, *, root: Path | None = None) -> None:
        self._stream = stream or sys.stderr
        self._root = root
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._terminal = _terminal_state()

    def say(self, text: str) -> None:
        """Print a line of information."""
        self._line(text)

    def warn(self, text: str) -> None:
        """Print a line that asks for attention."""
        self._line(text, "yellow")

    def failure(self, text: str) -> None:
        """Print an error, in one line or with its traceback."""
        self._line(text, "red")

    def banner(self, rows: Iterable[tuple[str, str]], title: str) -> None:
        """Print what a person wants to know of a server that starts."""
        lines = [self._paint(title, "bold")]
        lines += (f"  {self._paint(f'{name:<12}', 'dim')} {value}" for name, value in rows)
        self._print("\n".join(lines))

    def ready(
        self,
        generation: int,
        *,
        pids: Sequence[int],
        seconds: float,
        changed: Iterable[Path],
        failed: bool,
    ) -> None:
        """Print that a generation serves, or shows its error."""
        verb = "ready" if generation == 1 else "reloaded"
        if failed:
            verb = "showing the error; save the mended file"
        names = ", ".join(self._name(path) for path in sorted(changed)[:3])
        because = f" ({names})" if names else ""
        who = f"worker{'s' if len(pids) > 1 else ''} {', '.join(map(str, pids))}"
        style = "yellow" if failed else "green"
        self._line(f"{verb} in {seconds:.2f} s{because}, {who}", style)

    def restore_terminal(self) -> None:
        """Undo what a prompt in a worker that died has done to the terminal."""
        if not self._terminal:
            return
        import termios

        # It may be the terminal of another session, or gone.
        with contextlib.suppress(OSError, termios.error):
            # In the background, to touch the terminal would stop this process.
            if os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():
                termios.tcsetattr(sys.stdin, termios.TCSANOW, self._terminal)

    def _name(self, path: Path) -> str:
        if self._root and path.is_relative_to(self._root):
            return str(path.relative_to(self._root))
        return str(path)

    def _line(self, text: str, style: str = "") -> None:
        clock = self._paint(time.strftime("%H:%M:%S"), "dim")
        self._print(f"{clock} {self._paint(text, style)}")

    def _print(self, text: str) -> None:
        # A full disk, or a pipe that nobody reads any more, is no reason to stop serving.
        with contextlib.suppress(OSError), _terminal_signal_blocked():
            print(text, file=self._stream, flush=True)

    def _paint(self, text: str, style: str) -> str:
        if not self._colour or style not in _STYLES:
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


@contextlib.contextmanager
def _terminal_signal_blocked() -> Iterator[None]:
    """Let a write from the background succeed after `stty tostop`.

    The terminal would answer each attempt with SIGTTOU, which means one worker less.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _terminal_state() -> list[Any] | None:
    if not sys.stdin or not sys.stdin.isatty():
        return None
    import termios

    return termios.tcgetattr(sys.stdin)
