import contextlib
import json
import os
import socket
import threading

import pytest

from carboy import remote
from carboy.remote import RemoteError, ask


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s"


@contextlib.contextmanager
def answering(path, answer):
    """A server that sends the same to everyone, whatever was asked."""
    asked = []
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()

        def serve():
            client, _ = sock.accept()
            with client:
                asked.append(client.recv(1000))
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join()


def test_an_answer(path):
    with answering(path, b'{"ok": true, "pid": 1}\n') as asked:
        assert ask(path, "status") == {"ok": True, "pid": 1}
    assert json.loads(asked[0]) == {"command": "status"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"ok": false, "error": "not now"}\n', "^not now$"),
        (b"", "ended before it answered"),
        (b'{"ok": true', "ended before it answered"),
    ],
)
def test_no_answer(path, answer, said):
    with answering(path, answer), pytest.raises(RemoteError, match=said):
        ask(path, "reload")


def test_a_server_that_does_not_answer(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        with pytest.raises(RemoteError, match=r"within 0\.05 s"):
            ask(path, "status", patience=0.05)


def test_no_server(path):
    with pytest.raises(RemoteError, match=f"no server is running: nobody answers at {path}"):
        ask(path, "status")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_server_of_somebody_else(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        path.chmod(0)
        with pytest.raises(RemoteError, match=r"cannot reach the server at .*Permission denied"):
            ask(path, "status")


@pytest.mark.parametrize("has_descriptors", [True, False])
def test_stop_waits_for_the_end_of_the_connection(path, monkeypatch, has_descriptors):
    # This very process is the server, and does not end.
    monkeypatch.setattr(remote.select, "select", lambda *_: None)
    if not has_descriptors:
        monkeypatch.delattr(os, "pidfd_open")
    with answering(path, b'{"ok": true, "pid": 7}\n'):
        assert remote.stop(path) == 7
