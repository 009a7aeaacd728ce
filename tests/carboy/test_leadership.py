import threading
import time

import pytest

from carboy import lanes, leadership
from carboy.leadership import Leadership
from support.live import wait_until

PATIENCE = 10.0


class Task:
    def __init__(self, work):
        self.service = work
        self.notes = []

    def beside(self):
        self.notes.append("beside")

    def took(self, seconds, computed):
        self.notes += [seconds, computed]


@pytest.fixture
def lead():
    """Start leaderships that poll a list of tasks to add; stop them at the end."""
    running = []

    def lead(threads, poll=lambda: None):
        inbox, wake, stop = [], threading.Event(), threading.Event()

        def turn(seconds):
            wake.wait(seconds)
            wake.clear()
            while inbox:
                led.add_task(inbox.pop(0))
            poll()
            if stop.is_set():
                led.stop()

        led = Leadership(threads, turn)
        thread = threading.Thread(target=led.run)
        running.append((thread, wake, stop))
        thread.start()

        def add(*works):
            inbox.extend(map(Task, works))
            wake.set()

        return led, add

    yield lead
    for thread, wake, stop in running:
        stop.set()
        wake.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Gauge:
    """Counts how many are inside, and the most that were."""

    def __init__(self):
        self.lock, self.now, self.most, self.total = threading.Lock(), 0, 0, 0

    def __enter__(self):
        with self.lock:
            self.now += 1
            self.total += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_):
        with self.lock:
            self.now -= 1


def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_short_tasks_are_run_by_the_thread_that_polls(lead):
    threads, pollers = set(), set()
    led, add = lead(4, lambda: pollers.add(threading.get_ident()))
    for number in range(100):
        add(lambda: threads.add(threading.get_ident()))
        wait_until(lambda n=number: len(threads) and led.count() > n, "the task")
    assert len(threads) <= 2  # one, unless the machine held it for long
    assert threads <= pollers


def test_a_task_that_takes_long_does_not_stop_the_others(lead):
    go, done = threading.Event(), threading.Event()
    led, add = lead(2)
    add(lambda: go.wait(PATIENCE))
    wait_until(led.running, "the task to go on beside the leader")
    add(done.set)
    assert done.wait(PATIENCE)
    [one] = led.running()
    assert 0 <= time.monotonic() - one.since < PATIENCE
    go.set()
    wait_until(lambda: not led.running(), "its end")


def test_no_more_run_than_may_and_somebody_polls_all_the_same(lead):
    gauge, polls = Gauge(), []
    led, add = lead(3, lambda: polls.append(1))

    def work():
        with gauge:
            time.sleep(0.02)

    add(*[work] * 30)
    wait_until(lambda: led.free() == 0, "all to be busy")
    before = len(polls)
    add()
    wait_until(lambda: len(polls) > before, "a poll while all are busy")
    wait_until(lambda: gauge.total == 30 and not gauge.now, "all tasks")
    assert gauge.most in (3, 4)  # one more as long as it is expected to be short
    wait_until(lambda: led.free() == 3, "rest")
    assert led.count() == 30


def test_tasks_that_add_tasks_from_any_thread(lead):
    led, add = lead(3)
    done = []

    def work(depth, seconds):
        time.sleep(seconds)
        done.append(1)
        if depth:
            led.add_task(Task(lambda: work(depth - 1, seconds)))

    add(*[lambda s=s: work(20, s) for s in (0, 0.001, 0.006, 0.006, 0.01)])
    wait_until(lambda: len(done) == 5 * 21, "all of them")
    wait_until(lambda: not led.running(), "rest")


def test_many_short_and_long_tasks_are_each_run_once(lead):
    led, add = lead(4)
    counts = [0] * 3000
    gauge = Gauge()

    def work(number):
        with gauge:
            if number % 37 == 0:
                time.sleep(0.006)
            counts[number] += 1

    for start in range(0, 3000, 50):
        add(*[lambda n=n: work(n) for n in range(start, start + 50)])
    wait_until(lambda: gauge.total == 3000 and not gauge.now, "all of them")
    assert counts == [1] * 3000
    assert gauge.most <= 5
    assert led.count() == 3000


@pytest.mark.filterwarnings("ignore")
def test_what_tasks_and_polls_throw_ends_nothing(lead, caplog):
    throws, done = [ZeroDivisionError()], threading.Event()

    def poll():
        if throws:
            raise throws.pop()

    _led, add = lead(2, poll)

    def fail(error):
        raise error

    add(lambda: fail(SystemExit()), lambda: fail(KeyboardInterrupt()), done.set)
    assert done.wait(PATIENCE)
    assert "while polling" in caplog.text
    assert caplog.text.count("while serving") == 2


def test_the_monitor_wakes_up_again(lead, monkeypatch):
    monkeypatch.setattr(leadership, "IDLE_LOOKS", 1)
    led, add = lead(2)
    for _ in range(5):
        wait_until(lambda: led._monitor_sleeps, "the monitor to sleep")
        go = threading.Event()
        add(lambda go=go: go.wait(PATIENCE))
        wait_until(led.running, "the task to go on beside the leader")
        go.set()
        wait_until(lambda: not led.running(), "its end")


