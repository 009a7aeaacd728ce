import contextlib
import json
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from carboy.control import LIMIT, Control, ControlError, ControlSocket
from support.live import HELLO, Serve, save, serving, wait_until
from support.looping import talk, turning

PRODUCTION = ("--app", "hello:app", "--env", "production", "--workers", "2")

# --- the socket ------------------------------------------------------------------------------


def test_the_socket_is_its_owner_s_alone_and_goes_with_it(tmp_path):
    path = tmp_path / "var" / "deep" / "s"
    with ControlSocket(path) as control:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert control.socket.fileno() >= 0
    assert not path.exists()


def test_the_mask_of_the_process_is_left_as_it_was(tmp_path):
    before = os.umask(0o27)
    try:
        with ControlSocket(tmp_path / "s"):
            assert os.umask(0o27) == 0o27
    finally:
        os.umask(before)


def test_the_socket_of_a_dead_server_is_replaced(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with ControlSocket(path), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_the_socket_of_a_living_server_is_left_alone(tmp_path):
    path = tmp_path / "s"
    with ControlSocket(path):
        with pytest.raises(ControlError, match=r"another server has .*--control"):
            ControlSocket(path)
        assert path.exists()


def test_another_file_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(ControlError, match="no control socket"):
        ControlSocket(path)
    assert path.read_text() == "precious"


def test_a_path_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ControlError, match=r"no control socket: .*file/s: "):
        ControlSocket(tmp_path / "file" / "s")


def test_what_another_server_has_put_in_its_place_stays(tmp_path):
    path = tmp_path / "s"
    with ControlSocket(path):
        path.unlink()
        path.touch()
    assert path.exists()


def test_a_path_of_any_length(tmp_path):
    path = tmp_path / ("long" * 30) / ("longer" * 30) / "s"
    with ControlSocket(path), pytest.raises(ControlError, match="another server has"):
        ControlSocket(path)
    assert not path.exists()


# --- the protocol ----------------------------------------------------------------------------


@pytest.fixture
def address(tmp_path):
    commands = {"hello": lambda reply: reply(ok=True, said="ü"), "forget": lambda _reply: None}
    path = tmp_path / "s"
    with (
        ControlSocket(path) as control,
        turning(lambda loop: Control(loop, control.socket, commands)),
    ):
        yield str(path)


def say(address, *parts):
    return json.loads(talk(address, *parts, family=socket.AF_UNIX))


def test_a_command_is_answered(address):
    assert say(address, b'{"command"', b': "hello"}\n') == {"ok": True, "said": "ü"}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"hello\n",
        b"[]\n",
        b'"hello"\n',
        b'{"command": ["hello"]}\n',
        b'{"command": "hallo"}\n',
        b"{}\n",
        b"\xff\xfe\n",
        b"[" * LIMIT + b"\n",
        b"x" * (LIMIT * 3),
    ],
)
def test_garbage_is_told_so(address, garbage):
    answer = say(address, garbage)
    assert answer["ok"] is False
    assert "does not understand" in answer["error"]


def test_who_waits_does_not_keep_others_waiting(address):
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(address)
        waiting.sendall(b'{"command": "forget"}\n')
        assert say(address, b'{"command": "hello"}\n')["ok"] is True


# --- a live server ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


@pytest.fixture
def server(folder):
    with serving(*PRODUCTION, folder=folder) as server:
        yield server


@pytest.mark.live
def test_reload_ends_when_the_new_code_serves(server):
    before = set(server.workers())
    for number in range(2, 5):
        save(server.folder / "hello.py", HELLO.replace('"one"', f'"{"x" * number}"'))
        told = server.tell("reload")
        assert told.returncode == 0, told.stderr
        assert told.stdout.startswith(f"generation {number} serves after ")
        assert {server.get() for _ in range(10)} == {(200, "x" * number)}
    ready = {w["pid"] for w in server.status()["workers"] if w["state"] == "ready"}
    assert len(ready) == 2
    assert before.isdisjoint(ready)


