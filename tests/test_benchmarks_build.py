import argparse
import sys

import pytest

from benchmarks import build, builders, checkout, docs, errors, report, startup
from benchmarks.builders import Builder, Spent
from eggcrate import lockfile
from eggcrate.lockfile import File, Lock


def builder(folder, code, name=builders.EGGCRATE):
    """Return one that writes a line each time, and what it then does."""
    program = f"open('runs', 'a').write('run\\n')\n{code}"
    cache = folder / "cache"
    cache.mkdir(exist_ok=True)
    made = folder / "made"
    command = [sys.executable, "-c", program]
    return Builder(name, folder, command, made, cache, lambda: made.unlink(missing_ok=True))


# What it finds is written before it makes anything; a script stands for the interpreter.
MAKE = """
import os, pathlib
cache = pathlib.Path(os.environ["XDG_CACHE_HOME"]) / "kept"
with open("found", "a") as file:
    print(pathlib.Path("made").exists(), cache.exists(), file=file)
cache.touch()
pathlib.Path("made").write_text("#!/bin/sh\\nexit 0\\n")
pathlib.Path("made").chmod(0o755)
"""


def test_each_is_measured_cold_warm_and_once_more(tmp_path):
    sample = build.take(builder(tmp_path, MAKE))
    assert (tmp_path / "found").read_text() == "False False\nFalse True\nTrue True\n"
    for spent in (sample.cold, sample.warm, sample.again):
        assert 0 < spent.cpu < 60
        assert 0 < spent.clock < 60


def test_one_that_fails_says_why(tmp_path):
    with pytest.raises(errors.PeerError, match=r"ended with 3; it said:\nno network"):
        builder(tmp_path, "print('no network'); raise SystemExit(3)").build()


def test_an_environment_that_is_no_good_does_not_count(tmp_path):
    with pytest.raises(errors.PeerError, match="fails; it said"):
        build.take(builder(tmp_path, MAKE.replace("exit 0", "echo no flask >&2; exit 1")))


def test_requirements_have_the_hashes_of_the_lock(tmp_path):
    wheel, source = "alpha_beta-1.0-py3-none-any.whl", "alpha_beta-1.0.tar.gz"
    files = (File(source, "a" * 64), File(wheel, "b" * 64))
    lock = Lock({("alpha-beta", "1.0"): files})
    (tmp_path / lockfile.NAME).write_text(lockfile.dumps(lock))
    text = builders.requirements({"Alpha.Beta": "1.0"}, tmp_path)
    hashes = " ".join(f"--hash=sha256:{letter * 64}" for letter in "ba")
    assert text == f"Alpha.Beta==1.0 {hashes}\n"
    with pytest.raises(errors.BenchError, match=r"gamma 2 is not in versions\.lock: run bin/lock"):
        builders.requirements({"gamma": "2"}, tmp_path)


def test_a_copy_is_cleared_of_what_was_built(tmp_path):
    kept = ["bin/buildout", "bin/lock", "parts/buildout/pyvenv.cfg", "src/carboy/cli.py"]
    made = ["bin/serve", "parts/app/pyvenv.cfg", "eggs/v5/a.egg/a.py", ".installed.cfg",
            "parts/fingerprint.json", "src/carboy.egg-info/PKG-INFO"]  # fmt: skip
    copy, gone = tmp_path / "copy", tmp_path / "gone"
    gone.mkdir()
    for name in (*kept, *made):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    checkout.clear(copy, gone)
    assert [name for name in (*kept, *made) if (copy / name).exists()] == kept
    assert len(list(gone.rglob("*.*"))) >= len(made)


def test_names_of_peers_are_checked(capsys):
    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    assert parser.parse_args(["--peer", "UV"]).peer == ["UV"]
    with pytest.raises(SystemExit):
        parser.parse_args(["--peer", "poetry"])
    assert "no peer has 'poetry' in its name" in capsys.readouterr().err


def test_tables():
    result = report.Result({}, {}, 2)
    for cold in (1.0, 3.0):
        result.add("eggcrate", build.Sample(Spent(cold, 2), Spent(1, 1), Spent(0.1, 0.1)))
        result.add("pip", build.Sample(Spent(cold * 4, 5), Spent(2, 2), Spent(0.5, 0.5)))
    rows = report.compared(result, build.COLUMNS).splitlines()
    assert rows[2].split() == ["pip", "8.00", "(4.00–12.00)", "4.00", "5.00", "(5.00–5.00)", "2.00",
                               "(2.00–2.00)", "2.00", "2.00", "(2.00–2.00)", "0.50", "(0.50–0.50)",
                               "5.00"]  # fmt: skip
    started = report.Result({}, {}, 1)
    started.add("venv", startup.Sample(0.1, 0.2))
    assert "0.100" in startup.render(started)[1]


@pytest.mark.parametrize("name", ["build", "start"])
def test_docs_have_a_block_for_each_table(name):
    docs.replace((docs.FOLDER / "benchmarks.md").read_text(), name, "")
