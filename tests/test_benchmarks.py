import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import (
    burst,
    chart,
    client,
    contest,
    docs,
    environment,
    errors,
    frameworks,
    idle,
    log,
    memory,
    reload,
    report,
    rivals,
    server,
    subject,
    throughput,
    tools,
    wrk,
)

PROJECT = Path(__file__).resolve().parents[1]

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None, reason="wrk is not installed: apt-get install wrk"
)


def bench(*arguments, environ=None):
    """Run the driver with the interpreter that runs the tests, as if nothing were built."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.live
def test_one_round_of_reloads_measures_everything(monkeypatch, capsys):
    monkeypatch.setattr(reload, "SETTLE", 0.3)  # enough for one that does not poll
    parser = argparse.ArgumentParser()
    reload.add_arguments(parser)
    options = parser.parse_args(["--rounds=1", "--idle=0.2", "--peer=carboy", "--json"])
    code = reload.run(options, tools.make())
    found = json.loads(capsys.readouterr().out)
    assert (code, found["failures"]) == (0, [])
    assert found["versions"]["Flask"]
    [sample] = found["samples"]["Carboy"]
    assert 0 < sample["start"] < 30
    assert 0 < sample["reload"] < 30
    assert sample["requests"] > 10
    assert sum(sample["lost"].values()) == 0
    assert sample["stale"] == 0


@pytest.mark.live
def test_a_peer_that_fails_is_told_and_leaves_nothing(tmp_path):
    with (
        pytest.raises(errors.PeerError, match=r"(?s)ended with 3.*as it wished"),
        server.Server(
            [sys.executable, "-c", "print('as it wished'); exit(3)"], server.free_port(), tmp_path
        ) as running,
    ):
        running.wait_for("1")
    assert running.processes() == []


@pytest.mark.live
def test_processes_that_ignore_sigterm_are_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "GRACE", 0.5)
    child = "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]).wait()"
    with server.Server([sys.executable, "-uc", code], 0, tmp_path) as running:
        running._wait(lambda: (tmp_path / "output.log").stat().st_size, "the child", 30)
        assert len(running.processes()) == 2
        assert running.cpu() > 0
    assert running.processes() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["brew"], "invalid choice: 'brew'"),
        (["reload", "--peer=brew"], "no peer has 'brew' in its name"),
        (["reload", "--rounds=0"], "at least 1"),
        (["http", "--peer=brew"], "no peer has 'brew' in its name"),
        (["table", "--seconds=0"], "at least 0.1"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    result = bench(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_saves_are_spread_over_the_period_of_those_that_poll():
    first, *counted = reload.delays(4)
    assert first == 0
    assert sorted(counted) == [0.125, 0.375, 0.625, 0.875]


def test_every_save_is_longer_than_the_one_before(tmp_path):
    saved = subject.Subject(tmp_path)
    sizes = []
    for _ in range(3):
        saved.save()
        assert f'return "{saved.answer}"' in (tmp_path / "hello.py").read_text()
        sizes.append((tmp_path / "hello.py").stat().st_size)
    assert sizes == sorted(set(sizes))
    assert [path.name for path in tmp_path.iterdir()] == ["hello.py"]


@pytest.mark.parametrize(
    ("sent", "body", "stale"),
    [(5.0, "1", 0), (5.09, "1", 0), (5.11, "1", 1), (5.11, "2", 0)],
)
def test_old_answers_are_stale_a_moment_after_the_save(sent, body, stale):
    request = client.Request(sent, 9.0, "ok", body)
    assert reload.count_stale([request], 5.0, "1") == stale


@pytest.mark.parametrize(
    ("error", "reused", "kind"),
    [
        (ConnectionRefusedError(), False, "refused"),
        (ConnectionResetError(), False, "reset"),
        (ConnectionResetError(), True, "closed"),
        (TimeoutError(), True, "timed out"),
    ],
)
def test_losses_are_told_apart(error, reused, kind):
    assert client._loss(error, reused=reused) == kind


def test_table_shows_medians_ranges_ratios_and_losses():
    none = dict.fromkeys(client.LOSSES, 0)
    lost = {**none, "refused": 7}
    result = report.Result({"cores": "2"}, {"Flask": "3"}, 3)
    for seconds in (0.1, 0.2, 0.4):
        result.add("one", reload.Sample(seconds, 0.2, 0.2, 9, none, 0, 0.1))
    result.add("two", reload.Sample(0.3, 0.5, 0.2, 9, lost, 4, 0.2))
    text = reload.as_text(result)
    rows = [line.split() for line in text.splitlines()]
    assert "0.20 (0.10–0.40)" in text
    assert ["two", "1.50", "2.50", "1.00", "–", "–", "2.00"] in rows
    assert ["two", "9", "7", "0", "0", "0", "0"] in rows


def test_foreign_settings_do_not_reach_the_peers(tmp_path):
    given = {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1", "FLASK_DEBUG": "0", "PORT": "1"}
    found = environment.variables(given, tmp_path)
    assert found == {"PATH": "/bin", "CARBOY_ROOT": str(tmp_path)}


# --- under load ---------------------------------------------------------------------------------


@needs_wrk
@pytest.mark.live
@pytest.mark.parametrize(
    ("command", "arguments", "names"),
    [
        ("http", ["--peer=carboy", "--peer=forked"], ["Carboy", "waitress, forked"]),
        ("slow", ["--peer=carboy"], ["Carboy"]),
        ("idle", ["--peer=carboy", "--connections=50"], ["Carboy"]),
        ("drip", ["--peer=carboy", "--connections=20"], ["Carboy"]),
        ("log", [], ["nothing", "--access-log FILE", "--status ADDRESS"]),
        ("scale", ["--peer=forked"], ["waitress, forked"]),
        ("table", ["--peer=carboy"], ["Flask, Carboy"]),
    ],
)
def test_each_command_measures(command, arguments, names):
    result = bench(command, "--rounds=1", "--seconds=0.1", "--json", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert list(found["samples"]) == names
    assert not found["failures"]
    shots = list(find_shots(found["samples"]))
    assert shots
    for shot in shots:
        assert shot["requests"] > 0 or shot["seconds"] < 0.4
        assert sum(shot["errors"].values()) == 0


def find_shots(value):
    """Yield all runs of wrk in what was printed for machines."""
    if isinstance(value, dict) and "p99" in value:
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from find_shots(part)


@needs_wrk
@pytest.mark.live
def test_who_is_not_installed_is_told():
    result = bench("table", "--rounds=1", "--seconds=0.1", "--peer=bottle")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Bottle, wsgiref: not measured, no Bottle here" in result.stdout


def test_missing_wrk_is_one_line(tmp_path):
    result = bench("http", environ={**os.environ, "PATH": str(tmp_path)})
    assert result.returncode == 1
    assert result.stderr == "bench: wrk is needed, and not installed: apt-get install wrk\n"


def shot(requests=1000, seconds=2.0, p99=4.0, **lost):
    return wrk.Shot(requests, seconds, 1.0, p99, {**dict.fromkeys(wrk.ERRORS, 0), **lost})


def test_wrk_is_read():
    figures = '"requests": 100, "microseconds": 500000, "p50": 1500, "p99": 20000'
    errors_ = '"connect": 0, "read": 1, "write": 0, "status": 10, "timeout": 2'
    found = wrk.parse(f"Running…\n\nfound: {{{figures}, {errors_}}}\n")
    assert (found.rate, found.p50, found.p99, found.lost) == (180, 1.5, 20, 13)


def test_wrk_that_finds_nothing_is_a_failure():
    with pytest.raises(errors.PeerError, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1")


def test_rounds_alternate():
    chosen = rivals.SERVERS[:2]
    found = [(number, rival.name) for number, rival in contest.alternate(chosen, 2)]
    one, two = (rival.name for rival in chosen)
    assert found == [(0, one), (0, two), (1, two), (1, one)]


def test_a_rival_that_fails_is_not_tried_for_ever():
    result = report.Result({}, {}, 5)
    calls = []

    def take(_stage, rival, number):
        calls.append(number)
        raise errors.PeerError("no sign of it; it said:\n/a/folder")

    for number in range(5):
        contest.attempt(None, rivals.CARBOY, number, take, result)
    assert calls == [0, 1]
    assert len(result.failures) == 2


def test_ratios_are_those_within_a_round():
    assert report.ratio([10, 40, 90], [10, 20, 30]) == 2
    assert report.ratio([10, 30], [20]) == 1
    assert report.ratio([1], []) is None
    assert report.ratio([1], [0]) is None


def test_nothing_is_compared_with_a_first_one_that_failed():
    result = report.Result({}, {}, 1, samples={"Carboy": [], "other": []})
    result.add("other", throughput.Found(shot(), shot(), memory.Memory(1, 2)))
    line = report.compared(result, throughput.columns(lambda found: found.many)).splitlines()[1]
    assert line.split() == ["other", "500", "–", "1.00", "4.00", "–", "0"]


def test_costs_are_those_within_a_round():
    result = report.Result({}, {}, 2)
    for number in (100, 200):
        result.add(log.NOTHING, log.Found([shot(number)]))
        result.add("--status ADDRESS", log.Found([shot(number - 2)]))
    assert "1.5 (1.0–2.0)" in log.render(result)[-1]


def test_memory_of_this_process():
    own = memory.of(os.getpid())
    assert 1 < own.pss <= own.rss
    assert memory.mean([os.getpid(), 0]).rss == pytest.approx(own.rss / 2, rel=0.2)


def test_parts_of_a_namespace_are_linked_side_by_side(tmp_path):
    target = tmp_path / "site-packages"
    target.mkdir()
    for name in ("one", "two", "three"):
        package = tmp_path / f"{name}.egg" / "shared" / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    environment._link(sorted(tmp_path.glob("*.egg")), target)
    assert {path.name for path in (target / "shared").iterdir()} == {"one", "two", "three"}
    assert {path.name for path in (tmp_path / "one.egg/shared").iterdir()} == {"one"}


@contextlib.contextmanager
def answering(*answers):
    """Listen, and give each client the next answer and then close, or nothing and do not."""
    with socket.create_server(("127.0.0.1", 0)) as listener, contextlib.ExitStack() as stack:

        def serve():
            for answer in answers:
                connection = stack.enter_context(listener.accept()[0])
                connection.recv(1000)
                connection.sendall(answer)
                if answer:
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def test_whole_answers_of_a_burst_are_counted(monkeypatch):
    monkeypatch.setattr(burst, "PATIENCE", 0.5)
    good, bad = b"HTTP/1.1 200 OK\r\n\r\nHello", b"HTTP/1.1 503 No\r\n\r\nHello"
    with answering(good, b"", good[:-1], bad, good) as port:
        assert burst.answered(port, 5, b"Hello") == 2


def test_connections_that_the_server_has_closed_are_seen():
    with (
        answering(b"x", b"") as port,
        socket.create_connection(("127.0.0.1", port)) as closed,
        socket.create_connection(("127.0.0.1", port)) as kept,
    ):
        for connection in (closed, kept):
            connection.sendall(b"x")
        while idle.is_open(closed):
            closed.setblocking(True)
            closed.recv(1)
        assert idle.is_open(kept)


def test_docs_are_replaced_between_the_markers_only():
    text = (
        "a\n<!-- bench http -->\nold\n<!-- end http -->\nb\n<!-- bench log -->\n<!-- end log -->\n"
    )
    changed = docs.replace(docs.replace(text, "http", r"new \1"), "http", "newer")
    assert "old" not in changed
    assert "```text\nnewer\n```" in changed
    assert changed.endswith("b\n<!-- bench log -->\n<!-- end log -->\n")
    with pytest.raises(errors.BenchError, match="no single block"):
        docs.replace(text, "idle", "")


@pytest.mark.parametrize("name", ["http", "slow", "idle", "drip", "log", "scale", "table"])
def test_docs_have_a_block_for_each_command(name):
    docs.replace((docs.FOLDER / "benchmarks.md").read_text(), name, "")


def test_headers_of_a_browser_make_the_page_that_the_mission_names():
    # The names in CGI's words, as benchmarks/apps/common.py writes them.
    request = "REQUEST_METHOD = GET\nPATH_INFO = /environ\nSERVER_PROTOCOL = HTTP/1.1\n"
    headers = "".join(f"HTTP_{name} = {value}\n" for name, value in frameworks.HEADERS.items())
    assert len(request + headers) == pytest.approx(2900, abs=20)


def test_chart_is_readable_on_both_grounds():
    bars = [chart.Bar("Flask & Carboy", [1000, 1200, 900], 0), chart.Bar("other", [50], 1234)]
    panels = [chart.Panel(f"{path}, 1 client", bars) for path in ("/", "/environ")]
    text = chart.svg("Requests", panels, columns=2, notes=["2 cores, Linux 6.18"])
    root = ElementTree.fromstring(text)
    texts = ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("}text")]
    assert texts.count("Flask & Carboy") == 1  # beside the first panel of the row
    assert texts.count("1,000") == 2
    assert "1,234 lost" in texts
    assert "2 cores, Linux 6.18" in texts
    assert "prefers-color-scheme: dark" in text
    assert "Flask & Carboy 1,000" in "".join(root[1].itertext())


def test_bars_of_a_panel_have_one_scale_and_stay_inside():
    bars = [chart.Bar("long", [400], 0), chart.Bar("short", [100], 0), chart.Bar("none", [0], 3)]
    root = ElementTree.fromstring(chart.svg("", [chart.Panel("", bars)], columns=1, notes=[]))
    widths = [float(node.get("width")) for node in root.iter() if node.tag.endswith("}rect")]
    assert widths[0] == pytest.approx(4 * widths[1])
    assert widths[2] == 1
    assert chart.MARGIN + chart.NAMES + widths[0] < float(root.get("width"))
