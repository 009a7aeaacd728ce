import contextlib
import io
import logging

import pytest

from eggcrate import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def logger(monkeypatch):
    """zc.buildout's logger, at its usual level, heard on a terminal of its own."""
    logger = logging.getLogger("zc.buildout")
    handler = logging.StreamHandler(Terminal())
    monkeypatch.setattr(logger, "handlers", [handler])
    monkeypatch.setattr(logger, "propagate", False)
    monkeypatch.setattr(logger, "level", logging.INFO)
    monkeypatch.setenv("TERM", "xterm")
    return logger


def said(logger):
    return logger.handlers[0].stream.getvalue()


def run(stream):
    with progress.shown(stream) as shown:
        shown.expect()
        shown.expect()
        shown.finish("stout 1.0")
        logging.getLogger("zc.buildout.other").info("Meanwhile.")
        shown.drop()


def screen(text):
    """Return what is on a screen in the end: what stands behind the last clearing of each line."""
    return [line.rpartition(progress.CLEAR)[2] for line in text.split("\n")]


def test_plain_lines_where_there_is_no_terminal(logger):
    stream = io.StringIO()
    run(stream)
    assert stream.getvalue() == ""
    assert said(logger) == "Got stout 1.0.\nMeanwhile.\n"


def test_a_bar_on_a_terminal_that_log_lines_do_not_break(logger):
    terminal = logger.handlers[0].stream
    run(terminal)
    text = said(logger)
    assert "[############............] 1/2 stout 1.0" in text
    [meanwhile, summary, rest] = screen(text)
    assert meanwhile == "Meanwhile."
    assert summary.startswith("Got 1 distribution in ")
    assert rest == ""


def test_the_handlers_get_their_stream_back(logger):
    terminal = logger.handlers[0].stream
    with contextlib.suppress(ZeroDivisionError), progress.shown(terminal):
        assert logger.handlers[0].stream is not terminal
        raise ZeroDivisionError
    assert logger.handlers[0].stream is terminal
    assert said(logger) == ""


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING])
def test_no_bar_if_less_or_more_is_to_be_said(logger, level, monkeypatch):
    monkeypatch.setattr(logger, "level", level)
    terminal = Terminal()
    run(terminal)
    assert terminal.getvalue() == ""


def test_no_bar_on_a_dumb_terminal(logger, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    run(terminal)
    assert terminal.getvalue() == ""


def test_a_line_is_never_longer_than_the_terminal(logger, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    with progress.shown(terminal) as shown:
        shown.expect()
        shown.finish("a-distribution-with-a-name-that-is-long 1.0")
    drawn = terminal.getvalue().split(progress.CLEAR)
    assert max(map(len, drawn)) == 39
