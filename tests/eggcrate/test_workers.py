import contextlib
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from eggcrate import workers
from eggcrate.cache import Cache
from eggcrate.eggs import Eggs, Mark
from eggcrate.lockfile import File
from eggcrate.unpack import UnpackError
from eggcrate.workers import WorkerError, Workers
from support import crafted

DEADLINE = 60
# Long to compile, which is where a worker can be met.
SLOW = {f"crate/m{n}.py": f"x = {list(range(20_000))}\n" for n in range(60)}

BUILD = """\
import sys
from pathlib import Path
from eggcrate.lockfile import File
from eggcrate.workers import Workers
wheel = Path(sys.argv[1])
with Workers(1) as crew:
    job = crew.submit(wheel, File(wheel.name, sys.argv[2]), Path(sys.argv[3]))
    print(crew._crew[0]._launch().pid, flush=True)
    job.egg.result()
"""


def distribution(folder, name, files=None, requires=()):
    """Write a wheel of another name."""
    metadata = f"Name: {name}\nVersion: 1.0\n" + "".join(f"Requires-Dist: {r}\n" for r in requires)
    return crafted.wheel(
        folder,
        files or {f"{name}.py": "x = 1\n"},
        name=f"{name}-1.0-py3-none-any.whl",
        info=f"{name}-1.0.dist-info",
        metadata=metadata,
    )


@contextlib.contextmanager
def interrupted():
    """Expect the KeyboardInterrupt that the block ends with."""
    try:
        yield
    except KeyboardInterrupt:
        return
    pytest.fail("nothing was raised")


@pytest.fixture(autouse=True)
def settled():
    """Let no process outlive its test."""
    yield
    workers.settle()
    assert not workers._leaving


def test_wheels_become_eggs(tmp_path):
    folder = tmp_path / "eggs"
    with Workers(2) as crew:
        jobs = [crew.submit(*distribution(tmp_path, f"d{n}", requires=["a"]), folder)
                for n in range(9)]  # fmt: skip
        assert [job.metadata.result(0).requires for job in jobs] == [["a"]] * 9
        eggs = [job.egg.result(DEADLINE) for job in jobs]
    workers.settle()
    assert [(egg.name, egg.version, egg.requires) for egg in eggs] == [
        (f"d{n}", "1.0", ["a"]) for n in range(9)
    ]
    assert sorted(egg.path for egg in eggs) == sorted(map(str, folder.iterdir()))
    assert all(Eggs(folder, None).valid(egg.path) for egg in eggs)


def test_leaving_waits_for_the_eggs(tmp_path):
    with Workers(1) as crew:
        jobs = [crew.submit(*distribution(tmp_path, f"d{n}"), tmp_path / "eggs") for n in range(5)]
    assert all(Path(job.egg.result(0).path).is_dir() for job in jobs)


def test_the_metadata_does_not_wait_for_a_worker(tmp_path):
    heard = threading.Event()
    with interrupted(), Workers(1) as crew:
        slow = crew.submit(*distribution(tmp_path, "slow", SLOW), tmp_path / "eggs")
        job = crew.submit(*distribution(tmp_path, "b", requires=["c"]), tmp_path / "eggs")
        job.metadata.add_done_callback(lambda _: heard.set())
        assert heard.wait(DEADLINE)
        assert not slow.egg.done()
        raise KeyboardInterrupt


def test_the_cache_and_the_origin_reach_the_worker(tmp_path):
    cache = Cache(tmp_path / "files", eggs=tmp_path / "kept")
    path, file = distribution(tmp_path, "a")
    origin = File("b-1.0.tar.gz", "b" * 64)
    with Workers(1, cache) as crew:
        crew.submit(path, file, tmp_path / "eggs").egg.result(DEADLINE)
        built = crew.submit(*distribution(tmp_path, "b"), tmp_path / "eggs", origin=origin)
    assert [found.name for found in cache.eggs.glob("*/*")] == [file.sha256]
    assert Mark.read(built.egg.result().path).artifact == origin


def test_the_largest_comes_first(tmp_path):
    made = []
    with Workers(1) as crew:
        files = dict(list(SLOW.items())[:9])
        first = crew.submit(*distribution(tmp_path, "first", files), tmp_path / "eggs")
        for size in (10, 1000, 100):
            files = {"data": os.urandom(size * 100)}
            job = crew.submit(*distribution(tmp_path, f"d{size}", files), tmp_path / "eggs")
            job.egg.add_done_callback(lambda job: made.append(job.result().name))
        assert not first.egg.done()
    assert made == ["d1000", "d100", "d10"]


