import errno
import io
import os
from types import SimpleNamespace

import pytest

from carboy import succession as module
from carboy.console import Console
from carboy.loop import Loop
from carboy.succession import START_ATTEMPTS, Succession
from support.workers import FakeCrew


class Audience:
    def __init__(self):
        self.heard = []

    def on_reloading(self):
        self.heard.append("reloading")

    def on_serving(self, generation, seconds):
        assert seconds >= 0
        self.heard.append(f"serving {generation.number}{' failed' if generation.failed else ''}")

    def on_reload_failed(self, reason):
        self.heard.append(f"failed: {reason}")

    def on_hopeless(self):
        self.heard.append("hopeless")


class Monitor:
    def __init__(self):
        self.watched = []

    def watch(self, paths):
        self.watched.extend(map(str, paths))


class Stage:
    """A succession, and everything around it."""

    def __init__(self, *, workers=2, monitor=None):
        self.loop, self.crew, self.audience = Loop(), FakeCrew(), Audience()
        self.output = io.StringIO()
        self.succession = Succession(
            SimpleNamespace(workers=workers),
            self.loop,
            Console(self.output),
            self.crew,
            self.audience,
            monitor=monitor,
        )

    @property
    def states(self):
        return [worker.state for worker in self.crew.workers]

    def serve(self):
        self.succession.begin()
        self.crew.ready(*self.crew.workers)
        return list(self.crew.workers)

    def reload(self, changed=()):
        """Ask for a new generation, and return its workers as soon as they are started."""
        before, number = len(self.crew.workers), self.succession.number
        self.succession.request(changed)
        self.turn_until(lambda: self.succession.number > number)
        return self.crew.workers[before:]

    def turn_until(self, condition):
        for _ in range(1000):
            if condition():
                return
            self.loop.after(0.01, lambda: None)
            self.loop.turn()
        raise AssertionError(self.output.getvalue())


@pytest.fixture
def stage():
    made = Stage()
    yield made
    made.loop.close()


@pytest.fixture
def development():
    made = Stage(workers=1, monitor=Monitor())
    yield made
    made.loop.close()


def sent(worker):
    return [kind for kind, _fields in worker.link.sent]


def test_a_generation_serves_when_all_its_workers_do(stage):
    stage.succession.begin()
    first, second = stage.crew.workers
    stage.crew.says(first, "made")
    stage.crew.says(second, "made")
    assert first.link.sent == [("prepare", {"once": True})]
    assert second.link.sent == []
    stage.crew.says(first, "ready", watch=[])
    assert stage.audience.heard == []
    assert second.link.sent == [("prepare", {"once": False})]
    stage.crew.says(second, "ready", watch=[])
    assert stage.audience.heard == ["serving 1"]
    assert stage.states == ["ready", "ready"]


def test_the_old_generation_drains_when_the_new_one_serves(stage):
    old = stage.serve()
    new = stage.reload()
    assert stage.audience.heard == ["serving 1", "reloading"]
    stage.crew.ready(new[0])
    assert [worker.state for worker in old] == ["ready", "ready"]
    stage.crew.ready(new[1])
    assert [worker.how for worker in old] == ["hand over", "hand over"]
    assert stage.audience.heard[-1] == "serving 2"
    for worker in old:
        stage.crew.dies(worker, 0)
    assert stage.states == ["ready", "ready"]


@pytest.mark.parametrize("kind", ["death", "late"])
def test_a_new_generation_that_fails_is_dropped_whole(stage, kind):
    old = stage.serve()
    new = stage.reload()
    stage.crew.ready(new[0])
    if kind == "death":
        stage.crew.says(new[1], "failed", text="why", is_user_error=False, files=[])
        stage.crew.dies(new[1])
        assert stage.audience.heard[-1] == "failed: why"
    else:
        stage.crew.end(new[1])
        stage.crew.on_late(new[1])
        assert "was not ready after" in stage.audience.heard[-1]
        stage.crew.dies(new[1], -15)
    assert new[0].how == "hand over"  # it may have served already
    assert [worker.state for worker in old] == ["ready", "ready"]
    assert stage.audience.heard.count("serving 1") == 1
    assert "the old code serves on" in stage.output.getvalue()


