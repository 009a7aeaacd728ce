"""Real processes, which run a script in place of a worker."""

import io
import json
import signal
import sys
import textwrap
import time
from types import SimpleNamespace

import pytest

from carboy import process
from carboy.console import Console
from carboy.crew import Crew
from carboy.loop import Loop

OPTIONS = SimpleNamespace(debug=False, reload=False, threads=1, workers=1, grace=0.1)
TALK = """
import json, os, socket, struct, sys, time
orders = json.loads(os.environ["CARBOY_WORKER"])
link = socket.socket(fileno=orders["link"])
def say(kind, **fields):
    data = json.dumps({"kind": kind, "fds": 0, "fields": fields}).encode()
    link.sendall(struct.pack("!I", len(data)) + data)
"""


@pytest.fixture
def crew(monkeypatch):
    """A function that starts a worker of a crew, which runs a script."""
    loop, output = Loop(), io.StringIO()
    made = Crew(loop, [], Console(output), OPTIONS, start_timeout=0.0)

    def start(script, **options):
        code = TALK + textwrap.dedent(script)
        monkeypatch.setattr(process, "command", lambda: [sys.executable, "-c", code])
        return made.start(1, broken="", changed=set(), **options)

    def turn_until(condition):
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, output.getvalue()
            loop.after(0.01, lambda: None)
            loop.turn()
            made.reap()

    yield SimpleNamespace(
        start=start, crew=made, output=output, turn_until=turn_until, gone=lambda: not made
    )
    made.bury()
    for worker in made:
        worker.release()
    loop.close()


def test_what_a_worker_says_is_heard_also_its_last_word(crew):
    heard, ended = [], []
    crew.crew.handlers["hello"] = lambda worker, message: heard.append((worker, message.fields))
    crew.crew.mourners.append(ended.append)
    worker = crew.start("say('hello', n=1); say('unheard of'); say('hello', n=2); os._exit(3)")
    crew.turn_until(crew.gone)
    assert heard == [(worker, {"n": 1}), (worker, {"n": 2})]
    assert ended == [worker]
    assert worker.describe_end() == "ended with exit code 3"


def test_one_that_does_not_drain_in_time_is_ended(crew):
    worker = crew.start(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay('deaf')\n"
        "while True: time.sleep(1)"
    )
    deaf = []
    crew.crew.handlers["deaf"] = lambda *_: deaf.append(1)
    crew.turn_until(lambda: deaf)
    began = time.monotonic()
    crew.crew.drain(worker, hand_over=False)
    crew.turn_until(crew.gone)
    assert 1.0 < time.monotonic() - began < 10.0
    assert worker.process.returncode == -signal.SIGKILL
    assert worker.has_overrun
    assert crew.output.getvalue().count("did not finish in time") == 1


def test_one_that_drains_in_time_has_not_overrun(crew):
    worker = crew.start("link.recv(1)")
    crew.crew.drain(worker, hand_over=False)
    crew.turn_until(lambda: worker.process.poll() is not None)
    assert worker.process.returncode == 0
    crew.turn_until(crew.gone)


def test_one_that_is_not_ready_in_time_is_ended_and_told_of(crew):
    late = []
    crew.crew._start_timeout = 0.05
    crew.crew.on_late = late.append
    worker = crew.start("time.sleep(1000)")
    crew.turn_until(crew.gone)
    assert late == [worker]


def test_one_that_does_not_hear_that_it_is_not_wanted_any_more(crew):
    late = []
    crew.crew._start_timeout = 0.05
    crew.crew._options = SimpleNamespace(**{**vars(OPTIONS), "grace": 1000.0})
    crew.crew.on_late = late.append
    worker = crew.start("time.sleep(1000)")
    crew.crew.drain(worker, hand_over=True)
    crew.turn_until(crew.gone)
    assert late == []


def test_one_that_is_ready_in_time_is_left_alone(crew):
    late = []
    crew.crew._start_timeout = 0.05
    crew.crew.on_late = late.append
    worker = crew.start("time.sleep(0.3)")
    worker.begin_to_serve()
    crew.turn_until(crew.gone)
    assert (late, worker.process.returncode) == ([], 0)


def test_what_only_a_server_understands_waits_until_it_serves(crew):
    read = "\n".join(
        (
            "data = b''",
            "while data.count(b'reopen') < 2: data += link.recv(1000)",
            "say('got', text=data.decode('latin-1'))",
        )
    )
    worker = crew.start(read)
    got = []
    crew.crew.handlers["got"] = lambda _worker, message: got.append(message.fields["text"])
    worker.tell("reopen")
    worker.link.send("prepare")
    worker.begin_to_serve()
    worker.tell("reopen")
    crew.turn_until(lambda: got)
    kinds = [part.partition('"')[0] for part in got[0].split('"kind": "')[1:]]
    assert kinds == ["prepare", "reopen", "reopen"]
    worker.state = "draining"


def test_nobody_survives(crew):
    workers = [crew.start("time.sleep(1000)") for _ in range(2)]
    crew.crew.bury()
    assert [worker.process.returncode for worker in workers] == [-9, -9]


def test_the_orders(crew):
    told = []
    crew.crew.handlers["orders"] = lambda _worker, message: told.append(message.fields)
    crew.start("say('orders', **orders)")
    crew.turn_until(crew.gone)
    assert told[0]["generation"] == 1
    assert told[0]["options"] == json.loads(json.dumps(vars(OPTIONS)))