@pytest.mark.live
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def index(:\n", "SyntaxError"),
        ("import nowhere_to_be_found\n", "No module named 'nowhere_to_be_found'"),
        ("raise RuntimeError('two\\nlines')\n", "RuntimeError: two"),
        ("app = None\n", "None"),
        ("import os; os._exit(7)\n", "exit code 7"),
        ("import os; os.kill(os.getpid(), 9)\n", "SIGKILL"),
        ("def app():\n    raise ValueError('not made')\n", "ValueError: not made"),
    ],
)
def test_reload_onto_broken_code_says_why_and_the_old_code_serves_on(server, code, reason):
    before = server.workers()
    save(server.folder / "hello.py", code)
    told = server.tell("reload")
    assert told.returncode == 1
    assert reason in told.stderr
    assert "the old code serves on" in told.stderr
    assert told.stderr.count("\n") == 1
    assert server.get() == (200, "one")
    wait_until(lambda: server.workers() == before, "the end of the new workers")
    assert server.status()["generation"] == 1


@pytest.mark.live
@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.sleep(1000)\n",
        "import time\ndef app():\n    time.sleep(1000)\n",
        HELLO + "\nfrom carboy import hooks\nimport time\n"
        "@hooks.generation_started.connect\ndef wait(_): time.sleep(1000)\n",
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass\n",
    ],
    ids=["import", "factory", "hook", "deaf"],
)
def test_reload_onto_code_that_hangs_ends_at_the_deadline(folder, code):
    with serving(*PRODUCTION, "--start-timeout", "3", folder=folder) as server:
        before = server.workers()
        save(folder / "hello.py", code)
        told = server.tell("reload")
        assert told.returncode == 1
        assert "was not ready after" in told.stderr
        assert "--start-timeout" in told.stderr
        server.wait_for("the old code serves on")
        assert server.get() == (200, "one")
        wait_until(lambda: server.workers() == before, "the end of the new workers")
        save(folder / "hello.py", HELLO.replace('"one"', '"mended"'))
        # On a busy machine the deadline may be too short for anything.
        wait_until(lambda: server.tell("reload").returncode == 0, "the mended code")
        assert server.get() == (200, "mended")


