import threading
import time

import pytest

from carboy.limits import Limits
from carboy.proxies import Trusted
from support.engine import PATIENCE, answer, ask, receive, request
from support.live import wait_until


class Doors:
    """Counts who is inside by client; `/hold` waits until `go` is set."""

    def __init__(self):
        self.lock, self.inside, self.most, self.go = threading.Lock(), 0, 0, threading.Event()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/hold":
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
            assert self.go.wait(PATIENCE)
            with self.lock:
                self.inside -= 1
        start_response("200 OK", [("Content-Length", "1")])
        return [b"x"]


@pytest.fixture
def doors():
    doors = Doors()
    yield doors
    doors.go.set()


def test_a_client_holds_no_more_threads_than_it_may(start, listeners, connect, doors):
    running = start(doors, listeners, threads=4, limits=Limits(per_client=2))
    clients = [connect() for _ in range(6)]
    for client in clients:
        client.sendall(request("/hold"))
    wait_until(lambda: running.server.figures()["queue"] == 4, "the others to wait")
    wait_until(lambda: running.server.figures()["busy_threads"] == 2, "two to run")
    # Whoever comes over the Unix socket is somebody else, and is not held up.
    assert ask(connect(1))[1] == b"x"
    doors.go.set()
    for client in clients:
        assert answer(client)[1] == b"x"
    assert doors.most == 2
    for client in clients:
        assert ask(client)[1] == b"x"
    wait_until(lambda: not running.server.shares._admitted, "rest")
    assert not running.server.shares._lines


def test_clients_of_a_unix_socket_are_exempt(start, listeners, connect, doors):
    start(doors, listeners, threads=4, limits=Limits(per_client=1))
    clients = [connect(1) for _ in range(3)]
    for client in clients:
        client.sendall(request("/hold"))
    wait_until(lambda: doors.inside == 3, "all of them")


@pytest.mark.parametrize(("index", "proxy"), [(0, "127.0.0.1"), (1, "unix")])
def test_a_trusted_proxy_says_who_the_client_is(start, listeners, connect, doors, index, proxy):
    limits = Limits(per_client=1)
    running = start(doors, listeners, threads=4, limits=limits, trusted=Trusted([proxy]))
    for address in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"):
        more = f"X-Forwarded-For: {address}\r\n"
        connect(index).sendall(request("/hold", more=more))
    wait_until(lambda: running.server.shares.waiting == 2, "the second of each to wait")
    wait_until(lambda: doors.inside == 2, "the first of each")
    doors.go.set()
    wait_until(lambda: not running.server.shares._lines, "everyone")
    assert doors.most == 2


def test_nobody_else_is_believed(start, listeners, connect, doors):
    running = start(doors, listeners, threads=4, limits=Limits(per_client=1))
    for address in ("10.0.0.1", "10.0.0.2"):
        connect().sendall(request("/hold", more=f"X-Forwarded-For: {address}\r\n"))
    wait_until(lambda: running.server.shares.waiting == 1, "one of them to wait")


def test_pipelined_requests_take_their_turns(start, listeners, connect, doors):
    start(doors, listeners, threads=4, limits=Limits(per_client=1))
    holding, other = connect(), connect()
    holding.sendall(request("/hold") * 3)
    wait_until(lambda: doors.inside, "the first")
    other.sendall(request() * 3)
    doors.go.set()
    assert receive(holding, b"\r\n\r\nx", 3)
    assert receive(other, b"\r\n\r\nx", 3)
    assert doors.most == 1


def test_who_leaves_while_waiting_gives_way(start, listeners, connect, doors):
    start(doors, listeners, threads=2, limits=Limits(per_client=1))
    holding, leaving, staying = connect(), connect(), connect()
    holding.sendall(request("/hold"))
    wait_until(lambda: doors.inside, "the first")
    leaving.sendall(request("/hold"))
    leaving.close()
    staying.sendall(request())
    time.sleep(0.05)  # not awaited: whatever the order, the last one is answered
    doors.go.set()
    assert answer(staying)[1] == b"x"


def test_those_that_wait_for_their_turn_count_as_waiting(start, listeners, connect, doors):
    running = start(doors, listeners, threads=2, limits=Limits(per_client=1, queue=2))
    clients = [connect() for _ in range(4)]
    for number, client in enumerate(clients):
        client.sendall(request("/hold"))
        wait_until(lambda n=number: running.server.figures()["in_flight"] == n + 1, "it to wait")
        if number == 0:
            wait_until(lambda: running.server.figures()["busy_threads"] == 1, "the first")
    late = connect()
    assert ask(late)[0]["status"] == "503"
