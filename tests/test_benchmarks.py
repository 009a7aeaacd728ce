import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def load(monkeypatch):
    """Import a module of benchmarks/, which belongs to no distribution."""
    monkeypatch.syspath_prepend(str(PROJECT))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def bench(*arguments):
    """Run the driver with the interpreter that runs the tests, as if nothing were built."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.live
def test_one_round_measures_everything():
    result = bench("reload", "--rounds=1", "--idle=0.2", "--peer=carboy", "--peer=flask", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["failures"] == []
    assert found["versions"]["Flask"]
    assert list(found["samples"]) == ["Carboy", "flask run --debug"]
    [sample] = found["samples"]["Carboy"]
    assert 0 < sample["start"] < 30
    assert 0 < sample["reload"] < 30
    assert sample["requests"] > 10
    assert sum(sample["lost"].values()) == 0
    assert sample["stale"] == 0


@pytest.mark.live
def test_a_peer_that_fails_is_told_and_leaves_nothing(load, tmp_path):
    server = load("server")
    with (
        pytest.raises(load("errors").PeerError, match=r"(?s)ended with 3.*as it wished"),
        server.Server(
            [sys.executable, "-c", "print('as it wished'); exit(3)"], server.free_port(), tmp_path
        ) as running,
    ):
        running.wait_for("1")
    assert running.processes() == []


@pytest.mark.live
def test_processes_that_ignore_sigterm_are_ended(load, tmp_path, monkeypatch):
    server = load("server")
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
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    result = bench(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_saves_are_spread_over_the_period_of_those_that_poll(load):
    first, *counted = load("reload").delays(4)
    assert first == 0
    assert sorted(counted) == [0.125, 0.375, 0.625, 0.875]


def test_every_save_is_longer_than_the_one_before(load, tmp_path):
    subject = load("subject").Subject(tmp_path)
    sizes = []
    for _ in range(3):
        subject.save()
        assert f'return "{subject.answer}"' in (tmp_path / "hello.py").read_text()
        sizes.append((tmp_path / "hello.py").stat().st_size)
    assert sizes == sorted(set(sizes))
    assert [path.name for path in tmp_path.iterdir()] == ["hello.py"]


@pytest.mark.parametrize(
    ("sent", "body", "stale"),
    [(5.0, "1", 0), (5.09, "1", 0), (5.11, "1", 1), (5.11, "2", 0)],
)
def test_old_answers_are_stale_a_moment_after_the_save(load, sent, body, stale):
    request = load("client").Request(sent, 9.0, "ok", body)
    assert load("reload").count_stale([request], 5.0, "1") == stale


@pytest.mark.parametrize(
    ("error", "reused", "kind"),
    [
        (ConnectionRefusedError(), False, "refused"),
        (ConnectionResetError(), False, "reset"),
        (ConnectionResetError(), True, "closed"),
        (TimeoutError(), True, "timed out"),
    ],
)
def test_losses_are_told_apart(load, error, reused, kind):
    assert load("client")._loss(error, reused=reused) == kind


def test_table_shows_medians_ranges_ratios_and_losses(load):
    report = load("report")
    none = dict.fromkeys(load("client").LOSSES, 0)
    lost = {**none, "refused": 7}
    result = report.Result({"cores": "2"}, {"Flask": "3"}, 3)
    result.samples["one"] = [report.Sample(t, 0.2, 0.2, 9, none, 0, 0.1) for t in (0.1, 0.2, 0.4)]
    result.samples["two"] = [report.Sample(0.3, 0.5, 0.2, 9, lost, 4, 0.2)]
    text = report.as_text(result)
    assert "0.20 (0.10–0.40)" in text
    assert ["two", "1.5", "2.5", "1.0", "–", "–", "2.0"] in [x.split() for x in text.splitlines()]
    assert ["two", "9", "7", "0", "0", "0", "0"] in [line.split() for line in text.splitlines()]


def test_foreign_settings_do_not_reach_the_peers(load, tmp_path):
    given = {"PATH": "/bin", "PYTHONDONTWRITEBYTECODE": "1", "FLASK_DEBUG": "0", "PORT": "1"}
    found = load("environment").variables(given, tmp_path)
    assert found == {"PATH": "/bin", "CARBOY_ROOT": str(tmp_path)}
