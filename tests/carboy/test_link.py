import contextlib
import json
import os
import resource
import socket
import struct
import threading
from pathlib import Path

import pytest

from carboy.link import MAX_DESCRIPTORS, Link


@pytest.fixture
def ends():
    """Two ends of a line; what arrived is closed by the tests that took it."""
    ours, theirs = (Link(sock) for sock in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def raw():
    """One end of the line as a plain socket, and the link at its other end."""
    sock, other = socket.socketpair()
    link = Link(other)
    yield sock, link
    sock.close()
    link.close()


def descriptors():
    return set(Path("/proc/self/fd").iterdir())


def frame(kind="x", fds=0, **fields):
    data = json.dumps({"kind": kind, "fds": fds, "fields": fields}).encode()
    return struct.pack("!I", len(data)) + data


def pipes(stack, count):
    """Return the reading ends of that many pipes."""
    found = []
    for _ in range(count):
        reading, writing = os.pipe()
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        found.append(reading)
    return found


def inodes(numbers):
    return [os.fstat(number).st_ino for number in numbers]


def collect(link, count):
    """Receive until that many messages are there."""
    found = []
    while len(found) < count and not link.closed:
        found += link.receive()
    return found


@pytest.mark.parametrize(
    "fields", [{}, {"text": "ü\n\0 \U0001f9ea"}, {"n": [1, None, {"a": 1.5}]}, {"x": "y" * 150_000}]
)
def test_what_is_sent_arrives(ends, fields):
    ours, theirs = ends
    assert ours.send("hello", **fields)
    (message,) = collect(theirs, 1)
    assert (message.kind, message.fields, message.descriptors) == ("hello", fields, [])
    assert theirs.receive() == []
    assert not theirs.closed


def test_both_ways_and_in_order(ends):
    for one, other in (ends, ends[::-1]):
        for number in range(50):
            assert one.send("count", number=number)
        assert [m.fields["number"] for m in collect(other, 50)] == list(range(50))


def test_wait_returns_one_after_the_other(ends):
    ours, theirs = ends
    ours.send("one")
    ours.send("two")
    ours.close()
    assert [theirs.wait().kind, theirs.wait().kind, theirs.wait()] == ["one", "two", None]


def test_wait_wakes_up_when_the_message_comes(ends):
    ours, theirs = ends
    thread = threading.Thread(target=ours.send, args=("late",))
    thread.start()
    assert theirs.wait().kind == "late"
    thread.join()


def test_a_frame_cut_at_every_byte_arrives_once_it_is_whole(raw):
    sock, link = raw
    data = frame("cut", text="ü")
    for cut in range(1, len(data)):
        sock.sendall(data[:cut])
        assert link.receive() == []
        sock.sendall(data[cut:])
        (message,) = link.receive()
        assert message.fields == {"text": "ü"}


@pytest.mark.parametrize("cut", range(len(frame("cut"))))
def test_a_frame_cut_by_death_is_no_message(raw, cut):
    sock, link = raw
    sock.sendall(frame("whole") + frame("cut")[:cut])
    sock.close()
    assert [link.wait().kind, link.wait()] == ["whole", None]
    assert link.closed


def test_descriptors_arrive_with_their_message_and_are_not_inherited(ends):
    ours, theirs = ends
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, 3)
        assert ours.send("none")
        assert ours.send("two", sent[:2])
        assert ours.send("one", sent[2:])
        messages = collect(theirs, 3)
        assert [m.kind for m in messages] == ["none", "two", "one"]
        arrived = [number for message in messages for number in message.descriptors]
        assert [len(message.descriptors) for message in messages] == [0, 2, 1]
        assert inodes(arrived) == inodes(sent)
        assert not any(os.get_inheritable(number) for number in arrived)
        for number in arrived:
            os.close(number)


