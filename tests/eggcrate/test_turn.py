import json
import subprocess
import sys

import pytest

from eggcrate import fingerprint
from eggcrate.turn import Turn

# Another process: begins, says so, and ends when its input does.
OTHER = """\
import pathlib, sys
from eggcrate.turn import Turn
turn = Turn(pathlib.Path(sys.argv[1]))
turn.begin()
print("begun", flush=True)
sys.stdin.read()
with turn.alone() as alone:
    print(alone)
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "parts/buildout").mkdir(parents=True)
    return tmp_path


class Other:
    def __init__(self, root):
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline() == "begun\n"

    def end(self):
        return self.process.communicate(timeout=20)[0].strip() == "True"


def alone(turn):
    with turn.alone() as answer:
        return answer


def test_one_run_after_another(root):
    for _ in range(2):
        other = Other(root)
        assert other.end()


def test_two_at_once_are_neither_alone(root):
    turn = Turn(root)
    turn.begin()
    other = Other(root)
    assert not alone(turn)
    assert not other.end()
    assert not alone(turn)


def test_one_that_ended_meanwhile_counts(root):
    first = Other(root)
    turn = Turn(root)
    turn.begin()
    assert not first.end()
    assert not alone(turn)


def test_a_killed_run_leaves_nothing_that_counts(root):
    fingerprint.write(root, {}, [], ["said"], {})
    assert fingerprint.said(root, {}) == ["said"]
    other = Other(root)
    other.process.kill()
    other.process.communicate()
    assert fingerprint.said(root, {}) is None
    turn = Turn(root)
    turn.begin()
    assert alone(turn)


def test_a_fingerprint_from_elsewhere_is_not_taken_for_its_own(root):
    turn = Turn(root)
    turn.begin()
    (root / fingerprint.PLACE).write_text(json.dumps({"expected": "another"}))
    assert not alone(turn)


def test_without_a_build_environment_nobody_is_alone(tmp_path):
    turn = Turn(tmp_path)
    turn.begin()
    assert not alone(turn)
