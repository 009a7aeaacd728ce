import threading
from types import SimpleNamespace

import pytest

from carboy import lanes
from carboy.lanes import FEWEST, SPAN, Lanes

THREADS = 4


@pytest.fixture
def machine(monkeypatch):
    """What the system tells of time: `compute` and `wait` let it pass."""
    machine = SimpleNamespace(moment=100.0, busy=10.0, used=1.0, taken=5)

    def compute(seconds=SPAN, *, besides=False):
        machine.moment += seconds
        machine.busy += seconds
        machine.used += 0 if besides else seconds

    def wait(seconds=SPAN, *, taken=0, used=0.0):
        machine.moment += seconds
        machine.used += used
        machine.busy += used
        machine.taken += taken

    machine.compute, machine.wait = compute, wait
    clock = SimpleNamespace(monotonic=lambda: machine.moment, process_time=lambda: machine.busy)
    usage = SimpleNamespace(
        RUSAGE_SELF=0, getrusage=lambda _who: SimpleNamespace(ru_nivcsw=machine.taken)
    )
    monkeypatch.setattr(lanes, "time", clock)
    monkeypatch.setattr(lanes, "resource", usage)
    monkeypatch.setattr(lanes, "processor_time", lambda _thread: machine.used)
    monkeypatch.setattr(lanes, "_HAS_LOCK", True)
    return machine


@pytest.fixture
def full(machine):
    """Return lanes with tasks that compute, of which one runs."""
    made = Lanes(THREADS)
    made.computing.extend("abcdefgh")
    assert made.take(1) == "a"
    return made


def test_fewer_may_run_the_longer_the_lock_is_busy(machine, full):
    widths = []
    for _ in range(THREADS):
        machine.compute()
        full.adapt()
        widths.append(full.width)
    assert widths == [3, 2, FEWEST, FEWEST]


def test_more_may_run_again_when_they_wait(machine, full):
    for advance in [machine.compute] * 4 + [machine.wait] * 4:
        advance()
        full.adapt()
    assert full.width == THREADS


def test_it_is_not_decided_too_often(machine, full):
    for _ in range(10):
        machine.compute(SPAN / 20)
        full.adapt()
    assert full.width == THREADS


def test_a_time_without_tasks_decides_nothing(machine, full):
    machine.compute(10 * SPAN)
    full.adapt()
    assert full.width == THREADS


def test_a_processor_that_others_take_away_is_no_reason_for_more(machine, full):
    full.width = FEWEST
    for _ in range(3):
        machine.wait(taken=lanes.TAKEN, used=SPAN / 3)
        full.adapt()
    assert full.width == FEWEST


def test_requests_that_others_keep_busy_are_no_reason_for_fewer(machine, full):
    full.width = FEWEST
    machine.compute(besides=True)
    full.adapt()
    assert full.width == FEWEST + 1


def test_what_has_ended_has_computed_all_the_same(machine, full):
    machine.compute()
    full.leave(1)
    full.adapt()
    assert full.width == THREADS - 1


def test_no_more_compute_than_may(machine, full):
    full.width = 2
    assert full.take(2) == "b"
    assert not full.is_ready()
    full.waiting.append("w")
    assert full.is_ready()
    assert full.take(3) == "w"
    full.leave(3)
    assert not full.is_ready()
    full.leave(2)
    assert full.take(2) == "c"


def test_both_kinds_take_turns(machine):
    made = Lanes(THREADS)
    made.computing.extend("abc")
    made.waiting.extend("xyz")
    assert "".join(made.take(thread) for thread in range(6)) == "axbycz"
    assert not made.is_ready()


def test_threads_that_compute_at_the_same_time_are_not_limited(machine, monkeypatch):
    monkeypatch.setattr(lanes, "_HAS_LOCK", False)
    made = Lanes(THREADS)
    made.computing.append("a")
    machine.compute()
    made.adapt()
    assert made.width == THREADS


def test_one_thread_is_enough(machine):
    made = Lanes(1)
    made.computing.append("a")
    machine.compute()
    made.adapt()
    assert made.width == 1


@pytest.mark.skipif(not lanes._HAS_CLOCKS, reason="the system does not tell")
def test_the_time_that_a_thread_has_computed():
    begin = lanes.processor_time(threading.get_ident())
    sum(range(100_000))
    assert 0 < begin < lanes.processor_time(threading.get_ident())


def test_a_system_that_does_not_tell(monkeypatch):
    monkeypatch.setattr(lanes, "_HAS_CLOCKS", False)
    assert lanes.processor_time(threading.get_ident()) == 0
