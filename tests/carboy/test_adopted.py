import os
import socket

import pytest

from carboy.adopted import Adopted
from carboy.link import MAX_DESCRIPTORS, Link
from support.workers import FakeCrew


@pytest.fixture
def heirs():
    crew = FakeCrew()
    return [crew.start(1, broken="", changed=()) for _ in range(2)]


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_dealt_in_turns_and_closed_here(heirs):
    numbers = [os.dup(0) for _ in range(5)]
    adopted = Adopted()
    adopted.add(0, numbers[:3])
    adopted.add(1, numbers[3:])
    adopted.give(heirs)
    assert heirs[0].link.descriptors == [numbers[0], numbers[2], numbers[3]]
    assert heirs[1].link.descriptors == [numbers[1], numbers[4]]
    assert [fields["listener"] for _, fields in heirs[0].link.sent] == [0, 1]
    assert not any(map(is_open, numbers))


def test_kept_until_there_is_an_heir(heirs):
    numbers = [os.dup(0)]
    adopted = Adopted()
    adopted.add(0, numbers)
    adopted.give([])
    assert is_open(numbers[0])
    adopted.give(heirs)
    assert not is_open(numbers[0])
    adopted.give(heirs)
    assert len(heirs[0].link.sent) == 1


def test_dropped():
    numbers = [os.dup(0) for _ in range(3)]
    adopted = Adopted()
    adopted.add(0, numbers)
    adopted.drop()
    adopted.drop()
    assert not any(map(is_open, numbers))


def test_more_than_a_message_holds(heirs):
    ours, theirs = map(Link, socket.socketpair())
    heirs[0].link = ours
    adopted = Adopted()
    adopted.add(0, [os.dup(0) for _ in range(MAX_DESCRIPTORS + 5)])
    adopted.give(heirs[:1])
    messages = theirs.receive()
    assert [len(message.descriptors) for message in messages] == [MAX_DESCRIPTORS, 5]
    for number in (number for message in messages for number in message.descriptors):
        os.close(number)
    ours.close()
    theirs.close()
