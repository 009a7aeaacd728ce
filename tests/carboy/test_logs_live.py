"""What a real server writes down, for whom, and that nothing of it gets lost."""

import contextlib
import json
import re
import signal
import socket
import threading

import pytest

from support.live import DEADLINE, fetch, serving, wait_until

pytestmark = pytest.mark.live

APPLICATION = """\
import threading
from pathlib import Path
from flask import Flask, Response, request, send_file

app = Flask(__name__)

@app.route("/")
def index():
    return "Hello, world!"

@app.route("/stream")
def stream():
    return Response(iter(["abc", "defg"]))

@app.route("/file")
def file():
    return send_file(__file__, mimetype="text/plain")

@app.route("/boom")
def boom():
    raise RuntimeError("spilt")

@app.route("/log")
def log():
    app.logger.warning("noted")
    return request.headers["X-Request-ID"] + " " + request.environ["carboy.request_id"]

@app.route("/hang")
def hang():
    Path("hangs").touch()
    threading.Event().wait()
"""
COMBINED = re.compile(
    r"(?P<client>[^ ]+) - - \[[^]]+\] "
    r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)" (?P<id>[0-9a-f]{32}) \d+\.\d{6} (?P<worker>\d+)'
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(APPLICATION)
    return tmp_path


def production(folder, *options, log="access.log", layout="json"):
    return serving(
        "--app", "hello:app", "--env", "production", "--workers", "2",
        "--access-log", log, "--log-format", layout, *options, folder=folder,
    )  # fmt: skip


def entries(folder):
    path = folder / "access.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def entry(folder, **wanted):
    """Wait for the line that has these values."""

    def look():
        return [e for e in entries(folder) if wanted == {name: e[name] for name in wanted}]

    (found,) = wait_until(look, f"a line with {wanted}")
    return found


