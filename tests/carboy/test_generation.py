from types import SimpleNamespace

import pytest

from carboy.generation import Generation


def generation(*states):
    made = Generation(1)
    for pid, state in enumerate(states):
        made.add(SimpleNamespace(pid=pid, state=state))
    return made


def test_one_prepares_first_then_the_others():
    made = generation("made", "starting", "made")
    first, second, third = made.workers
    assert made.to_prepare() == [first]
    assert first.state == "preparing"
    assert made.first is first
    second.state = "made"
    assert made.to_prepare() == []  # they wait for the first
    made.is_prepared = True
    assert made.to_prepare() == [second, third]
    assert made.to_prepare() == []


def test_another_prepares_if_the_first_has_died():
    made = generation("made", "made")
    first, second = made.workers
    assert made.to_prepare() == [first]
    made.workers.remove(first)
    assert made.to_prepare() == [second]
    assert made.first is second


def test_a_worker_that_comes_later_runs_no_hooks_of_the_generation():
    made = generation("made")
    made.to_prepare()
    made.is_prepared = True
    made.add(late := SimpleNamespace(state="made"))
    assert made.to_prepare() == [late]
    assert made.first is not late


def test_nobody_is_made_yet():
    made = generation("starting")
    assert made.to_prepare() == []
    assert made.first is None


@pytest.mark.parametrize(
    ("states", "is_ready"),
    [
        ((), False),
        (("ready",), False),
        (("ready", "preparing"), False),
        (("ready", "draining", "ready"), True),
        (("ready", "ready"), True),
    ],
)
def test_ready_means_that_enough_serve(states, is_ready):
    assert generation(*states).is_ready(2) is is_ready


def test_one_that_leaves_does_not_count_once_its_turn_has_come():
    made = generation("ready", "ready", "starting")
    first, second, third = made.workers
    made.leaving += [first, second]
    assert made.staying() == [second, third]  # the second one's turn comes later
    assert made.relieved(2) is None
    third.state = "ready"
    assert made.relieved(2) is first
    made.remove(first)
    assert made.leaving == [second]
    assert made.relieved(2) is None


def test_one_that_is_gone_leaves_no_more():
    made = generation("ready", "ready")
    made.leaving += made.workers[:1]
    made.remove(made.workers[0])
    assert made.leaving == []
    assert len(made.workers) == 1
