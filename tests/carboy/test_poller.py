import os
import socket
import threading
import time

import pytest

from carboy.poller import HANGUP, READ, WRITE, Poller
from support.live import wait_until


@pytest.fixture
def poller(use_epoll):
    poller = Poller(use_epoll=use_epoll)
    yield poller
    poller.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_it_tells_what_can_be_read_and_written(poller, pair):
    ours, theirs = pair
    poller[ours.fileno()] = "ours"
    assert poller.wait(0) == []
    theirs.send(b"x")
    assert poller.wait(0) == [("ours", READ)]
    poller.set_interest(ours.fileno(), WRITE)
    assert poller.wait(0) == [("ours", WRITE)]
    poller.set_interest(ours.fileno(), 0)
    assert poller.wait(0) == []


def test_a_breakdown_comes_unasked(poller, pair):
    ours, theirs = pair
    poller[ours.fileno()] = "ours"
    poller.set_interest(ours.fileno(), 0)
    theirs.close()
    [(item, events)] = poller.wait(0)
    assert item == "ours"
    assert events & HANGUP


def test_what_is_gone_is_not_told(poller, pair):
    ours, theirs = pair
    poller[ours.fileno()] = "ours"
    theirs.send(b"x")
    assert ours.fileno() in poller
    assert len(poller) == 1
    del poller[ours.fileno()]
    assert poller.get(ours.fileno()) is None
    assert list(poller) == []
    assert poller.wait(0) == []


def test_what_was_closed_already_can_be_removed(poller):
    reading, writing = os.pipe()
    poller[reading] = "pipe"
    os.close(reading)
    os.close(writing)
    del poller[reading]
    assert poller.wait(0) == []


def test_a_number_that_is_used_again_is_another_object(poller):
    old, other = socket.socketpair()
    number = old.fileno()
    poller[number] = "old"
    del poller[number]
    old.close()
    other.close()
    new, theirs = socket.socketpair()
    with new, theirs:
        assert new.fileno() == number
        poller[number] = "new"
        theirs.send(b"x")
        assert poller.wait(0) == [("new", READ)]


def test_a_change_by_another_thread_wakes_who_waits(poller, pair):
    ours, _theirs = pair
    poller[ours.fileno()] = "ours"
    found = []

    def wait():
        while not found:
            found.extend(poller.wait(10))

    thread = threading.Thread(target=wait)
    began = time.monotonic()
    thread.start()
    wait_until(thread.is_alive, "the thread")
    for interest in (0, READ, WRITE):
        poller.set_interest(ours.fileno(), interest)
    thread.join(10)
    assert found == [("ours", WRITE)]
    assert time.monotonic() - began < 5


def test_nothing_can_be_changed_after_the_end(use_epoll, pair):
    poller = Poller(use_epoll=use_epoll)
    poller[pair[0].fileno()] = "ours"
    poller.close()
    assert len(poller) == 0
