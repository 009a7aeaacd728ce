import os
import subprocess
import sys

import pytest

from carboy import pid_file
from carboy.pid_file import PidFile, PidFileError
from support.live import HELLO, Serve, serving

PRODUCTION = ("--app", "hello:app", "--env", "production", "--workers", "1", "--pid-file", "pid")


@pytest.fixture
def sleeper():
    """A process that lives."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_the_file_holds_the_id_while_entered(tmp_path):
    path = tmp_path / "var" / "pid"
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"
        assert [file.name for file in path.parent.iterdir()] == ["pid"]
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "x\n", "-1\n", "0\n", f"{2**40}\n", "\xff", "me", "gone"])
def test_a_stale_file_is_replaced(tmp_path, content, sleeper):
    sleeper.kill()
    sleeper.wait()
    path = tmp_path / "pid"
    path.write_text(content.replace("me", str(os.getpid())).replace("gone", str(sleeper.pid)))
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_file_of_a_living_process_is_left_alone(tmp_path, sleeper):
    path = tmp_path / "pid"
    path.write_text(f"{sleeper.pid}\n")
    with pytest.raises(PidFileError, match=f"process {sleeper.pid} is running"), PidFile(path):
        pass
    assert path.read_text() == f"{sleeper.pid}\n"


def test_an_id_that_another_process_has_got_since_is_stale(tmp_path, sleeper):
    path = tmp_path / "pid"
    path.write_text(f"{sleeper.pid}\n")
    os.utime(path, (1_000_000_000, 1_000_000_000))  # long before the process was started
    with PidFile(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_process_of_somebody_else_is_alive(tmp_path, monkeypatch):
    path = tmp_path / "pid"
    path.write_text("12345\n")

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(pid_file, "_started", lambda _: None)
    assert pid_file.living_owner(path) == 12345


def test_the_file_of_a_successor_stays(tmp_path):
    path = tmp_path / "pid"
    with PidFile(path):
        path.write_text("1\n")
    assert path.read_text() == "1\n"


def test_a_file_that_was_removed_meanwhile(tmp_path):
    with PidFile(tmp_path / "pid"):
        (tmp_path / "pid").unlink()


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "pid"
    with pytest.raises(PidFileError, match=r"pid file .*file/pid: "), PidFile(path):
        pass


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


@pytest.mark.live
def test_the_file_of_a_server(folder):
    with serving(*PRODUCTION, folder=folder) as server:
        assert (folder / "pid").read_text() == f"{server.process.pid}\n"
        with Serve(*PRODUCTION, folder=folder) as second:
            assert second.wait() == 1
            assert second.output.count("\n") == 1
            assert f"process {server.process.pid} is running" in second.output
        assert (folder / "pid").exists()
    assert not (folder / "pid").exists()


@pytest.mark.live
def test_a_killed_server_does_not_keep_the_next_from_starting(folder):
    with serving(*PRODUCTION, folder=folder) as server:
        server.process.kill()
        server.process.wait()
    assert (folder / "pid").exists()
    with serving(*PRODUCTION, folder=folder) as server:
        assert (folder / "pid").read_text() == f"{server.process.pid}\n"
