"""The master's signals, deadlines and replacements, on live servers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.live import HELLO, PRODUCTION, SLOW, Serve, serving, wait_until
from support.load import Load

pytestmark = pytest.mark.live


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(SLOW)
    return tmp_path


@pytest.fixture
def server(folder):
    with serving(*PRODUCTION, "--workers", "2", "--grace", "5", folder=folder) as server:
        yield server


def ready(server):
    return sorted(w["pid"] for w in server.status()["workers"] if w["state"] == "ready")


def test_one_worker_more_and_one_less(server):
    with Load(server) as load:
        before = ready(server)
        server.process.send_signal(signal.SIGTTIN)
        wait_until(lambda: len(ready(server)) == 3, "a third worker")
        for _ in range(3):
            server.process.send_signal(signal.SIGTTOU)
            server.wait_for("1 workers from now on|2 workers from now on")
        wait_until(lambda: len(server.workers()) == 1, "a single worker")
        assert server.workers()[0] in before
        assert server.get() == (200, "one")
        assert server.tell("reload").returncode == 0
        assert len(ready(server)) == 1
    assert load.is_whole, load.lost


def test_hangups_that_come_fast_end_with_one_generation(server):
    with Load(server) as load:
        for _ in range(20):
            server.process.send_signal(signal.SIGHUP)
        server.wait_for("reloaded in")
        wait_until(lambda: len(server.workers()) == 2, "two workers")
        wait_until(lambda: server.status()["state"] == "serving", "the end of the reload")
    assert load.is_whole, load.lost


def test_the_death_of_each_worker_in_turn(server):
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: pid not in ready(server), "the death")
        wait_until(lambda: len(ready(server)) == 2, "the replacement")
    assert server.status()["restarts"]["died"] == 2


def test_a_first_start_that_hangs_is_given_up(tmp_path):
    (tmp_path / "hello.py").write_text("import time\ntime.sleep(1000)\n")
    arguments = ("--workers", "1", "--start-timeout", "0.4")
    with Serve(*PRODUCTION, *arguments, folder=tmp_path) as server:
        assert server.wait() == 3
        assert server.output.count("was not ready after") == 3
        assert "giving up: 4 workers died while starting" in server.output


def test_without_a_deadline_a_slow_start_takes_its_time(tmp_path):
    (tmp_path / "hello.py").write_text("import time\ntime.sleep(1.0)\n" + HELLO)
    with serving(*PRODUCTION, "--start-timeout", "0", folder=tmp_path) as server:
        assert server.get() == (200, "one")


def test_in_development_nobody_hurries_an_import(tmp_path):
    # there may be a prompt in it
    (tmp_path / "hello.py").write_text("import time\ntime.sleep(1.0)\n" + HELLO)
    with serving("--app", "hello:app", "--start-timeout", "0.3", folder=tmp_path) as server:
        assert server.get() == (200, "one")
        assert "not ready" not in server.output


def test_max_requests_replaces_workers_without_losing_a_request(folder):
    arguments = ("--workers", "2", "--max-requests", "200")
    with serving(*PRODUCTION, *arguments, folder=folder) as server:
        before = set(server.workers())
        with Load(server, path="/pid") as load:
            wait_until(lambda: before.isdisjoint(ready(server)), "two successors")
            wait_until(lambda: server.status()["restarts"]["recycled"] >= 2, "the count")
        assert load.is_whole, load.lost
        assert len(load.answers) >= 4
        assert server.status()["restarts"]["died"] == 0
        assert server.status()["generation"] == 1


def test_the_figures_of_workers_that_have_ended_still_count(folder):
    with serving(*PRODUCTION, "--workers", "1", folder=folder) as server:
        for _ in range(5):
            server.get()
        assert server.tell("reload").returncode == 0
        wait_until(lambda: len(server.workers()) == 1, "the end of the old worker")
        server.get()
        assert server.status()["requests"] == 6


def test_usr1_reopens_the_log(folder):
    log = folder / "access.log"
    arguments = ("--workers", "2", "--access-log", "access.log")
    with serving(*PRODUCTION, *arguments, folder=folder) as server:
        server.get("/?before")
        wait_until(lambda: "/?before" in log.read_text(), "the first line")
        log.rename(folder / "access.log.1")
        server.process.send_signal(signal.SIGUSR1)
        server.wait_for("opening the log files anew")
        wait_until(log.exists, "the new file")

        def written():
            server.get("/?after")
            return "/?after" in log.read_text()

        wait_until(written, "a line in the new file")


def test_stopping_while_a_generation_is_coming(folder):
    with serving(*PRODUCTION, "--workers", "2", folder=folder) as server:
        (folder / "hello.py").write_text(
            "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(1000)\n"
        )
        server.process.send_signal(signal.SIGHUP)
        wait_until((folder / "begun").exists, "the new generation")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - began < 5


def test_a_worker_that_cannot_even_say_that_it_is_stuck(folder):
    arguments = ("--workers", "2", "--request-timeout", "1", "--grace", "1")
    with serving(*PRODUCTION, *arguments, folder=folder) as server:
        stuck = server.workers()[0]
        os.kill(stuck, signal.SIGSTOP)
        try:
            server.wait_for(rf"worker {stuck} will be replaced: no sign of life")
            wait_until(lambda: stuck not in server.workers(), "its end")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stuck, signal.SIGCONT)
        wait_until(lambda: len(ready(server)) == 2, "two workers")


def test_the_master_imports_neither_application_nor_server():
    heavy = ["flask", "waitress", "werkzeug", "prometheus_client", "asyncio"]
    code = f"import carboy.commands.run, sys; print(*{{*{heavy}}} & {{*sys.modules}})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (told.stdout, told.stderr) == ("\n", "")


def test_the_master_stays_light(server):
    for _ in range(3):
        assert server.tell("reload").returncode == 0
        server.status()
    assert server.status()["master_memory"] < 40 * 2**20
    wait_until(lambda: len(server.workers()) == 2, "the end of the old workers")
    numbers = list(Path(f"/proc/{server.process.pid}/fd").iterdir())
    assert len(numbers) < 30