def test_the_end_waits_for_who_still_runs(lead):
    led, add = lead(2)
    go = threading.Event()
    add(lambda: go.wait(PATIENCE))
    wait_until(led.running, "the task")
    began = time.monotonic()
    led.finish(0.05)
    assert led.running()
    threading.Timer(0.05, go.set).start()
    led.finish(PATIENCE)
    assert not led.running()
    assert time.monotonic() - began < PATIENCE / 2


def test_slow_tasks_take_no_more_than_the_threads_and_leave_one_for_short_ones(lead):
    led, add = lead(2)
    gauge, go, done = Gauge(), threading.Event(), []

    def hold():
        with gauge:
            go.wait(PATIENCE)

    led.lanes.waiting.extend(Task(hold) for _ in range(5))
    add()
    wait_until(lambda: gauge.now == 2, "two to run")
    for number in range(50):
        add(lambda: done.append(1))
        wait_until(lambda n=number: len(done) > n, "a short one")
    assert gauge.most == 2
    go.set()
    wait_until(lambda: gauge.total == 5 and not led.running(), "all of them")
    assert gauge.most == 2


class Reply:
    """What a task sends; it notes when that happens."""

    def __init__(self, sent, name):
        self.release = lambda: sent.append(name)


def test_answers_are_kept_only_while_more_tasks_wait(lead):
    led, add = lead(4)
    kept, sent = [], []

    def work(name):
        kept.append((name, led.keep(Reply(sent, name)), list(sent)))

    add(lambda: work("a"), lambda: work("b"), lambda: work("c"))
    wait_until(lambda: len(kept) == 3, "all of them")
    assert kept == [("a", True, []), ("b", True, []), ("c", False, [])]
    wait_until(lambda: sent, "what was kept")
    assert sent == ["a", "b"]


def test_only_the_leader_keeps_answers(lead):
    led, add = lead(2)
    kept, go = [], threading.Event()

    def beside():
        go.wait(PATIENCE)
        kept.append(led.keep(Reply([], "")))

    led.lanes.waiting.append(Task(beside))
    add(lambda: (led.queue.append(Task(lambda: None)), go.set(), time.sleep(0.002)))
    wait_until(lambda: kept, "the one beside")
    assert kept == [False]


def test_what_is_kept_does_not_wait_for_a_task_that_holds_the_leader(lead):
    led, add = lead(4)
    sent, go = [], threading.Event()
    add(lambda: led.keep(Reply(sent, "first")), lambda: go.wait(PATIENCE))
    wait_until(lambda: sent, "the first")
    assert not go.is_set()
    go.set()


def test_a_task_is_told_that_it_runs_beside_and_how_long(lead):
    led, add = lead(2)
    long, known = Task(lambda: time.sleep(0.05)), Task(lambda: compute(0.05))
    led.add_task(long)
    led.lanes.waiting.append(known)
    add()
    wait_until(lambda: len(long.notes) == len(known.notes) == 3, "the notes")
    assert long.notes[0] == known.notes[0] == "beside"
    assert long.notes[1] > 0.02 > long.notes[2] >= 0
    assert known.notes[1] >= known.notes[2] >= 0.05


@pytest.mark.skipif(not lanes._HAS_LOCK, reason="threads of this Python compute at the same time")
def test_few_compute_at_a_time_and_those_that_wait_go_on(lead, monkeypatch):
    # What others leave of the machine decides nothing here.
    monkeypatch.setattr(lanes._Mark, "is_busy", lambda _begin, _end: True)
    monkeypatch.setattr(lanes, "_HAS_LOCK", True)
    led, add = lead(4)
    computing, waiting = Gauge(), Gauge()
    go, enough = threading.Event(), threading.Event()

    def work():
        with computing:
            compute(0.03)
        if not enough.is_set():
            led.lanes.computing.append(Task(work))

    def wait():
        with waiting:
            go.wait(PATIENCE)

    led.lanes.computing.extend(Task(work) for _ in range(12))
    add()
    wait_until(lambda: led.lanes.width == lanes.FEWEST, "fewer to run")
    wait_until(lambda: computing.now <= lanes.FEWEST, "those to end that had begun")
    computing.most = 0
    led.lanes.waiting.extend(Task(wait) for _ in range(2))
    wait_until(lambda: waiting.now == 2, "those that wait")
    enough.set()
    wait_until(lambda: not led.lanes.computing and not computing.now, "all that compute")
    go.set()
    assert computing.most == lanes.FEWEST


def test_more_tasks_begin_when_those_that_compute_wait(lead):
    led, add = lead(4)
    gauge, go = Gauge(), threading.Event()

    def wait():
        with gauge:
            go.wait(PATIENCE)

    led.lanes.width = 1
    led.lanes.computing.extend(Task(wait) for _ in range(4))
    add()
    wait_until(lambda: gauge.now == 4, "all to run")
    go.set()


def test_one_thread_means_one_task_at_a_time(lead):
    led, add = lead(1)
    gauge = Gauge()

    def work():
        with gauge:
            time.sleep(0.01)

    led.lanes.waiting.extend(Task(work) for _ in range(5))
    add(*[work] * 5)
    wait_until(lambda: gauge.total == 10 and not led.running(), "all of them")
    assert gauge.most == 1
