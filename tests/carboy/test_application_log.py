import contextlib
import functools
import json
import logging

import pytest
from flask import Flask
from flask.logging import default_handler

from carboy import application_log, request_id


@contextlib.contextmanager
def fresh():
    """Logging as a fresh process has it: without pytest's handlers too."""
    known = logging.root.manager.loggerDict
    handlers = logging.root.handlers
    logging.root.handlers, logging.root.manager.loggerDict = [], {}
    try:
        yield
    finally:
        logging.root.handlers, logging.root.manager.loggerDict = handlers, known


def in_fresh_logging(test):
    @functools.wraps(test)
    def run(*args, **kwargs):
        with fresh():
            test(*args, **kwargs)

    return run


@pytest.fixture
def named():
    token = request_id.set_current("abc")
    yield
    token.var.reset(token)


@pytest.mark.usefixtures("named")
@in_fresh_logging
def test_records_have_the_request_id(capsys):
    assert application_log.set_up()
    logging.getLogger("brewery.tank").warning("too %s", "warm")
    assert capsys.readouterr().err.endswith(" WARNING brewery.tank [abc] too warm\n")


@in_fresh_logging
def test_records_outside_of_a_request(capsys):
    application_log.set_up()
    logging.getLogger("brewery").error("x")
    assert capsys.readouterr().err.endswith(" ERROR brewery [-] x\n")


@in_fresh_logging
def test_one_record_cannot_pass_for_two(capsys):
    application_log.set_up()
    logging.getLogger("brewery").error("x\n2026 ERROR forged\x1b[2J\r\u2028")
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "    2026 ERROR forged\\x1b[2J\\x0d\\x2028"
    assert len(lines) == 2


@in_fresh_logging
def test_errors_come_with_their_traceback(capsys):
    application_log.set_up()
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("brewery").exception("x")
    text = capsys.readouterr().err
    assert "Traceback (most recent call last):" in text
    assert text.endswith("ValueError: boom\n")


@pytest.mark.usefixtures("named")
@in_fresh_logging
def test_json(capsys):
    application_log.set_up(as_json=True)
    try:
        raise ValueError("boom")
    except ValueError:
        logging.getLogger("brewery").exception("a\nb")
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    wanted = {"level": "ERROR", "logger": "brewery", "message": "a\nb", "id": "abc"}
    assert wanted == {key: found[key] for key in wanted}
    assert "ValueError: boom" in found["exception"]


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("is_early", [True, False])
@in_fresh_logging
def test_the_logger_of_flask_is_included(capsys, is_early):
    app = Flask("brewery")
    if is_early:
        assert default_handler in app.logger.handlers
    application_log.set_up()
    app.logger.error("spilt")
    assert capsys.readouterr().err.count("spilt") == 1
    assert default_handler not in app.logger.handlers


@pytest.mark.parametrize("name", ["root", "brewery"])
@in_fresh_logging
def test_an_application_that_logs_by_itself_is_left_alone(name):
    logger = logging.root if name == "root" else logging.getLogger(name)
    logger.addHandler(own := logging.StreamHandler())
    assert not application_log.set_up()
    assert logger.handlers == [own]


@in_fresh_logging
def test_a_handler_that_does_nothing_is_none():
    logging.getLogger("library").addHandler(logging.NullHandler())
    assert application_log.set_up()
