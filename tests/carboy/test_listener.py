import contextlib
import errno
import os
import resource
import socket
import time

import pytest

from carboy import listener
from support.engine import PATIENCE, Application, ask, is_closed
from support.live import wait_until


def tcp(running):
    return running.server._listeners[0]


@pytest.fixture
def exhaust():
    """Use up the descriptors of this process; return what frees them again."""
    limits, taken = resource.getrlimit(resource.RLIMIT_NOFILE), []

    def free():
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        while taken:
            os.close(taken.pop())

    def exhaust():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        return free

    yield exhaust
    free()


def test_without_descriptors_it_waits_and_then_goes_on(
    start, listeners, connect, exhaust, hasty, caplog
):
    running = start(Application(), listeners)
    client, late = connect(), socket.socket()
    ask(client)
    with late:
        late.settimeout(PATIENCE)
        free = exhaust()
        late.connect(listeners[0].getsockname())
        wait_until(lambda: "not accepting connections" in caplog.text, "the warning")
        assert ask(client)[1] == b"one"  # who is there is served
        free()
        assert ask(late)[1] == b"one"
    assert not tcp(running).is_paused


def test_a_listening_socket_that_is_shut_down_is_no_busy_loop(start, listeners, connect, caplog):
    running = start(Application(), listeners)
    listeners[0].shutdown(socket.SHUT_RDWR)
    wait_until(lambda: "not accepting connections any more" in caplog.text, "the message")
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1
    assert not tcp(running).accepting
    assert ask(connect(1))[1] == b"one"


@pytest.mark.parametrize("error", [errno.ECONNABORTED, errno.EPROTO])
def test_a_client_that_left_early_stops_nobody(start, listeners, connect, monkeypatch, error):
    errors = [OSError(error, "left")]

    class Failing:
        def __init__(self, sock):
            self.sock = sock

        def accept(self):
            if errors:
                raise errors.pop()
            return self.sock.accept()

        def __getattr__(self, name):
            return getattr(self.sock, name)

    running = start(Application(), listeners)
    tcp(running).socket = Failing(tcp(running).socket)
    assert ask(connect())[1] == b"one"
    assert not errors


def test_at_the_limit_idle_connections_make_room(start, listeners, connect, hasty, monkeypatch):
    monkeypatch.setattr(listener.make_room, "__defaults__", (16, 0.0))
    running = start(Application(), listeners, connection_limit=4 + 11)
    idle = [connect() for _ in range(10)]
    for client in idle:
        ask(client)
    for _ in range(2):
        assert ask(connect())[1] == b"one"
    assert is_closed(idle[0])
    assert ask(idle[-1])[1] == b"one"
    assert running.server.figures()["refused"]["connections"] > 0


def test_at_the_limit_of_busy_connections_others_wait(start, listeners, connect, hasty):
    application = Application()
    running = start(application, listeners, connection_limit=4 + 2, threads=2)
    busy = [connect() for _ in range(2)]
    for client in busy:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    wait_until(lambda: len(running.server._leadership.running()) == 2, "both")
    late = connect()
    wait_until(lambda: tcp(running).is_paused, "the pause")
    late.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    application.go.set()
    for client in busy:
        assert client.recv(1000)
        client.close()
    assert late.recv(1000).endswith(b"one")


def test_several_workers_share_what_connects(start, listeners, connect, use_epoll):
    servers = [start(Application(), listeners, is_multiprocess=True) for _ in range(3)]
    clients = [connect() for _ in range(300)]
    for client in clients:
        assert ask(client)[1] == b"one"
    counts = [len(tcp(running).active_channels) for running in servers]
    assert sum(counts) == 300
    assert max(counts) < 300  # how equal depends on the machine; one alone must not have all


def test_an_adopted_connection_that_has_broken_is_dropped(start, listeners):
    running = start(Application(), listeners)
    sock = socket.socket()  # connected to nothing
    tcp(running).adopt(sock)
    assert sock.fileno() == -1


def test_an_error_while_accepting_pauses(start, listeners, connect, hasty, caplog, monkeypatch):
    running = start(Application(), listeners)
    broken = [ZeroDivisionError()]
    accept = tcp(running)._accept

    def fail():
        if broken:
            raise broken.pop()
        return accept()

    monkeypatch.setattr(tcp(running), "_accept", fail)
    assert ask(connect())[1] == b"one"
    assert "while accepting" in caplog.text
