import socket
import time

import pytest

from carboy.loop import READ, WRITE, Loop


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_timers_run_in_their_order(loop):
    seen = []
    loop.after(0.01, lambda: seen.append("late"))
    loop.after(0.0, lambda: seen.append("first"))
    loop.after(0.0, lambda: seen.append("second"))
    while len(seen) < 3:
        loop.turn()
    assert seen == ["first", "second", "late"]


def test_a_cancelled_timer_neither_runs_nor_wakes(loop):
    seen = []
    loop.after(0.0, lambda: seen.append("cancelled")).cancel()
    loop.after(0.02, lambda: seen.append("kept"))
    began = time.monotonic()
    loop.turn()
    assert seen == ["kept"]
    assert time.monotonic() - began >= 0.02


def test_a_timer_may_set_and_cancel_others(loop):
    seen = []
    other = loop.after(0.0, lambda: seen.append("other"))
    other.cancel()
    loop.after(0.0, lambda: loop.after(0.0, lambda: seen.append("next")))
    while not seen:
        loop.turn()
    assert seen == ["next"]


def test_a_file_is_watched_until_it_is_forgotten(loop, pair):
    ours, theirs = pair
    seen = []
    loop.watch(ours, lambda: seen.append(ours.recv(10)))
    theirs.sendall(b"a")
    loop.turn()
    loop.watch(ours, lambda: seen.append("writable"), WRITE)
    loop.turn()
    loop.watch(ours, lambda: seen.append("never"), READ)
    theirs.sendall(b"b")
    loop.forget(ours)
    loop.forget(ours)
    loop.after(0.0, lambda: seen.append("timer"))
    loop.turn()
    assert seen == [b"a", "writable", "timer"]


def test_who_was_forgotten_in_the_same_turn_is_not_called(loop):
    pairs = [socket.socketpair() for _ in range(2)]
    seen = []

    def forget_the_other(index):
        seen.append(index)
        loop.forget(pairs[1 - index][0])
        pairs[1 - index][0].close()

    for index, (ours, theirs) in enumerate(pairs):
        loop.watch(ours, lambda index=index: forget_the_other(index))
        theirs.sendall(b"x")
    loop.turn()
    assert len(seen) == 1
    for sock in (sock for pair in pairs for sock in pair):
        sock.close()