@pytest.mark.live
def test_two_reloads_at_once_end_with_the_same_generation(folder):
    (folder / "hello.py").write_text("import time\ntime.sleep(0.3)\n" + HELLO)
    with serving(*PRODUCTION, folder=folder) as server:
        told = []
        threads = [
            threading.Thread(target=lambda: told.append(server.tell("reload"))) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [result.returncode for result in told] == [0, 0]


@pytest.mark.live
def test_reload_in_development_tells_what_the_browser_shows(folder):
    with serving("--app", "hello:app", folder=folder) as server:
        assert server.tell("reload").returncode == 0
        save(folder / "hello.py", "import nowhere_to_be_found\n")
        server.wait_for("showing the error")
        told = server.tell("reload")
        assert told.returncode == 1
        assert "nowhere_to_be_found" in told.stderr
        assert told.stderr.count("\n") == 1


@pytest.mark.live
def test_status(server):
    for _ in range(10):
        assert server.get() == (200, "one")
    status = server.status()
    assert status["state"] == "serving"
    assert status["generation"] == 1
    assert status["pid"] == server.process.pid
    assert status["addresses"] == [f"http://127.0.0.1:{server.port}/"]
    assert status["uptime"] > 0
    assert sorted(w["pid"] for w in status["workers"]) == server.workers()
    assert {worker["state"] for worker in status["workers"]} == {"ready"}
    assert all(worker["memory"] > 10**7 for worker in status["workers"])
    assert status["requests"] == 10
    assert status["queue"] == 0

    table = server.tell("status").stdout.splitlines()
    assert table[0].startswith(f"serving, generation 1, pid {server.process.pid}, up ")
    assert table[2].split()[:4] == ["pid", "generation", "state", "up"]
    assert len(table) == 6


@pytest.mark.live
def test_status_does_not_wait_for_a_worker_that_does_not_answer(server):
    first = server.workers()[0]
    os.kill(first, 19)  # SIGSTOP
    try:
        began = time.monotonic()
        assert len(server.status()["workers"]) == 2
        assert time.monotonic() - began < 4
        wait_until(lambda: server.get() == (200, "one"), "the other worker")
    finally:
        os.kill(first, 18)  # SIGCONT


def sockets(pid):
    """Return the open sockets of a process, each by its number in the kernel."""
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(str(path.readlink()))
    return {name for name in found if name.startswith("socket:")}


@pytest.mark.live
def test_stop_ends_when_the_server_has_ended(folder):
    (folder / "hello.py").write_text(
        HELLO + "\n@app.route('/slow')\ndef slow():\n    import pathlib, time\n"
        "    pathlib.Path('begun').touch()\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.01)\n    return 'finished'\n"
    )
    with serving(*PRODUCTION, "--grace", "20", folder=folder) as server:
        got, told = [], []
        asking = threading.Thread(target=lambda: got.append(server.get("/slow")))
        asking.start()
        wait_until((folder / "begun").exists, "the slow request")
        stopping = threading.Thread(target=lambda: told.append(server.tell("stop")))
        stopping.start()
        server.wait_for("serve stop: finishing the requests")
        assert server.status()["state"] == "stopping"
        refused = server.tell("reload")
        assert (refused.returncode, refused.stderr) == (1, "serve: the server is stopping\n")
        before = sockets(server.process.pid)
        again = threading.Thread(target=lambda: told.append(server.tell("stop")))
        again.start()
        wait_until(lambda: sockets(server.process.pid) - before, "the second one's connection")
        assert told == []
        (folder / "go").touch()
        for thread in (asking, stopping, again):
            thread.join()
        assert got == [(200, "finished")]
        assert [result.returncode for result in told] == [0, 0]
        assert told[0].stdout == f"server {server.process.pid} has ended\n"
        assert server.wait() == 0
        assert not (folder / "var" / "serve.sock").exists()


@pytest.mark.live
def test_a_reload_under_way_is_told_that_the_server_stops(folder):
    with serving(*PRODUCTION, folder=folder) as server:
        save(folder / "hello.py", "import pathlib, time\npathlib.Path('begun').touch()\n" + HELLO)
        save(folder / "hello.py", (folder / "hello.py").read_text() + "\ntime.sleep(1000)\n")
        told = []
        thread = threading.Thread(target=lambda: told.append(server.tell("reload")))
        thread.start()
        wait_until((folder / "begun").exists, "the new generation")
        assert server.tell("stop").returncode == 0
        thread.join()
        assert told[0].returncode == 1
        assert told[0].stderr in (
            "serve: the server is stopping\n",
            "serve: the server ended before it answered\n",
        )


@pytest.mark.live
@pytest.mark.parametrize("command", ["reload", "status", "stop"])
def test_without_a_server_each_command_is_one_line(folder, command):
    with Serve(command, folder=folder, bind=None) as told:
        assert told.wait() == 1
        assert told.output == (
            f"serve: no server is running: nobody answers at {folder}/var/serve.sock\n"
        )


@pytest.mark.live
def test_the_commands_need_no_secrets(folder):
    (folder / "carboy.toml").write_text("")
    environ = {"CARBOY_SECRET_KEY": "please-change-me"}
    with Serve("status", "--env", "production", folder=folder, bind=None, environ=environ) as told:
        assert told.wait() == 1
        assert "no server is running" in told.output


@pytest.mark.live
def test_a_second_server_goes_on_without(server):
    with serving(*PRODUCTION, folder=server.folder) as second:
        second.wait_for(r"no control socket: another server has .*; choose another with --control")
        assert second.get() == (200, "one")
        assert second.status()["pid"] == server.process.pid
    assert server.tell("status").returncode == 0  # the second one has not taken the socket along


@pytest.mark.live
def test_the_socket_of_a_killed_server_does_not_disturb_the_next(folder):
    with serving(*PRODUCTION, folder=folder) as server:
        server.process.kill()
        server.process.wait()
        assert (folder / "var" / "serve.sock").exists()
        told = server.tell("status")
        assert (told.returncode, "no server is running" in told.stderr) == (1, True)
    with serving(*PRODUCTION, folder=folder) as server:
        assert server.status()["pid"] == server.process.pid


@pytest.mark.live
def test_clients_that_say_nothing_do_not_disturb(server):
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(server.folder / "var" / "serve.sock"))
            client.sendall(b'{"comm')
        assert server.status()["state"] == "serving"
        assert server.tell("reload").returncode == 0


@pytest.mark.live
def test_a_path_of_one_s_own(folder):
    with serving(*PRODUCTION, "--control", "mine", folder=folder) as server:
        assert (folder / "mine").is_socket()
        assert server.tell("status", "--control", "mine").returncode == 0
    assert not (folder / "mine").exists()
