import os
import signal

import pytest

from carboy.loop import Loop
from carboy.signals import SignalTable


@pytest.fixture(autouse=True)
def _handlers():
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_a_signal_is_an_action_of_the_loop():
    loop, seen = Loop(), []
    with SignalTable(loop, {signal.SIGUSR1: seen.append}):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert seen == []
        while not seen:
            loop.turn()
    assert seen == [signal.SIGUSR1]
    loop.close()


def test_the_handlers_of_others_are_left_alone():
    loop, seen, others = Loop(), [], []
    signal.signal(signal.SIGUSR2, lambda *_: others.append(1))
    with SignalTable(loop, {signal.SIGUSR1: seen.append}):
        os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR1)
        while not seen:
            loop.turn()
    assert (seen, others) == ([signal.SIGUSR1], [1])
    loop.close()


def test_a_flood_does_not_block():
    loop, seen = Loop(), []
    with SignalTable(loop, {signal.SIGUSR1: seen.append}):
        for _ in range(10_000):
            os.kill(os.getpid(), signal.SIGUSR1)
        while not seen:
            loop.turn()
    loop.close()


def test_afterwards_a_signal_does_nothing():
    loop, seen = Loop(), []
    with SignalTable(loop, {signal.SIGUSR1: seen.append}):
        pass
    os.kill(os.getpid(), signal.SIGUSR1)
    assert seen == []
    assert signal.set_wakeup_fd(-1) == -1
    loop.close()