def test_many_descriptors_in_many_messages(ends):
    ours, theirs = ends
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, MAX_DESCRIPTORS)
        for number in range(5):
            assert ours.send("many", sent, number=number)
        for number, message in enumerate(collect(theirs, 5)):
            assert message.fields == {"number": number}
            assert inodes(message.descriptors) == inodes(sent)
            for descriptor in message.descriptors:
                os.close(descriptor)


def test_descriptors_of_a_long_message_wait_for_its_end(ends):
    ours, theirs = ends
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, 2)
        thread = threading.Thread(target=ours.send, args=("long", sent), kwargs={"x": "y" * 10**6})
        thread.start()
        message = theirs.wait()
        thread.join()
        assert len(message.fields["x"]) == 10**6
        assert inodes(message.descriptors) == inodes(sent)
        for number in message.descriptors:
            os.close(number)


def test_descriptors_without_their_message_are_closed(raw):
    sock, link = raw
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, 2)
        before = descriptors()
        socket.send_fds(sock, [frame("cut", fds=2)[:10]], sent)
        assert link.receive() == []
        assert len(descriptors()) == len(before) + 2
        link.close()
        assert descriptors() < before


def test_death_of_the_other_side(ends):
    ours, theirs = ends
    theirs.close()
    assert ours.receive() == []
    assert ours.closed
    assert ours.wait() is None
    assert not ours.send("hello")


def test_death_with_our_message_unread(ends):
    ours, theirs = ends
    assert ours.send("unread")
    theirs.close()  # the kernel tells us by a reset instead of an end of file
    assert ours.wait() is None
    assert ours.closed


def test_descriptors_stay_the_callers(ends):
    ours, theirs = ends
    with contextlib.ExitStack() as stack:
        (number,) = pipes(stack, 1)
        theirs.close()
        assert not ours.send("hello", [number])
        os.fstat(number)


def test_whoever_does_not_read_is_given_up(ends):
    ours, _theirs = ends
    ours.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50_000))
    assert not ours.send("big", text="x" * 10**7)
    assert ours.closed
    assert not ours.send("small")


def test_the_default_patience_is_bounded(ends):
    timeout = ends[0].socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16)
    assert 0 < struct.unpack("ll", timeout)[0] <= 5


def test_what_a_dead_worker_said_last_is_heard_to_the_end(ends):
    ours, theirs = ends
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, 2)
        for number in range(5):
            ours.send("connections", sent, number=number)
        ours.close()
        messages = theirs.receive()  # the master looks once when a worker has died
        assert [m.fields.get("number") for m in messages] == [0, 1, 2, 3, 4]
        assert theirs.closed
        for message in messages:
            for number in message.descriptors:
                os.close(number)


def test_a_long_last_word_is_heard(ends):
    ours, theirs = ends
    ours.send("failed", text="x" * 150_000)
    ours.close()
    (message,) = theirs.receive()
    assert len(message.fields["text"]) == 150_000


def test_closed_is_for_ever(ends):
    ours, theirs = ends
    ours.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 50_000))
    assert not ours.send("big", text="x" * 10**7)  # part of the frame is on its way
    theirs.send("still here")
    assert [m.kind for m in ours.receive()] == ["still here"]
    assert ours.closed  # another frame would be read as the rest of the first
    assert not ours.send("small")


def test_more_descriptors_than_may_be_open_are_lost_not_fatal(ends):
    ours, theirs = ends
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, 50)
        ours.send("many", sent)
        ours.send("few", sent[:2])
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(sent) + 20, hard))
        try:
            messages = theirs.receive()
            for number in (n for message in messages for n in message.descriptors):
                os.close(number)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert [message.kind for message in messages] == ["many", "few"]
        assert len(messages[0].descriptors) < 50


def test_messages_that_nobody_took_are_closed(ends):
    ours, theirs = ends
    with contextlib.ExitStack() as stack:
        sent = pipes(stack, 2)
        ours.send("one")
        ours.send("two", sent)
        before = descriptors()
        assert theirs.wait().kind == "one"  # the other has been read together with it
        theirs.close()
        assert descriptors() < before
