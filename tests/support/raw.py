"""Speak HTTP byte by byte, since no client library sends what a hostile client sends."""

import contextlib
import json
import shutil
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from support.live import DEADLINE, serving, wait_until

PROBE = Path(__file__).with_name("probe.py")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes
    version: str = "1.1"

    @property
    def told(self):
        """What the probe's `echo` was told."""
        return json.loads(self.body)


class Raw:
    """One connection; a context manager."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self._file = sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self.sock.close()

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def answer(self, method="GET"):
        """Read one answer, whole."""
        version, status, _ = self._file.readline().decode().split(" ", 2)
        headers = {}
        while line := self._file.readline().rstrip(b"\r\n"):
            name, value = line.decode("latin-1").split(": ", 1)
            assert name not in headers, f"{name} twice"
            headers[name] = value
        body = self._body(method, int(status), headers)
        return Answer(int(status), headers, body, version.removeprefix("HTTP/"))

    def ask(self, text, method="GET"):
        self.send(text)
        return self.answer(method)

    def _body(self, method, status, headers):
        if method == "HEAD" or status < 200 or status in (204, 304):
            return b""
        if "Content-Length" in headers:
            return self._file.read(int(headers["Content-Length"]))
        if headers.get("Transfer-Encoding") == "chunked":
            return b"".join(self._chunks())
        return self._file.read()

    def _chunks(self):
        while size := int(self._file.readline().rstrip() or b"-1", 16):
            assert size > 0, "cut short"
            yield self._file.read(size)
            assert self._file.read(2) == b"\r\n"
        assert self._file.readline() == b"\r\n"

    def rest(self):
        """Read until the server closes."""
        with contextlib.suppress(ConnectionResetError):
            return self._file.read()
        return b""

    def is_open(self):
        """Ask whether another request is answered on this connection."""
        with contextlib.suppress(OSError, ValueError):
            return self.ask(get("/echo")).status == 200
        return False

    def reset(self):
        """Leave without a farewell."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._file.close()
        self.sock.close()


def get(path="/echo", *lines, version="1.1", method="GET"):
    head = [f"{method} {path} HTTP/{version}", "Host: example.org", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1")


def post(body, *lines, path="/echo"):
    return get(path, f"Content-Length: {len(body)}", *lines, method="POST") + body


def chunked(data, *lines, path="/echo"):
    return get(path, "Transfer-Encoding: chunked", *lines, method="POST") + data


class Probe:
    """A live server with the probe."""

    def __init__(self, server):
        self.server, self.port = server, server.port

    def connect(self, **options):
        sock = socket.socket()
        for name, value in options.items():
            sock.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        sock.connect(("127.0.0.1", self.port))
        return Raw(sock)

    def ask(self, text, method="GET"):
        with self.connect() as client:
            return client.ask(text, method)

    def notes(self):
        path = self.server.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_note(self, note):
        wait_until(lambda: note in self.notes(), f"the note {note!r}")

    def forget_notes(self):
        (self.server.folder / "notes").write_text("")


@contextlib.contextmanager
def probing(folder, *arguments):
    """Serve the probe with one worker."""
    shutil.copy(PROBE, folder)
    given = ("--app", "probe:app", "--env", "production", "--workers", "1")
    with serving(*given, "--access-log", "off", *arguments, folder=folder) as server:
        yield Probe(server)
