import socket
import threading

import pytest

from carboy import outbox
from carboy.leadership import Leadership
from carboy.outbox import TOGETHER, Outbox
from support.engine import Application, answer, ask, is_closed, receive, request
from support.live import wait_until


@pytest.fixture
def clock(monkeypatch):
    """The time that passes."""
    now = [100.0]
    monkeypatch.setattr(outbox.time, "monotonic", lambda: now[0])
    return now


class Item:
    def __init__(self, name, sent):
        self.release = lambda: sent.append(name)


def filled(number):
    sent, box = [], Outbox()
    for name in range(number):
        box.keep(Item(name, sent))
    return sent, box


def test_enough_leave_together_in_their_order(clock):
    sent, box = filled(TOGETHER - 1)
    box.release_due()
    assert sent == []
    box.keep(Item("last", sent))
    box.release_due()
    assert sent == [*range(TOGETHER - 1), "last"]
    box.release_due()
    assert len(sent) == TOGETHER


def test_none_waits_for_long(clock):
    sent, box = filled(1)
    clock[0] += outbox.MOMENT / 2
    box.keep(Item("second", sent))
    box.release_due()
    assert sent == []
    clock[0] += outbox.MOMENT
    box.release_due()
    assert sent == [0, "second"]


def test_one_that_fails_keeps_nobody_back(caplog):
    sent, box = [], Outbox()
    broken = Item("", sent)
    broken.release = lambda: 1 / 0
    for item in (Item("a", sent), broken, Item("b", sent)):
        box.keep(item)
    box.release()
    assert sent == ["a", "b"]
    assert "ZeroDivisionError" in caplog.text


def test_several_threads_release_each_once():
    sent, box = filled(5000)
    threads = [threading.Thread(target=box.release) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == list(range(5000))


# --- answers of a server that keeps as many as it can ---


@pytest.fixture
def keeping(monkeypatch):
    """Let the leader keep answers as if more requests always waited; return those it kept."""
    kept = []

    def keep(self, item):
        leads = self._leader == threading.get_ident()
        if leads:
            kept.append(item)
            self._outbox.keep(item)
        return leads

    monkeypatch.setattr(Leadership, "keep", keep)
    return kept


def test_requests_in_one_piece_are_answered_in_their_order(keeping, start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    bodies = [b"%d" % number for number in range(20)]
    client.sendall(b"".join(posted(body) for body in bodies))
    data = b""
    while data.count(b"HTTP/1.1 200") < 20 or not data.endswith(b"one19"):
        data += client.recv(65536)
    answers = data.split(b"HTTP/1.1 200")[1:]
    assert [text.rpartition(b"one")[2] for text in answers] == bodies
    assert keeping


def posted(body):
    return request(method="POST", more=f"Content-Length: {len(body)}\r\n", body=body)


def test_an_answer_comes_before_the_word_to_go_on(keeping, start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    more = "Expect: 100-continue\r\nContent-Length: 2\r\n"
    client.sendall(request() + request(method="POST", more=more))
    assert answer(client, head_only=True)[0]["status"] == "200"
    client.sendall(b"ab")
    assert receive(client, b"oneab", 1)
    assert keeping


def test_an_answer_comes_before_a_refusal(keeping, start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    client.sendall(request() + b"nonsense\r\n\r\n")
    data = b""
    while part := client.recv(65536):
        data += part
    assert data.startswith(b"HTTP/1.1 200 OK")
    assert b" 400 Bad Request" in data
    assert keeping


def test_an_answer_comes_before_the_end(keeping, start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    client.sendall(request() + request(more="Connection: close\r\n"))
    assert receive(client, b"\r\n\r\none", 2)
    assert is_closed(client)


def test_answers_that_do_not_fit_come_before_the_end(keeping, start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    client.sendall(request("/big") + request("/big", more="Connection: close\r\n"))
    assert wait_until(lambda: keeping, "the answer")
    parts = list(iter(lambda: client.recv(65536), b""))
    data = b"".join(parts)
    assert data.count(b"HTTP/1.1 200 OK") == 2
    assert data.count(b"x") == 6_000_000


def test_an_answer_that_does_not_fit_is_sent_whole(keeping, start, listeners, connect):
    start(Application(), listeners)
    client = connect()
    client.sendall(request("/big"))
    assert wait_until(lambda: keeping, "the answer")
    assert len(answer(client)[1]) == 3_000_000
    assert ask(client)[1] == b"one"


def test_a_client_that_has_left_meanwhile_does_no_harm(keeping, start, listeners, connect):
    running = start(Application(), listeners)
    for _ in range(20):
        client = connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(request("/big") + request())
        client.close()
    assert ask(connect())[1] == b"one"
    wait_until(lambda: len(list(running.server._channels())) == 1, "the others to be closed")


def test_what_is_kept_is_sent_before_the_end(keeping, start, listeners, connect):
    running = start(Application(), listeners)
    clients = [connect() for _ in range(20)]
    for client in clients:
        client.sendall(request())
    running.drain()
    for client in clients:
        assert answer(client)[1] == b"one"
    running.join()
