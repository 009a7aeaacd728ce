"""Production: starts whole or not at all, replaces what dies, stops without losing an answer."""

import contextlib
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from support.live import HELLO, PRODUCTION, SLOW, Serve, fetch, save, serving, wait_until
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


def ask_slowly(server):
    """Begin a slow request; return its thread and the list that will hold the answer."""
    got = []

    def ask():
        try:
            got.append(server.get("/slow"))
        except OSError as error:
            got.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until((server.folder / "begun").exists, "the slow request")
    return thread, got


def test_neither_debug_nor_reload(server):
    assert "neither debug nor reload" in server.output
    save(server.folder / "hello.py", SLOW.replace('"one"', '"two"'))
    (server.folder / "hello.py").touch()
    assert server.get() == (200, "one")


def test_requests_under_way_are_finished_on_sigterm(server):
    thread, got = ask_slowly(server)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("finishing the requests")
    (server.folder / "go").touch()
    thread.join()
    assert got == [(200, "finished")]
    assert server.wait() == 0


def test_sigint_to_the_whole_group_is_as_gentle(server):
    thread, got = ask_slowly(server)
    for pid in (*server.workers(), server.process.pid):
        os.kill(pid, signal.SIGINT)
    server.wait_for("finishing the requests")
    (server.folder / "go").touch()
    thread.join()
    assert got == [(200, "finished")]
    assert server.wait() == 0


def test_grace_bounds_the_stop(folder):
    with serving(*PRODUCTION, "--workers", "1", "--grace", "0.2", folder=folder) as server:
        thread, got = ask_slowly(server)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert time.monotonic() - began < 4
        thread.join()
        assert got[0] != (200, "finished")


def test_a_second_signal_stops_at_once(server):
    thread, got = ask_slowly(server)
    server.process.send_signal(signal.SIGTERM)
    server.wait_for("finishing the requests")
    server.process.send_signal(signal.SIGTERM)
    assert server.wait(3) == 1
    thread.join()
    assert got[0] != (200, "finished")


def test_keep_alive_connections_are_told_to_close(server):
    with contextlib.closing(server.connect()) as kept, contextlib.closing(server.connect()) as idle:
        assert fetch(idle) == (200, "one")
        kept.request("GET", "/slow")
        wait_until((server.folder / "begun").exists, "the slow request")
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("finishing the requests")
        assert idle.sock.recv(1) == b""
        (server.folder / "go").touch()
        response = kept.getresponse()
        assert response.getheader("Connection") == "close"
        assert response.read() == b"finished"
    assert server.wait() == 0


def test_a_large_answer_to_a_slow_reader_is_whole(tmp_path):
    (tmp_path / "hello.py").write_text(
        "from flask import Flask\napp = Flask(__name__)\n"
        "app.route('/')(lambda: b'x' * 10_000_000)\n"
    )
    with serving(*PRODUCTION, "--workers", "1", folder=tmp_path) as server:
        connection = server.connect()
        connection.request("GET", "/")
        response = connection.getresponse()
        size = len(response.read(1000))
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("finishing the requests")
        while part := response.read(500_000):
            size += len(part)
            time.sleep(0.005)
        assert size == 10_000_000
        connection.close()
        assert server.wait() == 0


def test_a_worker_that_dies_is_replaced(server):
    before = wait_until(lambda: len(server.workers()) == 2 and server.workers(), "two workers")
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: before[0] not in server.workers(), "the death")
    wait_until(lambda: len(server.workers()) == 2, "the replacement")
    server.wait_for(r"ended by SIGKILL: starting another")
    server.wait_for(r"worker \d+ is ready")
    assert server.get() == (200, "one")


def test_no_worker_survives_its_master(server):
    workers = server.workers()
    assert len(workers) == 2
    server.process.kill()
    server.process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "their end")
    bind = f"127.0.0.1:{server.port}"
    again = server.folder / "again"
    again.mkdir()
    (again / "hello.py").write_text(SLOW)
    with Serve(*PRODUCTION, "--workers", "1", folder=again, bind=bind) as second:
        second.ready()
        assert second.get() == (200, "one")


def test_no_worker_that_is_starting_survives_its_master(tmp_path):
    (tmp_path / "hello.py").write_text(
        "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(1000)\n"
    )
    with Serve(*PRODUCTION, "--workers", "1", folder=tmp_path) as server:
        wait_until((tmp_path / "begun").exists, "the import")
        workers = server.workers()
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "its end")


def test_hangup_replaces_the_code_without_losing_a_request(server):
    with Load(server, clients=4) as load:
        for number in range(5):
            save(server.folder / "hello.py", SLOW.replace('"one"', f'"{number:09}"'))
            # Bytecode is stale only if size or whole second differ: here the second may not.
            os.utime(server.folder / "hello.py", (number, number))
            server.process.send_signal(signal.SIGHUP)
            load.wait_for_answer(f"{number:09}")
    assert load.is_whole, load.lost


