import contextlib
import threading
import time

import pytest

from carboy import deadlines
from carboy.deadlines import make_room
from carboy.limits import Limits
from carboy.observer import Observer
from support.engine import PATIENCE, Application, answer, ask, is_closed, receive, request
from support.live import wait_until

pytestmark = pytest.mark.usefixtures("hasty")


class Notes(Observer):
    def __init__(self):
        self.refusals = []

    def refused(self, channel, reason, status):
        request = channel.request
        self.refusals.append((reason, status, getattr(request, "command", None)))


def test_a_header_that_does_not_end_is_refused(start, listeners, connect):
    notes = Notes()
    running = start(Application(), listeners, limits=Limits(header_timeout=0.2), observer=notes)
    for index in (0, 1):
        client = connect(index)
        client.sendall(request()[:-2])
        head, _body = answer(client)
        assert (head["status"], head["Connection"]) == ("408", "close")
        assert is_closed(client)
    assert running.server.figures()["refused"] == {"header_timeout": 2}
    assert [note[:2] for note in notes.refusals] == [("header_timeout", 408)] * 2
    wait_until(lambda: not len(running.server.deadlines), "the set to be empty")


def test_a_byte_now_and_then_is_no_header(start, listeners, connect):
    start(Application(), listeners, limits=Limits(header_timeout=0.3))
    client = connect()
    began = time.monotonic()
    with contextlib.suppress(OSError):
        for byte in request(more="X: y\r\n" * 1000):
            client.sendall(bytes([byte]))
            time.sleep(0.005)
    assert time.monotonic() - began < 5
    with contextlib.suppress(ConnectionResetError):
        assert answer(client)[0]["status"] == "408"


def test_the_second_request_has_its_own_time(start, listeners, connect):
    start(Application(), listeners, limits=Limits(header_timeout=0.4))
    client = connect()
    for _ in range(4):
        client.sendall(request()[:5])
        time.sleep(0.15)
        client.sendall(request()[5:])
        assert answer(client)[1] == b"one"


def test_time_in_which_the_server_does_not_read_is_not_the_clients(start, listeners, connect):
    application = Application()
    start(application, listeners, limits=Limits(header_timeout=0.1))
    client = connect()
    client.sendall(request("/slow") + request()[:10])
    assert application.begun.wait(PATIENCE)
    time.sleep(0.3)
    application.go.set()
    client.sendall(request()[10:])
    assert receive(client, b"\r\n\r\none", 2)


def post(length, more=""):
    return request(method="POST", more=f"Content-Length: {length}\r\n{more}")


def test_a_body_that_trickles_is_refused(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "WINDOW", 0.2)
    notes = Notes()
    running = start(Application(), listeners, limits=Limits(body_rate=1000), observer=notes)
    for more in ("", "Expect: 100-continue\r\n"):
        client = connect()
        client.sendall(post(1000, more))
        if more:
            assert client.recv(100).startswith(b"HTTP/1.1 100")
        with contextlib.suppress(OSError):
            for _ in range(20):
                client.sendall(b"x")
                time.sleep(0.02)
        assert answer(client)[0]["status"] == "408"
    assert running.server.figures()["refused"] == {"body_rate": 2}
    assert notes.refusals == [("body_rate", 408, "POST")] * 2


def test_a_body_that_was_fast_at_first_must_go_on(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "WINDOW", 0.2)
    start(Application(), listeners, limits=Limits(body_rate=1000))
    client = connect()
    client.sendall(post(1_000_000) + b"x" * 500_000)
    assert answer(client)[0]["status"] == "408"


def test_a_body_that_is_fast_enough_is_heard(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "WINDOW", 0.2)
    start(Application(), listeners, limits=Limits(body_rate=1000))
    client = connect()
    client.sendall(post(30_000))
    for _ in range(30):
        client.sendall(b"x" * 1000)
        time.sleep(0.02)
    assert len(answer(client)[1]) == 30_003


