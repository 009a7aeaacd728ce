import os
import re
import signal
import socket
import time

import pytest

from carboy.notify import Notifier
from support.live import HELLO, save, serving, wait_until

PRODUCTION = ("--app", "hello:app", "--env", "production", "--workers", "2")


class Manager:
    """The service manager's end: a datagram socket, and all that has arrived on it."""

    def __init__(self, sock):
        self.socket = sock
        sock.settimeout(0.02)
        self.told = []

    def look(self):
        try:
            while True:
                data, _ = self.socket.recvfrom(4096)
                self.told.append(dict(line.split("=", 1) for line in data.decode().split("\n")))
        except TimeoutError:
            return self.told

    def wait_for(self, **fields):
        """Wait for a message with these fields; forget what came before it."""

        def find():
            for number, message in enumerate(self.look()):
                if fields.items() <= message.items():
                    del self.told[: number + 1]
                    return message
            return None

        return wait_until(find, str(fields))


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path):
    name = f"@carboy-{os.getpid()}-{time.monotonic_ns()}"
    return name if request.param == "abstract" else str(tmp_path / "notify")


@pytest.fixture
def manager(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address.replace("@", "\0"))
        yield Manager(sock)


def test_what_is_told(manager, address):
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000", "HOME": "/"}
    notifier = Notifier.take(environ)
    assert environ == {"HOME": "/"}
    assert notifier.watchdog == 1.5
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    notifier.ready("two\nlines " + "x" * 1000)
    notifier.status("busy")
    notifier.alive()
    notifier.stopping("the end")
    reloading, ready, *rest = manager.look()
    assert reloading.keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert ready["READY"] == "1"
    assert re.fullmatch(r"two lines x+", ready["STATUS"])
    assert len(ready["STATUS"]) == 500
    assert rest == [
        {"STATUS": "busy"},
        {"WATCHDOG": "1"},
        {"STOPPING": "1", "STATUS": "the end"},
    ]


@pytest.mark.parametrize(
    ("environ", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "2000000"}, None),
        ({"NOTIFY_SOCKET": "/n"}, None),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2000000"}, 1.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "me"}, 1.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "often"}, None),
    ],
)
def test_the_watchdog_is_for_whom_it_is_meant(environ, watchdog):
    if environ.get("WATCHDOG_PID") == "me":
        environ = environ | {"WATCHDOG_PID": str(os.getpid())}
    assert Notifier.take(dict(environ)).watchdog == watchdog


def test_nobody_who_listens_is_no_error(tmp_path):
    Notifier().ready("x")
    Notifier(str(tmp_path / "nowhere")).ready("x")


def test_a_manager_that_does_not_read_is_not_waited_for(manager, address):
    notifier = Notifier(address)
    for _ in range(2000):
        notifier.status("x" * 500)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "hello.py").write_text(HELLO)
    return folder


@pytest.mark.live
def test_the_life_of_a_server(manager, address, folder):
    with serving(*PRODUCTION, folder=folder, environ={"NOTIFY_SOCKET": address}) as server:
        assert manager.wait_for(READY="1")["STATUS"] == "generation 1 serves"
        sent = time.monotonic_ns() // 1000
        server.process.send_signal(signal.SIGHUP)
        assert int(manager.wait_for(RELOADING="1")["MONOTONIC_USEC"]) >= sent
        assert manager.wait_for(READY="1")["STATUS"] == "generation 2 serves"
        save(folder / "hello.py", "import nowhere_to_be_found\n")
        assert server.tell("reload").returncode == 1
        manager.wait_for(RELOADING="1")
        failed = manager.wait_for(READY="1")["STATUS"]
        assert "the old code serves on" in failed
        assert "nowhere_to_be_found" in failed
        server.process.send_signal(signal.SIGTERM)
        assert manager.wait_for(STOPPING="1")["STATUS"] == "finishing the requests under way"


@pytest.mark.live
def test_workers_do_not_find_the_variables(manager, address, folder):
    (folder / "hello.py").write_text(
        HELLO + "\nimport os\n@app.route('/environ')\ndef environ():\n"
        "    return ' '.join(n for n in os.environ if n.startswith(('NOTIFY', 'WATCH', 'LISTEN')))"
    )
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000", "LISTEN_PID": "1"}
    with serving(*PRODUCTION, folder=folder, environ=environ) as server:
        assert server.get("/environ") == (200, "")


@pytest.mark.live
def test_the_watchdog_is_fed_while_a_worker_is_well(manager, address, folder):
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with serving(*PRODUCTION, folder=folder, environ=environ) as server:
        for _ in range(5):
            manager.wait_for(WATCHDOG="1")
        os.kill(server.workers()[0], signal.SIGKILL)
        for _ in range(5):
            manager.wait_for(WATCHDOG="1")


@pytest.mark.live
@pytest.mark.parametrize("address", ["path"], indirect=True)
def test_the_watchdog_is_not_fed_when_no_worker_is_well(manager, address, folder):
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
    with serving(*PRODUCTION, folder=folder, environ=environ) as server:
        manager.wait_for(WATCHDOG="1")
        workers = server.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:

            def starves():
                manager.look()
                manager.told.clear()
                end = time.monotonic() + 1.0
                while time.monotonic() < end:
                    if manager.look():
                        return False
                return True

            wait_until(starves, "a hungry watchdog")
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        manager.wait_for(WATCHDOG="1")
