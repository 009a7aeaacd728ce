import io
import os
import pty
import re
import signal
import sys
import termios
from pathlib import Path

import pytest

from carboy.console import Console


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _colours(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)


def ready(generation, **more):
    stream = io.StringIO()
    given = {"pids": [7], "seconds": 0.123, "changed": [], "failed": False} | more
    Console(stream, root=Path("/project")).ready(generation, **given)
    return stream.getvalue()


@pytest.mark.parametrize("method", ["say", "warn", "failure"])
def test_a_line_has_the_time_and_no_colours_in_a_file(method):
    stream = io.StringIO()
    getattr(Console(stream), method)("text ü")
    assert re.fullmatch(r"\d\d:\d\d:\d\d text ü\n", stream.getvalue())


@pytest.mark.parametrize(("method", "colour"), [("warn", "33"), ("failure", "31")])
def test_colours_on_a_terminal(method, colour):
    stream = Terminal()
    getattr(Console(stream), method)("text")
    assert f"\x1b[{colour}mtext\x1b[0m" in stream.getvalue()


def test_no_colours_where_none_are_wanted(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    console = Console(stream)
    console.failure("text")
    console.banner([("name", "value")], "Title")
    assert "\x1b" not in stream.getvalue()


def test_the_error_stream_by_default(capsys):
    Console().say("text")
    out, errors = capsys.readouterr()
    assert (out, errors.endswith("text\n")) == ("", True)


def test_the_banner():
    stream = io.StringIO()
    Console(stream).banner([("serving", "http://x/"), ("to stop", "Ctrl-C")], "Carboy")
    assert stream.getvalue() == "Carboy\n  serving      http://x/\n  to stop      Ctrl-C\n"


def test_ready():
    assert ready(1).endswith(" ready in 0.12 s, worker 7\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"pids": [7, 8]}, "reloaded in 0.12 s, workers 7, 8"),
        ({"failed": True}, "showing the error; save the mended file in 0.12 s, worker 7"),
        ({"changed": [Path("/project/src/a.py"), Path("/else/b.py")]}, "(/else/b.py, src/a.py), w"),
        ({"changed": [Path(f"/project/{n}.py") for n in range(9)]}, "(0.py, 1.py, 2.py), worker"),
    ],
)
def test_why_it_reloaded(more, said):
    assert said in ready(2, **more)


@pytest.fixture
def terminal(monkeypatch):
    """A terminal as the standard input."""
    master, slave = pty.openpty()
    with os.fdopen(master, "rb"), os.fdopen(slave, "r+b", buffering=0) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield stdin


def echo(stream, switch=None):
    """Return whether the terminal echoes; switch it before."""
    state = termios.tcgetattr(stream)
    if switch is not None:
        state[3] = state[3] | termios.ECHO if switch else state[3] & ~termios.ECHO
        termios.tcsetattr(stream, termios.TCSANOW, state)
    return bool(termios.tcgetattr(stream)[3] & termios.ECHO)


def test_the_terminal_is_restored(terminal, monkeypatch):
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
    console = Console(io.StringIO())
    assert not echo(terminal, switch=False)
    console.restore_terminal()
    assert echo(terminal)


def test_in_the_background_the_terminal_is_left_alone(terminal, monkeypatch):
    monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
    console = Console(io.StringIO())
    echo(terminal, switch=False)
    console.restore_terminal()
    assert not echo(terminal)


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_without_a_terminal_there_is_nothing_to_restore(monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    Console(io.StringIO()).restore_terminal()


def test_an_empty_no_color_means_nothing(monkeypatch):
    # https://no-color.org: "when present and not an empty string"
    monkeypatch.setenv("NO_COLOR", "")
    stream = Terminal()
    Console(stream).failure("text")
    assert "\x1b" in stream.getvalue()


def test_a_terminal_that_is_not_ours_is_left_alone(terminal):
    # as below `setsid`, or when the connection to the terminal is gone
    Console(io.StringIO()).restore_terminal()


def test_a_stream_that_takes_nothing_does_not_end_the_server():
    class Full(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    console = Console(Full())
    console.say("text")
    console.banner([("a", "b")], "title")


def test_a_line_does_not_provoke_a_signal_of_the_terminal():
    masks = []

    class Watching(io.StringIO):
        def write(self, text):
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
            return super().write(text)

    Console(Watching()).say("text")
    assert all(signal.SIGTTOU in mask for mask in masks)
    assert signal.SIGTTOU not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