def test_a_request_while_a_generation_is_coming_starts_anew(stage):
    stage.serve()
    new = stage.reload()
    newer = stage.reload()
    assert [worker.how for worker in new] == ["end", "end"]
    stage.crew.ready(*newer)
    assert stage.audience.heard[-1] == "serving 3"


def test_no_processes_left_for_a_new_generation(stage):
    stage.serve()
    stage.crew.error = OSError(errno.EAGAIN, "no more")
    assert stage.reload() == []
    stage.turn_until(lambda: len(stage.audience.heard) == 3)
    assert stage.audience.heard[-1] == "failed: cannot start a worker: no more"
    assert stage.succession.coming is None
    stage.crew.error = None
    stage.crew.ready(*stage.reload())
    assert stage.audience.heard[-1] == "serving 3"


def test_a_worker_that_dies_is_replaced(stage):
    first, second = stage.serve()
    stage.crew.dies(first)
    stage.turn_until(lambda: len(stage.crew.workers) == 2)
    third = stage.crew.workers[1]
    stage.crew.ready(third)
    assert third.link.sent == [("prepare", {"once": False})]
    assert stage.succession.serving.ready() == [second, third]
    assert stage.succession.restarts["died"] == 1
    assert stage.audience.heard == ["serving 1"]


def test_a_start_that_fails_too_often_is_hopeless(stage, monkeypatch):
    monkeypatch.setattr("carboy.backoff.FIRST_PAUSE", 0.001)
    stage.succession.begin()
    for deaths in range(1, START_ATTEMPTS + 1):
        assert stage.audience.heard == []
        stage.crew.dies(stage.crew.workers[0])
        if deaths < START_ATTEMPTS:
            stage.turn_until(lambda: len(stage.crew.workers) == 2)
    assert stage.audience.heard == ["hopeless"]


def test_what_the_operator_must_mend_is_hopeless_at_once(stage):
    stage.succession.begin()
    first = stage.crew.workers[0]
    stage.crew.says(first, "failed", text="no module", is_user_error=True, files=[])
    stage.crew.dies(first)
    assert stage.audience.heard == ["hopeless"]


# --- more and fewer ----------------------------------------------------------------------------


def test_one_worker_more_and_one_less(stage):
    first, second = stage.serve()
    stage.succession.resize(1)
    third = stage.crew.workers[2]
    stage.crew.ready(third)
    assert stage.states == ["ready"] * 3
    stage.succession.resize(-1)
    assert third.how == "hand over"
    stage.crew.dies(third, 0)
    assert stage.succession.serving.ready() == [first, second]
    for _ in range(5):
        stage.succession.resize(-1)
    assert stage.succession.count == 1
    assert (first.state, second.state) == ("ready", "draining")


def test_fewer_workers_may_make_a_generation_complete(stage):
    stage.succession.begin()
    first, second = stage.crew.workers
    stage.crew.ready(first)
    stage.succession.resize(-1)
    assert second.how == "end"
    assert stage.audience.heard == ["serving 1"]


def test_if_the_one_with_the_hooks_has_to_go_another_runs_them(stage):
    stage.succession.begin()
    first, second = stage.crew.workers
    stage.crew.says(second, "made")
    stage.crew.says(first, "made")
    stage.succession.resize(-1)
    assert second.how == "hand over"
    assert first.link.sent == [("prepare", {"once": True})]


def test_the_number_holds_for_the_next_generation(stage):
    stage.serve()
    stage.succession.resize(1)
    assert len(stage.reload()) == 3


# --- replacement -------------------------------------------------------------------------------


def test_a_worker_is_replaced_when_its_successor_is_ready(stage):
    first, second = stage.serve()
    stage.crew.says(first, "recycle", reason="max-requests")
    stage.crew.says(first, "recycle", reason="max-requests")
    third = stage.crew.workers[2]
    assert stage.states == ["ready", "ready", "starting"]
    stage.crew.ready(third)
    assert first.how == "hand over"
    stage.crew.dies(first, 0)
    assert stage.succession.serving.ready() == [second, third]
    assert stage.succession.restarts == {"died": 0, "recycled": 1}
    assert stage.audience.heard == ["serving 1"]


