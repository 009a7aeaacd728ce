import contextlib
import errno
import socket
import time

import pytest

from carboy import peer
from carboy.loop import Loop
from carboy.peer import Reception
from support.live import wait_until
from support.looping import talk, turning


@pytest.fixture
def sock():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def echo(client):
    if b"\n" in client.data:
        client.answer(bytes(client.data))


@contextlib.contextmanager
def receiving(sock, receive=echo):
    with turning(lambda loop: Reception(loop, sock, receive)):
        yield sock.getsockname()


def test_a_request_in_parts_has_one_answer(sock):
    with receiving(sock) as address:
        assert talk(address, b"a", b"b", b"\n") == b"ab\n"


def test_a_long_answer_to_a_slow_reader(sock):
    with receiving(sock, lambda client: client.answer(b"x" * 5_000_000)) as address:
        slow = socket.create_connection(address)
        slow.sendall(b"?")
        assert talk(address, b"?") == b"x" * 5_000_000  # nobody waits for the slow one
        size = 0
        while data := slow.recv(100_000):
            size += len(data)
        assert size == 5_000_000
        slow.close()


def test_an_answer_is_not_lost_if_more_was_sent_than_read(sock):
    with receiving(sock, lambda client: client.answer(b"no")) as address:
        assert talk(address, b"x" * 300_000) == b"no"


def test_who_says_nothing_is_dropped(sock, monkeypatch):
    monkeypatch.setattr(peer, "PATIENCE", 0.05)
    with receiving(sock) as address:
        began = time.monotonic()
        assert talk(address) == b""
        assert talk(address, b"half") == b""
        assert time.monotonic() - began < 5


def test_who_does_not_read_is_dropped(sock, monkeypatch):
    monkeypatch.setattr(peer, "PATIENCE", 0.05)
    clients = []

    def receive(client):
        clients.append(client)
        client.answer(b"x" * 50_000_000)

    with receiving(sock, receive) as address, socket.create_connection(address) as lazy:
        lazy.sendall(b"?")
        wait_until(lambda: clients and clients[0].is_closed, "the end")


def test_a_dripping_client_does_not_get_more_time(sock, monkeypatch):
    monkeypatch.setattr(peer, "PATIENCE", 0.2)
    with receiving(sock) as address, socket.create_connection(address) as slow:
        slow.settimeout(0.02)
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() < began + 10:
                slow.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    assert slow.recv(1) == b""
                    break
        assert time.monotonic() - began < 5


def test_who_leaves_before_the_answer_is_no_error(sock):
    clients = []

    def receive(client):
        clients.append(client)
        client.hear_no_more()

    with receiving(sock, receive) as address:
        with socket.create_connection(address) as client:
            client.sendall(b"?")
            wait_until(lambda: clients, "the request")
        clients[0].answer(b"too late" * 100_000)
        clients[0].answer(b"and again")
        assert len(clients) == 1


def test_many_silent_clients_do_not_keep_others_out(sock):
    with receiving(sock) as address, contextlib.ExitStack() as stack:
        for _ in range(peer.MOST * 2):
            stack.enter_context(socket.create_connection(address))
        assert talk(address, b"me\n") == b"me\n"


def test_when_all_wait_for_their_answers_another_is_turned_away(sock, monkeypatch):
    monkeypatch.setattr(peer, "MOST", 2)
    clients = []

    def receive(client):
        clients.append(client)
        client.hear_no_more()

    with receiving(sock, receive) as address, contextlib.ExitStack() as stack:
        for number in range(2):
            stack.enter_context(socket.create_connection(address)).sendall(b"?")
            wait_until(lambda number=number: len(clients) > number, "the request")
        assert talk(address, b"?") == b""


def test_without_descriptors_it_accepts_later(monkeypatch):
    monkeypatch.setattr(peer, "PAUSE", 0.01)

    class Exhausted(socket.socket):
        calls = 0

        def accept(self):
            type(self).calls += 1
            if self.calls < 3:
                raise OSError(errno.EMFILE, "too many open files")
            return super().accept()

    with Exhausted() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        with receiving(sock) as address:
            assert talk(address, b"a\n") == b"a\n"
        assert Exhausted.calls == 3


def test_what_was_closed_is_not_resumed(sock):
    loop = Loop()
    reception = Reception(loop, sock, echo)
    reception.close()
    reception._resume()
    with socket.create_connection(sock.getsockname()):
        loop.after(0.0, lambda: None)
        loop.turn()
        sock.accept()[0].close()  # nobody else has
    loop.close()
