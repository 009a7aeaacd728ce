import contextlib
import os
import socket
import sys

import pytest

from carboy import activation
from support.live import HELLO, Serve

PRODUCTION = ("--app", "hello:app", "--env", "production", "--workers", "2")


@pytest.mark.parametrize(
    ("environ", "texts"),
    [
        ({}, []),
        ({"LISTEN_FDS": "2"}, []),
        ({"LISTEN_FDS": "2", "LISTEN_PID": "1"}, []),
        ({"LISTEN_FDS": "many", "LISTEN_PID": "me"}, []),
        ({"LISTEN_FDS": "0", "LISTEN_PID": "me"}, []),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "me"}, ["the socket 3 of systemd"]),
        (
            {"LISTEN_FDS": "2", "LISTEN_PID": "me", "LISTEN_FDNAMES": "web"},
            ["the socket web of systemd", "the socket 4 of systemd"],
        ),
    ],
)
def test_what_is_meant_for_this_process_is_taken(environ, texts, monkeypatch):
    monkeypatch.setattr(os, "set_inheritable", lambda *_: None)
    environ = {k: str(os.getpid()) if v == "me" else v for k, v in environ.items()}
    binds = activation.take(environ)
    assert environ == {}
    assert [bind.text for bind in binds] == texts
    assert [bind.fd for bind in binds] == list(range(3, 3 + len(texts)))


# As systemd starts a service: sockets from descriptor 3 on, and the id of the very process.
LAUNCHER = """\
import os, sys
numbers = [os.dup(int(number)) for number in sys.argv[1].split(",")]
spare = max(numbers) + 1
for number in numbers:
    os.dup2(number, spare := spare + 1)
for target, number in enumerate(numbers, 3):
    os.dup2(spare - len(numbers) + target - 2, target)
os.environ |= {"LISTEN_FDS": str(len(numbers)), "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "carboy", *sys.argv[2:]])
"""


@contextlib.contextmanager
def activated(*sockets, folder, arguments=(), bind=None):
    numbers = [sock.fileno() for sock in sockets]
    command = [sys.executable, "-c", LAUNCHER, ",".join(map(str, numbers))]
    environ = {"LISTEN_FDNAMES": "web"}
    with Serve(
        *(*PRODUCTION, *arguments),
        folder=folder,
        bind=bind,
        command=command,
        environ=environ,
        pass_fds=numbers,
    ) as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


@pytest.fixture
def sock():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.mark.live
def test_sockets_of_systemd_are_served(folder, sock):
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))
        unix.listen()
        with activated(sock, unix, folder=folder) as server:
            server.ready()
            assert server.port == sock.getsockname()[1]
            assert server.get() == (200, "one")
            assert server.output.count("serving ") == 1
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert client.recv(1000).startswith(b"HTTP/1.0 200")
            server.end()
            assert server.process.returncode == 0
        assert path.exists()  # systemd's, and still listening


@pytest.mark.live
def test_a_request_waits_in_the_socket_for_the_server(folder, sock):
    with socket.create_connection(sock.getsockname()) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client.settimeout(30)
        with activated(sock, folder=folder):
            assert client.recv(1000).startswith(b"HTTP/1.0 200")


@pytest.mark.live
def test_an_address_that_was_given_wins_and_says_so(folder, sock):
    with activated(sock, folder=folder, bind="127.0.0.1:0") as server:
        server.ready()
        assert server.port != sock.getsockname()[1]
        assert "sockets of systemd are not served" in server.output


@pytest.mark.live
def test_sockets_can_be_named_by_their_number(folder, sock):
    with activated(sock, folder=folder, bind="fd://3") as server:
        server.ready()
        assert server.port == sock.getsockname()[1]
        assert "not served" not in server.output


@pytest.mark.live
def test_the_debugger_is_not_served_to_other_machines(folder):
    with socket.create_server(("0.0.0.0", 0)) as sock:
        arguments = ("--env", "development")
        with activated(sock, folder=folder, arguments=arguments) as server:
            assert server.wait() == 1
            assert server.output.count("\n") == 1
            assert "other machines can reach" in server.output


@pytest.mark.live
def test_a_socket_that_is_no_stream_is_one_line(folder):
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        activated(sock, folder=folder) as server,
    ):
        assert server.wait() == 1
        assert server.output == (
            "serve: cannot bind to the socket web of systemd: descriptor 3 is no stream socket\n"
        )
