import contextlib
import socket
import sys
import threading
import time

import pytest

from carboy import channel
from carboy.channel import Channel
from carboy.limits import Limits
from support.engine import PATIENCE, Application, answer, ask, is_closed, receive, request
from support.live import wait_until

STRESS = 1.5  # seconds


class View:
    """An application made of one function of the environment, which returns bytes."""

    def __init__(self, function):
        self.function = function

    def __call__(self, environ, start_response):
        body = self.function(environ)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def never_raise(server, monkeypatch):
    """Return the list in which errors of the engine are collected."""
    errors = []

    def note(self):
        errors.append(sys.exception())
        self.handle_close()

    monkeypatch.setattr(Channel, "handle_error", note)
    return errors


def test_a_client_that_leaves_is_noticed(start, listeners, connect):
    looks, seen = threading.Event(), []

    def view(environ):
        left = environ["waitress.client_disconnected"]
        seen.append(left())
        looks.set()
        wait_until(left, "the client to leave")
        seen.append(True)
        return b""

    start(View(view), listeners)
    for index, leave in ((0, socket.socket.close), (0, reset), (1, socket.socket.close)):
        looks.clear()
        seen.clear()
        client = connect(index)
        client.sendall(request())
        assert looks.wait(PATIENCE)
        leave(client)
        wait_until(lambda: seen == [False, True], "the view")


def test_who_has_more_to_ask_has_not_left(start, listeners, connect):
    seen = []

    def view(environ):
        wait_until(lambda: sent.is_set(), "the second request")
        seen.append(environ["waitress.client_disconnected"]())
        return b"x"

    sent = threading.Event()
    start(View(view), listeners)
    client = connect()
    client.sendall(request())
    client.sendall(request())
    sent.set()
    assert receive(client, b"\r\n\r\nx", 2)
    assert seen == [False, False]


def test_who_only_sends_no_more_gets_the_answer(start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    client.sendall(request(method="POST", more="Content-Length: 2\r\n", body=b"ab"))
    client.shutdown(socket.SHUT_WR)
    assert answer(client)[1] == b"oneab"
    assert is_closed(client)


def test_a_parser_that_fails_costs_its_own_connection_only(start, listeners, connect, monkeypatch):
    parse = Channel.parser_class.received

    def received(self, data):
        if b"fail" in data:
            raise ZeroDivisionError
        return parse(self, data)

    monkeypatch.setattr(Channel.parser_class, "received", received)
    start(Application(), listeners)
    bad, good = connect(), connect()
    bad.sendall(b"fail")
    assert is_closed(bad)
    assert ask(good)[1] == b"one"


@pytest.mark.parametrize("size", ["9" * 5000, "9" * 18])
def test_a_length_beyond_measure_is_refused(start, listeners, connect, size):
    start(Application(), listeners)
    client = connect()
    client.sendall(request(method="POST", more=f"Content-Length: {size}\r\n"))
    assert answer(client)[0]["status"] in ("400", "413")
    assert is_closed(client)
    assert ask(connect())[1] == b"one"


def test_many_requests_in_one_piece(start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    client.sendall(request() * 1000)
    assert receive(client, b"\r\n\r\none", 1000)


def test_a_request_to_continue_without_a_body_is_answered_at_once(start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    for _ in range(2):
        client.sendall(request(more="Expect: 100-continue\r\n"))
        assert answer(client)[0]["status"] == "200"


def test_a_request_to_continue_waits_for_the_answer_before(start, listeners, connect):
    application = Application()
    start(application, listeners)
    client = connect()
    more = "Expect: 100-continue\r\nContent-Length: 2\r\n"
    client.sendall(request("/slow") + request(method="POST", more=more))
    assert application.begun.wait(PATIENCE)
    application.go.set()
    assert answer(client, head_only=True)[0]["status"] == "200"
    client.sendall(b"ab")
    assert receive(client, b"oneab", 1)


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(start, listeners, connect):
    start(Application(), listeners, limits=Limits(max_body=10))
    client = connect()
    ten = {"method": "POST", "more": "Content-Length: 10\r\n", "body": b"x" * 10}
    assert ask(client, **ten)[1] == b"one" + b"x" * 10
    more = "Expect: 100-continue\r\nContent-Length: 11\r\n"
    client.sendall(request(method="POST", more=more))
    assert answer(client)[0]["status"] == "413"
    assert is_closed(client)


def test_who_goes_on_sending_can_read_why_it_was_refused(start, listeners, connect):
    running = start(Application(), listeners, limits=Limits(max_body=10))
    client = connect()
    client.sendall(request(method="POST", more="Content-Length: 3000000\r\n"))
    for _ in range(30):  # a client that does not look before it has sent everything
        client.sendall(b"x" * 100_000)
    assert answer(client)[0]["status"] == "413"
    client.close()
    wait_until(lambda: not list(running.server._channels()), "the connection to be closed")


def test_a_slow_reader_gets_everything_and_holds_nobody_up(start, listeners, connect):
    blocks, size = 40, 1_000_000

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/":
            start_response("200 OK", [("Content-Length", "4")])
            return [b"fast"]
        start_response("200 OK", [("Content-Length", str(blocks * size))])
        return (bytes([number]) * size for number in range(blocks))

    start(app, listeners, threads=2)
    slow, fast = connect(), connect()
    slow.sendall(request("/slow"))
    for _ in range(50):
        assert ask(fast)[1] == b"fast"
    body = answer(slow)[1]
    assert body == b"".join(bytes([number]) * size for number in range(blocks))
    assert ask(slow)[1] == b"fast"


def test_a_slow_reader_that_leaves_frees_its_thread(start, listeners, connect):
    closed = threading.Event()

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", str(10**9))])
        try:
            for _ in range(1000):
                yield b"x" * 1_000_000
        finally:
            closed.set()

    start(app, listeners, threads=1)
    client = connect()
    client.sendall(request())
    assert client.recv(100)
    client.close()
    assert closed.wait(PATIENCE)


def test_a_fast_reader_of_a_large_file_holds_nobody_up(
    start, listeners, connect, tmp_path, monkeypatch
):
    monkeypatch.setattr(channel, "STRETCH", 1 << 16)
    path = tmp_path / "large"
    path.write_bytes(b"abcd" * 2_500_000)

    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "10000000")])
        return environ["wsgi.file_wrapper"](path.open("rb"))

    start(app, listeners)
    client = connect()
    for _ in range(2):
        client.sendall(request())
        _head, body = answer(client)
        assert body == path.read_bytes()