def test_what_is_wrong_with_a_wheel_is_said_at_once(tmp_path):
    path, file = distribution(tmp_path, "a")
    with Workers(1) as crew:
        job = crew.submit(path, File(file.name, "0" * 64), tmp_path / "eggs")
        for future in (job.metadata, job.egg):
            with pytest.raises(UnpackError, match=f"{file.sha256}, but {'0' * 64} is expected"):
                future.result(0)
    workers.settle()
    assert not list(tmp_path.glob("eggs/*"))


def test_what_goes_wrong_in_a_worker_is_said(tmp_path):
    made = distribution(tmp_path, "bad", {"bad-1.0.data/nowhere/x": ""})
    (tmp_path / "file").touch()
    with Workers(1) as crew:
        jobs = [
            crew.submit(*made, tmp_path / "eggs"),
            crew.submit(*distribution(tmp_path, "a"), tmp_path / "file"),
            crew.submit(*distribution(tmp_path, "b"), tmp_path / "eggs"),
        ]
        with pytest.raises(WorkerError, match=r"^bad-1\.0-py3-none-any\.whl is refused: nobody"):
            jobs[0].egg.result(DEADLINE)
        with pytest.raises(WorkerError, match=r"^a-1\.0-py3-none-any\.whl cannot be unpacked: Fil"):
            jobs[1].egg.result(DEADLINE)
        assert jobs[2].egg.result(DEADLINE).name == "b"


def test_a_worker_that_is_killed_is_named_and_replaced(tmp_path):
    with Workers(1) as crew:
        job = crew.submit(*distribution(tmp_path, "slow", SLOW), tmp_path / "eggs")
        os.kill(crew._crew[0]._launch().pid, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"slow-1\.0.* is not unpacked: .* by SIGKILL$"):
            job.egg.result(DEADLINE)
        job = crew.submit(*distribution(tmp_path, "a"), tmp_path / "eggs")
        assert job.egg.result(DEADLINE).name == "a"
    workers.settle()
    Eggs(tmp_path / "eggs", None).stale()
    assert list(map(str, (tmp_path / "eggs").iterdir())) == [job.egg.result().path]


def test_an_exception_ends_all(tmp_path):
    with interrupted(), Workers(1) as crew:
        slow = crew.submit(*distribution(tmp_path, "slow", SLOW), tmp_path / "eggs")
        other = crew.submit(*distribution(tmp_path, "other"), tmp_path / "eggs")
        process = crew._crew[0]._launch()
        raise KeyboardInterrupt
    assert process.returncode is not None
    assert not workers._leaving
    with pytest.raises((WorkerError, CancelledError)):
        slow.egg.result(0)
    with pytest.raises(CancelledError):
        other.egg.result(0)
    assert not crew._crew[0].is_alive()
    # Killed before it could listen, it has not begun either.
    assert list((tmp_path / "eggs").glob("*.egg")) == []


def test_a_worker_that_does_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_PATIENCE", 0.1)
    monkeypatch.setattr(workers, "_PROGRAM", "import signal, time\n"
                        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                        "print({!r}, flush=True)\ntime.sleep(600)\n")  # fmt: skip
    with interrupted(), Workers(1) as crew:
        crew.start()
        process = crew._crew[0]._launch()
        assert process.stdout.readline()
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGKILL


def test_a_worker_that_cannot_start_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Workers(1) as crew:
        job = crew.submit(*distribution(tmp_path, "a"), tmp_path / "eggs")
        with pytest.raises(WorkerError, match="cannot start /nowhere/python: No such file"):
            job.egg.result(DEADLINE)


def test_one_that_was_never_needed_leaves_nothing(tmp_path):
    with Workers(3):
        pass
    with Workers(1) as crew:
        crew.start()


def test_how_many(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(3), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert workers._processors() == 3
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(64), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert workers._processors() == 8


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_who_started_them(tmp_path, sent):
    """Ctrl-C or kill -9: nothing goes on, and the next build finds nothing that is half."""
    path, file = distribution(tmp_path, "slow", SLOW)
    folder = tmp_path / "eggs"
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILD, path, file.sha256, folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    builder.stdout.readline()
    builder.send_signal(sent)
    # The worker has the builder's standard error, too: it is closed when both have ended.
    said = builder.communicate(timeout=DEADLINE)[1]
    assert builder.returncode == -sent
    assert "worker" not in said.replace("eggcrate/workers.py", "")
    Eggs(folder, None).stale()
    assert [path for path in tmp_path.glob("eggs/*") if not Eggs(folder, None).valid(path)] == []
