import json
import os
import signal
import subprocess
import sys

import pytest

from eggcrate import eggs
from support import crafted

WORKER = "from eggcrate import worker; worker.main()"
FULL = """\
from eggcrate import worker, workshop
def sync(folder):
    raise OSError(5, "Input/output error", str(folder))
workshop._sync = sync
worker.main()
"""
SLOW = {f"crate/m{n}.py": f"x = {list(range(20_000))}\n" for n in range(60)}


@pytest.fixture
def start():
    """A function that starts a worker."""
    started = []

    def start(program=WORKER):
        process = subprocess.Popen(
            [sys.executable, "-c", program], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def request(tmp_path, files=None):
    path, file = crafted.wheel(tmp_path, files or {"crate.py": "x = 1\n"})
    asked = {
        "artifact": str(path),
        "file": [file.name, file.sha256],
        "eggs": str(tmp_path / "eggs"),
        "origin": None,
        "store": None,
    }
    return json.dumps(asked) + "\n"


def test_a_line_in_and_a_line_out(tmp_path, start):
    process = start()
    asked = request(tmp_path)
    wrong = asked.replace("/eggs", "/crate_thing-1.0-py3-none-any.whl")
    said, errors = process.communicate(asked + wrong + asked, timeout=60)
    first, second, third = map(json.loads, said.splitlines())
    assert first == third
    assert first["egg"]["path"] == str(tmp_path / f"eggs/{eggs.name('Crate-Thing', '1.0')}.egg")
    assert second["error"].startswith("crate_thing-1.0-py3-none-any.whl cannot be unpacked: ")
    assert (errors, process.returncode) == ("", 0)
    assert len(list((tmp_path / "eggs").iterdir())) == 1


def test_ended_it_takes_away_what_it_has_begun(tmp_path, start):
    process = start()
    process.stdin.write(request(tmp_path, SLOW))
    process.stdin.flush()
    while not list(tmp_path.glob("eggs/.*/*.egg/crate")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)  # not for a worker
    process.terminate()
    assert process.wait(60) == 1
    assert list((tmp_path / "eggs").iterdir()) == []
    assert process.stderr.read() == ""


def test_an_error_of_the_disk_is_said_and_remembered(tmp_path, start):
    process = start(FULL)
    said, errors = process.communicate(request(tmp_path), timeout=60)
    assert "egg" in json.loads(said)
    assert process.returncode == 1
    assert errors.startswith("The eggs may not be on the disk yet: [Errno 5] Input/output error")
    assert errors.count("\n") == 1
    [said] = eggs.Eggs(tmp_path / "eggs", None).stale()
    assert "has left over" in said


def test_a_builder_that_is_gone_is_no_error(tmp_path, start):
    process = start()
    process.stdout.close()
    process.stdin.write(request(tmp_path))
    process.stdin.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == ""
    process.stdin = process.stdout = None
