import random

import pytest

from carboy import recycling
from carboy.limits import Limits
from carboy.recycling import Recycling
from support.engine import Application, ask
from support.live import wait_until


def test_without_limits_there_is_no_reason():
    assert Recycling(Limits()).reason(10**9) is None


def test_workers_leave_at_different_times():
    chance = random.Random(1)
    ends = []
    for _ in range(20):
        limit = Recycling(Limits(max_requests=1000), chance)
        ends.append(next(n for n in range(1200) if limit.reason(n)))
    assert all(900 <= end <= 1100 for end in ends)
    assert len(set(ends)) > 10


def test_one_request_is_a_limit_too():
    limit = Recycling(Limits(max_requests=1))
    assert limit.reason(0) is None
    assert limit.reason(1) == "max-requests"


@pytest.mark.parametrize(("mebibytes", "reason"), [(50, None), (49, "max-memory")])
def test_memory_is_measured_in_mebibytes(monkeypatch, mebibytes, reason):
    monkeypatch.setattr(recycling, "resident", lambda: 50 << 20)
    assert Recycling(Limits(max_memory=mebibytes)).reason(0) == reason


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(Limits(max_requests=10), "max-requests"), (Limits(max_memory=1), "max-memory")],
)
def test_the_worker_asks_for_a_successor_once_and_serves_on(
    start, listeners, connect, hasty, limits, reason
):
    running = start(Application(), listeners, limits=limits)
    client, found = connect(), []

    def recycled():
        assert ask(client)[1] == b"one"
        found.extend(m for m in running.master.receive() if m.kind == "recycle")
        return found

    wait_until(recycled, "the wish")
    for _ in range(100):
        recycled()
    assert [message.fields for message in found] == [{"reason": reason}]
