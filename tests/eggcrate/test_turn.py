import os
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
WAITING = "Another run is at work in this project: waiting until it has ended.\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("EGGCRATE_WITHIN", "")  # each turn sets it
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
def test_one_waits_for_the_other_and_says_so(root, other, end, capfd):
    turn = Turn(root)
    thread = threading.Thread(target=turn.take)
    thread.start()
    wait_until(lambda: capfd.readouterr().out == WAITING, "a word")
    assert not turn.is_alone
    getattr(other, end)()
    thread.join(DEADLINE)
    assert turn.is_alone
    assert turn.has_waited


def test_who_only_looks_does_not_wait(root, other):
    turn = Turn(root)
    turn.take(wait=False)
    assert not turn.is_alone
    other.communicate(timeout=DEADLINE)


def test_nor_does_who_is_waited_for(root, other, monkeypatch):
    monkeypatch.setenv("EGGCRATE_WITHIN", str(root))
    turn = Turn(root)
    turn.take()
    assert not turn.is_alone
    assert not turn.has_waited


def test_what_a_run_starts_knows_that_it_is_waited_for(root):
    turn = Turn(root)
    for _ in range(2):
        turn.take()
        assert turn.is_alone
    assert os.environ["EGGCRATE_WITHIN"] == str(root)


def test_what_a_run_has_left_behind_waits_for_others(root, other, monkeypatch, capfd):
    monkeypatch.setenv("EGGCRATE_WITHIN", f"{root}/elsewhere")
    threading.Timer(0.1, other.terminate).start()
    turn = Turn(root)
    turn.take()
    assert turn.is_alone
    assert capfd.readouterr().out == WAITING


def test_without_a_build_environment_nobody_is_alone(tmp_path):
    turn = Turn(tmp_path)
    turn.take()
    assert not turn.is_alone
