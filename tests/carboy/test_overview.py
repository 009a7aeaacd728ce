import time
from types import SimpleNamespace

import pytest

from carboy.generation import Generation
from carboy.overview import SILENCE, Overview, is_silent
from support.workers import FakeCrew


@pytest.fixture
def crew():
    return FakeCrew()


@pytest.fixture
def overview(crew):
    succession = SimpleNamespace(
        is_stopping=False, serving=Generation(3), coming=None, restarts={}, count=2
    )
    survey = SimpleNamespace(sum=dict)
    return Overview(succession, crew, survey, addresses=["http://x/"], queue=10)


@pytest.fixture
def worker(crew, overview):
    made = crew.start(3, broken="", changed=())
    made.begin_to_serve()
    overview.succession.serving.add(made)
    return made


def test_all_is_well(overview, worker):
    assert overview.is_alive()
    assert overview.why_not_ready() == ""
    assert (overview.state, overview.generation) == ("serving", 3)


def test_without_a_worker(overview):
    assert not overview.is_alive()
    assert overview.why_not_ready() == "starting"


def test_a_generation_that_is_coming_is_a_sign_of_life(overview):
    overview.succession.serving, overview.succession.coming = None, Generation(1)
    assert overview.is_alive()
    assert overview.why_not_ready() == "starting"
    assert (overview.state, overview.generation) == ("starting", 0)


def test_reloading(overview, worker):
    overview.succession.coming = Generation(4)
    assert (overview.state, overview.generation) == ("reloading", 3)
    assert overview.why_not_ready() == ""


def test_stopping(overview, worker):
    overview.succession.is_stopping = True
    worker.heard = 0.0
    assert overview.is_alive()
    assert (overview.state, overview.why_not_ready()) == ("stopping", "draining")


def test_a_silent_worker(overview, worker):
    worker.heard = time.monotonic() - SILENCE - 1
    assert not overview.is_alive()
    assert overview.why_not_ready() == "silent"
    assert overview.status()["workers"][0]["state"] == "silent"
    assert not is_silent(worker, SILENCE + 10)


@pytest.mark.parametrize(
    ("queues", "is_ready"), [((6, 6), False), ((6, 5), True), ((0, 99), True), ((99, None), True)]
)
def test_saturated_is_when_all_queues_are_over_half_full(crew, overview, queues, is_ready):
    for queue in queues:
        worker = crew.start(3, broken="", changed=())
        worker.begin_to_serve()
        worker.figures = {} if queue is None else {"queue": queue}
        overview.succession.serving.add(worker)
    assert overview.why_not_ready() == ("" if is_ready else "saturated")


def test_states(crew, overview, worker):
    for state in ("starting", "made", "preparing", "draining"):
        crew.start(3, broken="", changed=()).state = state
    assert overview.states() == {"starting": 3, "ready": 1, "draining": 1}


def test_status_before_there_are_figures(overview, worker):
    status = overview.status()
    assert status["requests"] is None
    assert status["workers"][0]["requests"] is None
    assert status["workers"][0]["memory"] is None
