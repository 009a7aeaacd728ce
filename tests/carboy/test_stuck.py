import logging
import re
import threading
import time
from types import SimpleNamespace

import pytest

from carboy.leadership import Running
from carboy.limits import Limits
from carboy.stuck import Stuck, describe_request
from support.engine import PATIENCE, Application, answer, request
from support.live import wait_until


def running(since, **attributes):
    given = {"command": "GET", "request_uri": "/page?q"} | attributes
    task = SimpleNamespace(requests=[SimpleNamespace(**given)])
    return Running(task, threading.get_ident(), since, 0.0)


def test_each_request_is_reported_once(caplog):
    stuck, now = Stuck(10), time.monotonic()
    old, older, young = running(now - 11), running(now - 12), running(now - 9)
    assert not stuck.look([young])
    assert stuck.look([young, old])
    assert not stuck.look([young, old])
    assert stuck.look([old, older])
    assert not stuck.look([])
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "GET '/page?q'"),
        ({"request_id": "abc"}, "GET '/page?q' (request 'abc')"),
        ({"request_uri": "/\x1b[2J\n"}, r"GET '/\x1b[2J\n'"),
    ],
)
def test_a_request_is_described_in_one_line(given, text):
    assert describe_request(running(0, **given).task.requests[0]) == text


def test_a_task_that_ends_meanwhile_is_no_error(caplog):
    nothing = Running(SimpleNamespace(requests=[]), 0, time.monotonic() - 2, 0.0)
    assert Stuck(1).look([nothing])
    assert "? '?'" in caplog.text


def test_a_stuck_request_is_logged_and_the_worker_to_be_replaced(
    start, listeners, connect, hasty, caplog
):
    application = Application()
    server = start(application, listeners, limits=Limits(request_timeout=0.2))
    client, second = connect(), connect()
    client.sendall(request("/slow?really"))
    assert application.begun.wait(PATIENCE)
    second.sendall(request("/slow"))
    found = []

    def recycled():
        found.extend(m for m in server.master.receive() if m.kind == "recycle")
        return found

    wait_until(recycled, "the wish")
    with caplog.at_level(logging.ERROR):
        wait_until(lambda: len(re.findall(r"stuck for \d", caplog.text)) == 2, "both reports")
    assert "GET '/slow?really'" in caplog.text
    assert "in __call__" in caplog.text  # the stack
    application.go.set()
    assert answer(client)[1] == answer(second)[1] == b"one"
    server.drain()
    server.join()
    recycled()
    assert [message.fields for message in found] == [{"reason": "stuck"}]