def test_limits_can_be_off(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "WINDOW", 0.05)
    start(Application(), listeners, limits=Limits(header_timeout=0, body_rate=0, queue=0))
    client = connect()
    whole = post(4) + b"body"
    for start_, end in ((0, 10), (10, len(whole) - 2), (len(whole) - 2, len(whole))):
        client.sendall(whole[start_:end])
        time.sleep(0.2)
    assert answer(client)[1] == b"onebody"


def test_idle_connections_are_closed(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "LEAST_PAUSE", 0.05)
    application = Application()
    start(application, listeners, limits=Limits(keep_alive=0.3, header_timeout=1.5))
    idle, fresh, busy, slow = connect(), connect(), connect(), connect()
    ask(idle)
    slow.sendall(request("/slow"))
    began = time.monotonic()
    idle.settimeout(0.1)
    with contextlib.suppress(TimeoutError):
        idle.recv(1)  # not yet
    while time.monotonic() - began < 0.8:
        ask(busy)
    idle.settimeout(PATIENCE)
    assert is_closed(idle)
    assert ask(fresh)[1] == b"one"  # who has connected but not spoken has the time for a header
    application.go.set()
    assert answer(slow)[1] == b"one"
    assert is_closed(fresh)


def test_a_connection_that_never_speaks_is_closed(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "LEAST_PAUSE", 0.05)
    start(Application(), listeners, limits=Limits(keep_alive=0.1, header_timeout=0.3))
    assert is_closed(connect())


def test_who_does_not_take_the_answer_is_cut_off(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(deadlines, "LEAST_PAUSE", 0.05)
    monkeypatch.setattr(deadlines, "STALLED", 0.3)
    closed = threading.Event()

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(10**9))])
        try:
            for _ in range(1000):
                yield b"x" * 1_000_000
        finally:
            closed.set()

    start(app, listeners, limits=Limits(keep_alive=0.1))
    client = connect()
    client.sendall(request())
    assert closed.wait(PATIENCE)


def test_deadlines_hold_while_draining(start, listeners, connect):
    running = start(Application(), listeners, limits=Limits(header_timeout=0.2))
    client = connect()
    client.sendall(request()[:-2])
    wait_until(lambda: any(c.request for c in running.server._channels()), "the first half")
    running.drain(hand_over=True)
    assert answer(client)[0]["status"] == "408"
    client.close()
    running.join()


def test_clients_that_drip_do_not_matter(start, listeners, connect):
    """Live, but without a clock: all of 500 are there, and the others are answered."""
    running = start(Application(), listeners, limits=Limits(header_timeout=1.0))
    dripping = [connect(number % 2) for number in range(500)]
    client, stop = connect(), threading.Event()

    def drip():
        while not stop.wait(0.1):
            for sock in dripping:
                with contextlib.suppress(OSError):
                    sock.send(b"G")

    thread = threading.Thread(target=drip)
    thread.start()
    wait_until(lambda: len(running.server.deadlines) == 500, "all of them")
    for _ in range(300):
        assert ask(client)[1] == b"one"
    wait_until(lambda: running.server.refused["header_timeout"] == 500, "all to be refused")
    stop.set()
    thread.join()
    assert ask(client)[1] == b"one"


class Connection:
    def __init__(self, last_activity, idle=True):
        self.last_activity, self.idle, self.closed = last_activity, idle, False

    def is_idle(self):
        return self.idle

    def handle_close(self):
        self.closed = True


def test_room_is_made_by_those_that_rest_longest():
    now = time.time()
    old = [Connection(now - 100 - number) for number in range(40)]
    others = [Connection(now - 1000, idle=False), Connection(now)]
    assert make_room([*old, *others]) == 3
    assert [c.closed for c in old] == [False] * 37 + [True] * 3
    assert not any(c.closed for c in others)
    assert make_room(others) == 0


def test_half_closed_sockets_linger_no_longer_than_they_may(start, listeners, connect):
    running = start(Application(), listeners, limits=Limits(max_body=1))
    client = connect()
    client.sendall(post(100))
    assert answer(client)[0]["status"] == "413"
    assert is_closed(client)
    began = time.monotonic()
    wait_until(lambda: not list(running.server._channels()), "it to be closed for good")
    assert time.monotonic() - began < deadlines.LINGER + 2