def hammer(connect, seconds, work):
    """Run `work(client)` on connection after connection in several threads; return errors."""
    end = time.monotonic() + seconds
    errors = []

    def loop():
        while time.monotonic() < end and not errors:
            client = connect()
            try:
                with contextlib.closing(client):
                    work(client)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=loop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.fixture
def dial(listeners):
    """Connect without keeping a list of all connections."""

    def dial():
        client = socket.create_connection(listeners[0].getsockname(), timeout=PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    return dial


def test_closing_beside_the_leader_while_data_arrives(start, listeners, dial, monkeypatch):
    def view(environ):
        time.sleep(0.01)  # the leader passes it on
        return b"x"

    running = start(View(view), listeners)
    errors = never_raise(running.server, monkeypatch)

    def work(client):
        client.sendall(request(more="Connection: close\r\n"))
        with contextlib.suppress(OSError):
            for _ in range(30):
                client.sendall(b"G")
                time.sleep(0.0005)
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1000):
                pass

    assert not hammer(dial, STRESS, work)
    assert not errors
    with dial() as client:
        assert ask(client)[1] == b"x"
    wait_until(lambda: not list(running.server._channels()), "all to be closed")
    assert len(running.server._poller) == 4  # two listeners, the link, the pipe


def test_connections_of_every_kind_at_once(start, listeners, dial, monkeypatch):
    def view(environ):
        time.sleep({"/": 0, "/a": 0.006, "/b": 0.012}[environ["PATH_INFO"]])
        return b"x" * 200_000

    running = start(View(view), listeners)
    errors = never_raise(running.server, monkeypatch)
    turns = iter(range(10**9))

    def work(client):
        turn = next(turns)
        path = ("/", "/a", "/b")[turn % 3]
        if turn % 5 == 0:
            client.sendall(request(path))
            return reset(client)
        if turn % 5 == 1:
            client.sendall(request(path) * 3)
            assert receive(client, b"x" * 200_000, 3)
        elif turn % 5 == 2:
            for byte in request(path):
                client.sendall(bytes([byte]))
            assert len(answer(client)[1]) == 200_000
        elif turn % 5 == 3:
            assert len(ask(client, path, more="Connection: close\r\n")[1]) == 200_000
            assert is_closed(client)
        else:
            for _ in range(5):
                assert len(ask(client, path)[1]) == 200_000
        return None

    assert not hammer(dial, STRESS, work)
    assert not errors
    wait_until(lambda: not list(running.server._channels()), "all to be closed")
    wait_until(lambda: not running.server._leadership.running(), "all threads")
    assert len(running.server._poller) == 4
    with dial() as client:
        assert len(ask(client)[1]) == 200_000


def test_handing_over_under_load_loses_nothing(start, listeners, monkeypatch):
    def view(environ):
        time.sleep(0.001 if environ["PATH_INFO"] == "/" else 0.01)
        return b"x"

    current = start(View(view), listeners)
    errors, failed, stop = never_raise(current.server, monkeypatch), [], threading.Event()

    def loop(number):
        try:
            with socket.create_connection(listeners[0].getsockname(), timeout=PATIENCE) as client:
                while not stop.is_set():
                    assert ask(client, "/" if number % 2 else "/slow")[1] == b"x"
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        new = start(View(view), listeners)
        new.adopt(current.handed_over())
        current = new
        time.sleep(0.05)  # so that requests are under way again
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert not errors
