"""/livez, /readyz and /metrics of live servers."""

import contextlib
import http.client
import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.live import HELLO, Serve, save, serving, wait_until

pytestmark = pytest.mark.live

PRODUCTION = ("--app", "hello:app", "--env", "production", "--status", "127.0.0.1:0")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    return tmp_path


@pytest.fixture
def server(folder):
    with serving(*PRODUCTION, "--workers", "2", folder=folder) as server:
        yield server


def probe(server, path, method="GET"):
    """Return status and text of a page beside the application."""
    port = int(server.wait_for(r"status +http://[^ ]+:(\d+)/")[1])
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.request(method, path)
        response = client.getresponse()
        return response.status, response.read().decode()


def metrics(server):
    status, text = probe(server, "/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, *sorted(sample.labels.values())] = sample.value
    return found


def test_a_server_that_serves(server):
    assert probe(server, "/livez") == (200, "alive\n")
    assert probe(server, "/readyz") == (200, "ready\n")
    assert probe(server, "/readyz", "HEAD") == (200, "")
    assert probe(server, "/nothing")[0] == 404
    assert probe(server, "/readyz", "POST")[0] == 405
    assert server.get("/readyz")[0] == 404  # beside the application, not in it


def test_not_ready_while_starting(folder):
    (folder / "hello.py").write_text(
        "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)\n" + HELLO
    )
    with Serve(*PRODUCTION, folder=folder) as server:
        assert probe(server, "/readyz") == (503, "starting\n")
        assert probe(server, "/livez") == (200, "alive\n")
        (folder / "go").touch()
        wait_until(lambda: probe(server, "/readyz") == (200, "ready\n"), "ready")


def test_not_ready_while_draining(folder):
    (folder / "hello.py").write_text(
        HELLO + "\n@app.route('/slow')\ndef slow():\n    import pathlib, time\n"
        "    pathlib.Path('begun').touch()\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.01)\n    return 'finished'\n"
    )
    with serving(*PRODUCTION, folder=folder) as server:
        thread = threading.Thread(target=lambda: server.get("/slow"))
        thread.start()
        wait_until((folder / "begun").exists, "the slow request")
        server.process.send_signal(signal.SIGTERM)
        server.wait_for("finishing the requests")
        assert probe(server, "/readyz") == (503, "draining\n")
        assert probe(server, "/livez") == (200, "alive\n")
        (folder / "go").touch()
        thread.join()


def test_ready_throughout_a_reload(server):
    seen, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            seen.add(probe(server, "/readyz"))

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(3):
        assert server.tell("reload").returncode == 0
    stop.set()
    thread.join()
    assert seen == {(200, "ready\n")}


def test_not_ready_while_saturated(folder):
    (folder / "hello.py").write_text(
        HELLO + "\n@app.route('/slow')\ndef slow():\n    import pathlib, time\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.01)\n    return 'finished'\n"
    )
    arguments = ("--workers", "1", "--threads", "1", "--queue", "4")
    with serving(*PRODUCTION, *arguments, folder=folder) as server, contextlib.ExitStack() as stack:
        for _ in range(5):
            client = stack.enter_context(contextlib.closing(server.connect()))
            client.request("GET", "/slow")
        wait_until(lambda: probe(server, "/readyz") == (503, "saturated\n"), "saturation")
        assert metrics(server)["carboy_queue_depth",] >= 3
        (folder / "go").touch()
        wait_until(lambda: probe(server, "/readyz") == (200, "ready\n"), "room")


def test_the_application_may_be_stuck_the_probes_are_not(server):
    for pid in server.workers():
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert probe(server, "/livez")[0] == 200
        assert probe(server, "/metrics")[0] == 200
        assert time.monotonic() - began < 4
    finally:
        for pid in server.workers():
            os.kill(pid, signal.SIGCONT)


def test_the_figures_of_all_workers(server):
    before = metrics(server)
    for _ in range(20):
        server.get()
    for _ in range(3):
        server.get("/nowhere")
    after = metrics(server)

    def grown(*name):
        return after.get(name, 0) - before.get(name, 0)

    assert grown("carboy_requests_total", "200", "GET") == 20
    assert grown("carboy_requests_total", "404", "GET") == 3
    assert grown("carboy_request_duration_seconds_count") == 23
    assert grown("carboy_request_duration_seconds_bucket", "+Inf") == 23
    assert grown("carboy_request_duration_seconds_sum") > 0
    assert after["carboy_generation",] == 1
    assert after["carboy_workers", "ready"] == 2
    assert after["carboy_threads",] == 8
    assert after["carboy_ready",] == 1
    assert after["carboy_memory_bytes", "workers"] > 10**7
    assert abs(after["carboy_start_time_seconds",] - time.time()) < 60


def test_counters_never_go_back(server):
    for _ in range(20):
        server.get()
    counts = [metrics(server)["carboy_requests_total", "200", "GET"]]
    for _ in range(2):
        assert server.tell("reload").returncode == 0
        counts.append(metrics(server)["carboy_requests_total", "200", "GET"])
    wait_until(lambda: len(server.workers()) == 2, "the end of the old workers")
    os.kill(server.workers()[0], signal.SIGKILL)
    server.wait_for("starting another")
    wait_until(lambda: len(server.workers()) == 2, "the replacement")
    after = metrics(server)
    counts.append(after["carboy_requests_total", "200", "GET"])
    assert counts == [20, 20, 20, 20]
    assert after["carboy_generation",] == 3
    assert after["carboy_reloads_total", "done"] == 2
    assert after["carboy_worker_restarts_total", "died"] == 1


def test_failed_reloads_are_counted(server):
    save(server.folder / "hello.py", "import nowhere_to_be_found\n")
    assert server.tell("reload").returncode == 1
    assert metrics(server)["carboy_reloads_total", "failed"] == 1


def test_a_unix_socket(folder):
    path = folder / "probes"
    with serving(*PRODUCTION, "--status", f"unix:{path}", folder=folder):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            answer = b""
            while data := client.recv(1000):
                answer += data
        assert answer.endswith(b"ready\n")
    assert not path.exists()


def test_hostile_clients_disturb_neither_probes_nor_requests(server):
    port = int(server.wait_for(r"status +http://[^ ]+:(\d+)/")[1])
    with contextlib.ExitStack() as stack:
        for number in range(200):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            with contextlib.suppress(OSError):
                client.sendall([b"GET /met", b"\x00\xff" * 50, b""][number % 3])
        assert probe(server, "/readyz") == (200, "ready\n")
        assert server.get() == (200, "one")
        assert server.status()["state"] == "serving"


def test_an_address_that_is_taken_is_one_line(server, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    address = re.search(r"status +http://([^/]+)/", server.output)[1]
    with Serve(*PRODUCTION, "--status", address, folder=folder) as second:
        assert second.wait() == 1
        assert second.output.count("\n") == 1
        assert "in use" in second.output


def test_workers_do_not_have_its_socket(server):
    port = int(server.wait_for(r"status +http://[^ ]+:(\d+)/")[1])
    for pid in server.workers():
        inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
                assert f"socket:[{fields[9]}]" not in inodes


def test_without_the_option_there_is_nothing(folder):
    with serving("--app", "hello:app", "--env", "production", folder=folder) as server:
        assert "status" not in server.output