def send(server, data):
    """Send bytes on a connection of their own; return all that comes back."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(data)
        received = b""
        while part := client.recv(65536):
            received += part
    return received


def request(path="/", *, method="GET", more=""):
    lines = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}Connection: close\r\n\r\n"
    return lines.encode("latin-1")


@pytest.mark.parametrize(
    ("target", "status", "size"),
    [
        ("/", 200, 13),
        ("/stream", 200, 7),
        ("/file", 200, len(APPLICATION)),
        ("/missing?x=1", 404, None),
        ("/boom", 500, None),
    ],
)
def test_every_answer_has_its_line(folder, target, status, size):
    with production(folder) as server:
        more = "User-Agent: me\r\nReferer: http://r/\r\n"
        head, _, body = send(server, request(target, more=more)).partition(b"\r\n\r\n")
        found = entry(folder, request=f"GET {target} HTTP/1.1")
        assert found["status"] == status
        assert found["bytes"] == (len(body) if size is None else size)
        assert (found["agent"], found["referer"]) == ("me", "http://r/")
        assert f"X-Request-Id: {found['id']}".encode() in head
        assert found["worker"] in server.workers()
        assert found["client"] == "127.0.0.1"
        assert found["seconds"] < 10


def test_head_has_no_bytes(folder):
    with production(folder) as server:
        send(server, request(method="HEAD"))
        assert entry(folder, method="HEAD")["bytes"] == 0


def test_each_request_of_a_connection_has_a_line(folder):
    with production(folder) as server:
        with contextlib.closing(server.connect()) as connection:
            for _ in range(5):
                fetch(connection)
        wait_until(lambda: len(entries(folder)) == 5, "five lines")
        assert len({found["id"] for found in entries(folder)}) == 5


@pytest.mark.parametrize(
    ("data", "status", "line"),
    [
        (b"\x16\x03\x01 garbage\r\n\r\n", 400, "\x16\x03\x01 garbage"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "GET / HTTP/1.1"),
        (b"GET /long HTTP/1.1\r\nX: " + b"x" * 70000 + b"\r\n\r\n", 431, None),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: odd\r\n\r\n", 501, "GET / HTTP/1.1"),
    ],
)
def test_what_is_refused_has_a_line_and_a_reason(folder, data, status, line):
    with production(folder) as server:
        send(server, data)
        found = entry(folder, status=status)
        assert found["refused"]
        if line:
            assert found["request"] == line


def test_a_request_that_comes_too_slowly(folder):
    with (
        production(folder, "--header-timeout", "0.2") as server,
        socket.create_connection(("127.0.0.1", server.port)) as client,
    ):
        client.sendall(b"GET /half HTTP/1.1\r\nHo")
        found = entry(folder, status=408)
        assert (found["request"], found["refused"]) == ("GET /half HTTP/1.1", "header_timeout")


@pytest.mark.parametrize("layout", ["combined", "json", "short"])
def test_nobody_forges_a_line(folder, layout):
    forged = '\x1b[2J" 200 1 "-" "-" x 0.1 1\\'
    with production(folder, layout=layout) as server:
        # As much as gets through the parser, and what does not.
        for header in ("Referer", "User-Agent"):
            send(server, request(more=f'{header}: " 200 5 "-" "-" \\x \xff\r\n'))
            send(server, request(more=f"{header}: {forged}\r\n"))
        send(server, request(f"/{forged.replace(' ', '')}"))
        send(server, request("/%0a%1b[2J%22"))
        path = folder / "access.log"
        wait_until(lambda: path.exists() and path.read_bytes().count(b"\n") == 6, "six lines")
    for line in path.read_text("ascii").splitlines():
        assert line.isprintable()
        if layout == "combined":
            assert COMBINED.fullmatch(line)
        elif layout == "json":
            assert set(json.loads(line)) >= {"request", "status", "id"}


def test_the_id_is_in_the_answer_the_environment_and_the_applications_log(folder):
    with production(folder) as server:
        head, _, body = send(server, request("/log", more="X-Request-ID: mine\r\n")).partition(
            b"\r\n\r\n"
        )
        name = entry(folder, path="/log")["id"]
        assert body.decode() == f"{name} {name}"
        assert f"X-Request-Id: {name}".encode() in head
        message = server.wait_for(r'\{"time".*"message": "noted".*\}')[0]
        assert json.loads(message)["id"] == name


def test_the_id_of_a_trusted_proxy_is_kept(folder):
    with production(folder, "--trusted-proxy", "127.0.0.1") as server:
        more = "X-Request-ID: edge-7\r\nX-Forwarded-For: 192.0.2.7\r\n"
        assert b"X-Request-Id: edge-7" in send(server, request(more=more))
        assert entry(folder, id="edge-7")["client"] == "192.0.2.7"


def test_an_error_in_a_view_is_logged_with_the_id(folder):
    with production(folder, layout="combined") as server:
        head, _, _ = send(server, request("/boom")).partition(b"\r\n\r\n")
        name = re.search(rb"X-Request-Id: (\w+)", head)[1].decode()
        server.wait_for(rf"ERROR hello \[{name}\] Exception on /boom")
        assert server.output.count("RuntimeError: spilt") == 1


def test_stopping_writes_everything(folder):
    with production(folder) as server:
        with contextlib.closing(server.connect()) as connection:
            for _ in range(500):
                fetch(connection)
        server.process.send_signal(signal.SIGTERM)
        server.wait()
    assert len(entries(folder)) == 500


def test_what_the_end_cuts_off_is_written(folder):
    with (
        production(folder, "--grace", "0.2") as server,
        socket.create_connection(("127.0.0.1", server.port)) as client,
    ):
        client.sendall(request("/hang"))
        wait_until((folder / "hangs").exists, "the request")
        server.process.send_signal(signal.SIGTERM)
        server.wait()
    found = entry(folder, path="/hang")
    assert (found["status"], found["refused"]) == (0, "cut off")


def test_a_worker_that_is_killed_loses_a_second_at_most(folder):
    with production(folder) as server:
        with contextlib.closing(server.connect()) as connection:
            for _ in range(100):
                fetch(connection)
        # No longer than it may take, and without an end of the process that would help.
        wait_until(lambda: len(entries(folder)) == 100, "all lines", seconds=1.0)


def test_rotation_under_load_loses_no_line(folder):
    path, done, counts = folder / "access.log", threading.Event(), [0] * 4
    with production(folder) as server:

        def load(index):
            connection = server.connect()
            while not done.is_set():
                assert fetch(connection)[0] == 200
                counts[index] += 1
            connection.close()

        threads = [threading.Thread(target=load, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(5):
            before = sum(counts)
            wait_until(lambda before=before: sum(counts) > before + 100, "some load")
            path.rename(folder / f"access.{turn}")
            server.process.send_signal(signal.SIGUSR1)
            wait_until(path.exists, "a new file")
        done.set()
        for thread in threads:
            thread.join()
        server.process.send_signal(signal.SIGTERM)
        server.wait()
    lines = [line for file in folder.glob("access.*") for line in file.read_text().splitlines()]
    assert len(lines) == sum(counts)
    assert len({json.loads(line)["id"] for line in lines}) == len(lines)


def test_a_full_disk_is_no_reason_to_stop(folder):
    with production(folder, log="/dev/full") as server:
        for _ in range(3):
            assert server.get()[0] == 200
        server.wait_for("access log: No space left on device; lines are dropped")
        assert server.get()[0] == 200
    assert server.output.count("lines are dropped") <= 2  # once in each worker


def test_a_log_that_cannot_be_opened_refuses_the_start(folder):
    with pytest.raises(AssertionError), production(folder, log="missing/x.log"):
        pass
    text = (folder / "serve.log").read_text()
    assert "cannot open the access log" in text
    assert "Traceback" not in text


def test_development_shows_short_lines(folder):
    with serving("--app", "hello:app", folder=folder) as server:
        server.get()
        server.wait_for(r"\d\d:\d\d:\d\d GET / 200 \d+ ms\n")
        assert "\x1b" not in server.output