def test_hangup_onto_broken_code_leaves_the_old_code_serving(server):
    before = server.workers()
    save(server.folder / "hello.py", "import nowhere_to_be_found\n")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("the old code serves on")
    wait_until(lambda: server.workers() == before, "the end of the new workers")
    assert server.get() == (200, "one")
    save(server.folder / "hello.py", SLOW.replace('"one"', '"mended"'))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.get() == (200, "mended"), "the mended code")


def refused(folder, *arguments, code="", bind="127.0.0.1:0", environ=None, exit_code=1):
    """Start a server that must refuse in one line; return the line."""
    (folder / "hello.py").write_text(code or HELLO)
    with Serve(*arguments, folder=folder, bind=bind, environ=environ) as server:
        assert server.wait() == exit_code
        line = server.output
    assert "Traceback" not in line
    return line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--app", "hello:nothing"), "no 'nothing'"),
        (("--app", "hello:appp"), "did you mean app?"),
        (("--app", "elsewhere:app"), "no module 'elsewhere'"),
        (("--app", "hello:make"), "returned None"),
        (("--app", "hello:number"), "int object cannot be called"),
    ],
)
def test_an_application_that_is_none_is_one_line(tmp_path, arguments, said):
    code = HELLO + "\ndef make(): pass\nnumber = 3\n"
    line = refused(tmp_path, "--env", "production", *arguments, code=code, exit_code=3)
    assert said in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--app", 'hello:make("x")'), "--set KEY=VALUE"),
        (("--app", "hello.py"), "hello:app"),
        ((), "--app MODULE:NAME"),
        (("--app", "hello:app", "--chdir", "/nowhere/at/all"), "/nowhere/at/all"),
    ],
)
def test_what_the_master_can_see_ends_the_start_before_it(tmp_path, arguments, said):
    line = refused(tmp_path, "--env", "production", *arguments)
    assert line.count("\n") == 1
    assert said in line


def test_an_unknown_option_is_one_line(tmp_path):
    line = refused(tmp_path, "--wrokers", "2", exit_code=2)
    assert line.count("\n") == 1
    assert "did you mean --workers" in line


def test_the_debugger_is_refused_beyond_loopback(tmp_path):
    line = refused(tmp_path, "--app", "hello:app", "--debug", bind="0.0.0.0:0")
    assert line.count("\n") == 1
    assert "debug" in line


def test_a_weak_secret_key_is_refused(tmp_path):
    line = refused(tmp_path, *PRODUCTION, environ={"CARBOY_SECRET_KEY": "dev"})
    assert line.count("\n") == 1
    assert "SECRET_KEY" in line


def test_a_start_that_keeps_failing_is_given_up(tmp_path):
    (tmp_path / "hello.py").write_text("raise RuntimeError('the database is away')\n")
    with Serve(*PRODUCTION, "--workers", "1", folder=tmp_path) as server:
        assert server.wait() == 3
        assert "the database is away" in server.output
        assert "giving up" in server.output


def test_serving_on_a_unix_socket_and_a_port_at_once(folder):
    path = folder / "s"
    options = ("--bind", f"unix:{path}", "--workers", "1")
    with serving(*PRODUCTION, *options, folder=folder) as server:
        assert server.get() == (200, "one")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while part := client.recv(4096):
                answer += part
        assert answer.endswith(b"one")
        server.end()
        assert not path.exists()


def test_an_inherited_descriptor(folder):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        number = sock.fileno()
        with Serve(*PRODUCTION, folder=folder, bind=f"fd://{number}", pass_fds=[number]) as server:
            server.ready()
            assert server.port == sock.getsockname()[1]
            assert server.get() == (200, "one")
            server.end()
            assert server.process.returncode == 0


def test_hooks_run_once_a_worker_and_once_a_generation(tmp_path):
    (tmp_path / "hello.py").write_text(
        "import os\nfrom carboy import hooks\n" + HELLO + "\n"
        "def note(name):\n"
        "    def receive(sender, **_):\n"
        "        assert sender is app\n"
        "        with open('notes', 'a') as file: file.write(f'{name} {os.getpid()}\\n')\n"
        "    return receive\n"
        "for name in ('generation_started', 'worker_started', 'worker_stopping'):\n"
        "    getattr(hooks, name).connect(note(name), sender=app, weak=False)\n"
    )
    with serving(*PRODUCTION, "--workers", "3", folder=tmp_path) as server:
        assert server.get() == (200, "one")
        server.end()
    notes = [line.split() for line in (tmp_path / "notes").read_text().splitlines()]
    names = [name for name, _pid in notes]
    assert names[0] == "generation_started"
    assert names.count("generation_started") == 1
    assert names.count("worker_started") == names.count("worker_stopping") == 3
    assert len({pid for _name, pid in notes}) == 3
