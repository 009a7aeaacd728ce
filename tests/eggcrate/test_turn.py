import logging
import subprocess
import sys
import threading

import pytest

from eggcrate.turn import Turn
from support.live import DEADLINE, wait_until

# Another process: takes its turn, says so, and ends when its input does.
OTHER = """\
import pathlib, sys
from eggcrate.turn import Turn
turn = Turn(pathlib.Path(sys.argv[1]))
turn.take()
print("taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "parts/buildout").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def other(root):
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(root)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def test_one_run_after_another(root, other):
    other.communicate(timeout=DEADLINE)
    turn = Turn(root)
    turn.take()
    assert turn.is_alone
    assert not turn.has_waited


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_one_waits_for_the_other_and_says_so(root, other, end, caplog):
    caplog.set_level(logging.INFO)
    turn = Turn(root)
    thread = threading.Thread(target=turn.take)
    thread.start()
    wait_until(lambda: caplog.messages, "a word")
    assert caplog.messages == [
        "Another run is at work in this project: waiting until it has ended."
    ]
    assert not turn.is_alone
    getattr(other, end)()
    thread.join(DEADLINE)
    assert turn.is_alone
    assert turn.has_waited


def test_without_a_build_environment_nobody_is_alone(tmp_path):
    turn = Turn(tmp_path)
    turn.take()
    assert not turn.is_alone