def test_workers_are_replaced_one_after_the_other(stage):
    first, second = stage.serve()
    stage.crew.says(first, "recycle", reason="max-memory")
    stage.crew.says(second, "recycle", reason="max-memory")
    assert len(stage.crew) == 3
    stage.crew.ready(stage.crew.workers[2])
    assert (first.state, second.state) == ("draining", "ready")
    assert len(stage.crew) == 4
    stage.crew.ready(stage.crew.workers[3])
    assert second.state == "draining"


def test_a_successor_that_fails_is_tried_again(stage, monkeypatch):
    monkeypatch.setattr("carboy.backoff.FIRST_PAUSE", 0.001)
    first, second = stage.serve()
    stage.crew.says(first, "recycle", reason="stuck")
    stage.crew.dies(stage.crew.workers[2])
    assert (first.state, second.state) == ("ready", "ready")
    stage.turn_until(lambda: len(stage.crew) == 3)
    stage.crew.ready(stage.crew.workers[2])
    assert first.state == "draining"


def test_one_that_dies_before_its_successor_is_ready(stage):
    first, _second = stage.serve()
    stage.crew.says(first, "recycle", reason="stuck")
    stage.crew.dies(first, -9)
    stage.crew.ready(stage.crew.workers[1])
    stage.loop.after(0.01, lambda: None)
    stage.loop.turn()
    assert stage.states == ["ready", "ready"]


def test_one_that_asks_before_its_generation_serves(stage):
    stage.succession.begin()
    first, second = stage.crew.workers
    stage.crew.ready(first)
    stage.crew.says(first, "recycle", reason="max-memory")
    stage.crew.ready(second)
    assert stage.audience.heard == ["serving 1"]
    third = stage.crew.workers[2]
    stage.crew.ready(third)
    assert first.state == "draining"
    assert stage.succession.serving.ready() == [second, third]


def test_one_that_drains_is_not_replaced(stage):
    old = stage.serve()
    stage.crew.ready(*stage.reload())
    stage.crew.says(old[0], "recycle", reason="max-requests")
    assert len(stage.crew) == 4


# --- connections -------------------------------------------------------------------------------


def pipe_ends(count):
    found = []
    for _ in range(count):
        found += os.pipe()
    return found


def test_connections_are_dealt_to_the_heirs(stage):
    old = stage.serve()
    new = stage.reload()
    numbers = pipe_ends(3)
    stage.crew.says(old[0], "connections", numbers[:2], listener=0)
    stage.crew.ready(*new)
    stage.crew.says(old[1], "connections", numbers[2:], listener=1)
    passed = [number for worker in stage.crew for number in worker.link.descriptors]
    assert sorted(passed) == sorted(numbers)
    for number in numbers:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(number)


def test_connections_are_closed_at_the_end(stage):
    old = stage.serve()
    stage.succession.stop()
    assert [worker.how for worker in old] == ["finish", "finish"]
    numbers = pipe_ends(1)
    stage.crew.says(old[0], "connections", numbers, listener=0)
    for number in numbers:
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(number)


def test_nothing_is_started_after_the_end(stage):
    first, second = stage.serve()
    stage.succession.request()
    stage.crew.dies(first)
    stage.succession.stop()
    stage.crew.dies(second)
    stage.loop.after(module.SETTLE * 3, lambda: None)
    stage.loop.turn()
    assert len(stage.crew) == 0


# --- development -------------------------------------------------------------------------------


def test_in_development_the_old_one_stops_at_once(development, tmp_path):
    (old,) = development.serve()
    (new,) = development.reload([tmp_path / "x.py"])
    assert old.how == "hand over"
    assert new.changed == {tmp_path / "x.py"}
    development.crew.ready(new)
    assert development.audience.heard == ["serving 1", "reloading", "serving 2"]


def test_in_development_the_error_is_served(development):
    development.succession.begin()
    (first,) = development.crew.workers
    development.crew.dies(first, 7)
    (second,) = development.crew.workers
    assert "exit code 7" in second.broken
    development.crew.says(second, "failed", text="broken", is_user_error=False, files=["/f.py"])
    development.crew.ready(second)
    assert development.audience.heard == ["serving 1 failed"]
    assert "/f.py" in development.succession._monitor.watched


def test_the_same_error_is_printed_once(development):
    development.succession.begin()
    (first,) = development.crew.workers
    for _ in range(2):
        development.crew.says(first, "failed", text="just once", is_user_error=False, files=[])
    assert development.output.getvalue().count("just once") == 1
