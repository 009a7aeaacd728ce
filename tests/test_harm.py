"""Proof by harm: under load, what an operator does and what befalls a server loses nothing."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.live import Serve, save, serving, wait_until
from support.load import Load

pytestmark = pytest.mark.live

APP = """
import os
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    return "code 0"

@app.route("/pid")
def pid():
    return str(os.getpid())
"""
PRODUCTION = ("--app", "hello:app", "--env", "production", "--workers", "2", "--grace", "5")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(APP)
    return tmp_path


def command(server, *arguments):
    """Run another command of the same server, as an operator would; return it ended."""
    return subprocess.run(
        [sys.executable, "-m", "carboy", *arguments],
        cwd=server.folder,
        env={**os.environ, "CARBOY_ROOT": str(server.folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def write(server, number):
    # Of another size each time: compiled files are compared by size and whole seconds.
    text = APP.replace("code 0", f"code {number}") + "#" * number + "\n"
    save(server.folder / "hello.py", text)


def test_twenty_rolling_reloads(folder):
    with serving(*PRODUCTION, folder=folder) as server, Load(server) as load:
        for number in range(1, 21):
            write(server, number)
            done = command(server, "reload")
            assert done.returncode == 0, done.stdout + done.stderr
            wait_until(lambda n=number: (200, f"code {n}") in load.answers, "the new code")
        load.wait_for()
        assert load.lost == []
        assert {status for status, _ in load.answers} == {200}
        assert len(load.answers) == 21


def test_each_worker_killed_in_turn(folder):
    with serving(*PRODUCTION, folder=folder) as server, Load(server) as load:
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: pid not in server.workers(), "its end")
            wait_until(lambda: len(server.workers()) == 2, "its successor")
            load.wait_for()
        # What the dead process held is gone with it; nothing is refused, and no answer is wrong.
        assert not any(isinstance(error, ConnectionRefusedError) for error in load.lost)
        assert set(load.answers) == {(200, "code 0")}
        before = len(load.lost)
        load.wait_for(100)
        assert len(load.lost) == before


def test_more_and_fewer_workers(folder):
    with serving(*PRODUCTION, folder=folder) as server, Load(server) as load:
        for number, count in [
            (signal.SIGTTIN, 3),
            (signal.SIGTTIN, 4),
            (signal.SIGTTOU, 3),
            (signal.SIGTTOU, 2),
            (signal.SIGTTOU, 1),
            (signal.SIGTTIN, 2),
        ]:
            server.process.send_signal(number)
            wait_until(lambda count=count: len(server.workers()) == count, f"{count} workers")
            load.wait_for()
        assert load.lost == []


def test_log_reopening_loses_no_line(folder):
    log, moved = folder / "access.log", folder / "access.log.1"
    arguments = (*PRODUCTION, "--access-log", str(log))
    with serving(*arguments, folder=folder) as server:
        with Load(server) as load:
            load.wait_for(50)
            log.rename(moved)
            server.process.send_signal(signal.SIGUSR1)
            wait_until(log.exists, "the new file")
            load.wait_for(50)
        server.end()
        assert load.lost == []
        lines = moved.read_text().splitlines() + log.read_text().splitlines()
        assert len(lines) == load.count
        assert all('"GET / HTTP/1.1" 200' in line for line in lines)


def test_recycling_by_requests(folder):
    arguments = (*PRODUCTION, "--max-requests", "100")
    with serving(*arguments, folder=folder) as server:
        first = set(server.workers())
        with Load(server) as load:
            wait_until(lambda: first.isdisjoint(server.workers()), "all workers replaced")
            load.wait_for()
        assert load.lost == []
        assert set(load.answers) == {(200, "code 0")}


BROKEN = {
    "a syntax error": "def app(:\n",
    "a factory that raises": "def create_app():\n    raise RuntimeError('the database is away')\n",
    "a factory that hangs": "import time\ndef create_app():\n    time.sleep(1000)\n",
    "a worker that dies": "import os\nos._exit(9)\n",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN.keys())
def test_reload_onto_what_does_not_work(folder, code):
    (folder / "hello.py").write_text(APP + "\ndef create_app():\n    return app\n")
    arguments = ("--app", "hello", *PRODUCTION[2:], "--start-timeout", "2")
    with serving(*arguments, folder=folder) as server, Load(server, clients=2) as load:
        before = server.workers()
        save(folder / "hello.py", code)
        done = command(server, "reload")
        assert done.returncode != 0
        assert done.stderr.strip()
        wait_until(lambda: server.workers() == before, "the end of the new workers")
        load.wait_for()
        assert load.lost == []
        assert set(load.answers) == {(200, "code 0")}


def test_the_next_start_works_at_once_after_a_killed_master(folder):
    socket = folder / "s"
    arguments = (*PRODUCTION, "--bind", f"unix:{socket}", "--pid-file", str(folder / "pid"))
    with serving(*arguments, folder=folder) as server:
        workers = server.workers()
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "their end")
    with serving(*arguments, folder=folder) as server:
        assert server.get() == (200, "code 0")
        assert command(server, "status").returncode == 0


def figures(pid):
    """Return memory in KiB and the number of open descriptors."""
    status = Path(f"/proc/{pid}/status").read_text()
    memory = int(status.partition("VmRSS:")[2].split()[0])
    return memory, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_soak_without_growth(folder):
    """A few seconds here; SOAK=60 makes it the minute that the promise is about."""
    seconds = float(os.environ.get("SOAK", "5"))
    with serving(*PRODUCTION, folder=folder) as server, Load(server, clients=8) as load:
        load.wait_for(2000)  # caches are filled, every thread has been at work
        pids = [server.process.pid, *server.workers()]
        before = [figures(pid) for pid in pids]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            load.wait_for(200)
        after = [figures(pid) for pid in pids]
        assert load.lost == []
    for (memory, descriptors), (memory_now, descriptors_now) in zip(before, after, strict=True):
        assert memory_now < memory * 1.1 + 1024
        assert descriptors_now <= descriptors + 8  # the load's own connections come and go


def test_a_full_disk_under_the_log_stops_nothing(folder):
    arguments = (*PRODUCTION, "--access-log", "/dev/full")
    with serving(*arguments, folder=folder) as server, Load(server) as load:
        load.wait_for(200)
        assert load.lost == []


def test_garbage_and_silence_beside_the_load(folder):
    with contextlib.ExitStack() as stack:
        server: Serve = stack.enter_context(serving(*PRODUCTION, folder=folder))
        load = stack.enter_context(Load(server, clients=4))
        for number in range(200):
            client = server.connect()
            client.connect()
            stack.callback(client.close)
            garbage = bytes((number + offset) % 256 for offset in range(64))
            with contextlib.suppress(OSError):
                client.sock.sendall(garbage if number % 2 else garbage + b"\r\n\r\n")
        load.wait_for(200)
        assert load.lost == []
        assert len(server.workers()) == 2
