import contextlib
import io
import os
import re
from pathlib import Path

import pytest

from carboy import options
from carboy.arguments import build_parser
from carboy.casts import ENVIRONMENTS
from carboy.options import BY_NAME, OPTIONS

ROOT = Path(__file__).parents[2]


def parse(*argv):
    return build_parser("serve").parse_args(list(argv))


def refusal(capsys, *argv):
    with pytest.raises(SystemExit) as exit_:
        parse(*argv)
    printed = capsys.readouterr()
    assert exit_.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith("serve: ")
    assert printed.err.count("\n") == 1
    return printed.err


def test_nothing_given_means_run_and_no_options():
    arguments = parse()
    assert arguments.command == "run"
    assert arguments.json is False
    assert options.given(arguments) == {}


@pytest.mark.parametrize(
    "argv",
    [
        ("config", "--env", "production", "--json"),
        ("--env", "production", "config", "--json"),
        ("--json", "--env=production", "config"),
    ],
)
def test_command_stands_anywhere(argv):
    arguments = parse(*argv)
    assert (arguments.command, arguments.env, arguments.json) == ("config", "production", True)


def test_values_are_cast_and_repeated():
    arguments = parse("--port", "0", "--bind", "unix:/x", "--bind=[::1]:80", "--grace", "1.5")
    assert options.given(arguments) == {
        "port": 0,
        "bind": ["unix:/x", "[::1]:80"],
        "grace": 1.5,
    }


def test_switches():
    assert options.given(parse("--debug", "--no-reload")) == {"debug": True, "reload": False}
    assert parse("--debug", "--no-debug").debug is False


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--wrokers", "3"], "unknown option --wrokers; did you mean --workers?"),
        (["--work=3"], "unknown option --work; did you mean --workers?"),
        (["--zzz"], "unknown option --zzz; see --help"),
        (["-x"], "unknown option -x; see --help"),
        (["confg"], "unknown command confg; did you mean config?"),
        (["zzz"], "unknown command zzz; expected run, config, check"),
        (["run", "fast"], "unexpected argument fast"),
        (["--port", "99999"], "--port: expected a whole number from 0 to 65535, got '99999'"),
        (["--port", "-1"], "--port: expected a whole number from 0 to 65535, got '-1'"),
        (["--workers", "0"], "--workers: expected a whole number of 1 or more, got '0'"),
        (["--threads", "two"], "--threads: expected a whole number of 1 or more, got 'two'"),
        (["--grace", "-1"], "--grace: expected seconds, a number of 0 or more, got '-1'"),
        (["--grace", "nan"], "--grace: expected seconds, a number of 0 or more, got 'nan'"),
        (["--env", "prod"], "did you mean production?"),
        (["--app", ""], "--app: expected a text, got ''"),
        (["--port"], "--port: expected one argument"),
        (["--debug=yes"], "--debug/--no-debug: ignored explicit argument 'yes'"),
    ],
)
def test_errors_are_one_line(capsys, argv, expected):
    assert expected in refusal(capsys, *argv)


def test_help_fits_a_screen(capsys):
    with pytest.raises(SystemExit) as exit_:
        parse("--help")
    lines = capsys.readouterr().out.splitlines()
    assert exit_.value.code == 0
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "--[no-]debug" in text
    shown = {option.name for option in OPTIONS if f"--{option.name} " in text or option.boolean}
    assert shown == {option.name for option in OPTIONS if not option.rare}
    assert text.count("CARBOY_") == 1


def test_help_all_shows_every_option(capsys):
    with pytest.raises(SystemExit) as exit_:
        parse("--help-all")
    text = capsys.readouterr().out
    assert exit_.value.code == 0
    assert all(f"{option.name.replace('_', '-')} " in text for option in OPTIONS)
    assert max(map(len, text.splitlines())) <= 80


def test_version():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit) as exit_:
        parse("--version")
    assert exit_.value.code == 0
    assert out.getvalue().startswith("carboy ")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_defaults_are_values_of_their_option(option, env):
    value = option.default_for(env)
    assert value is None or option.convert(value) == value


def test_defaults_depend_on_the_environment():
    def values(env):
        return {name: BY_NAME[name].default_for(env) for name in ("debug", "reload", "grace")}

    assert values("development") == {"debug": True, "reload": True, "grace": 5.0}
    assert values("testing") == {"debug": False, "reload": False, "grace": 5.0}
    assert values("production") == {"debug": False, "reload": False, "grace": 30.0}


def test_workers_follow_the_usable_cpus():
    workers = BY_NAME["workers"].default_for
    assert (workers("development"), workers("testing")) == (1, 1)
    if hasattr(os, "sched_getaffinity"):
        assert workers("production") == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("bind", "unix:/x", ("unix:/x",)),
        ("bind", "[::1]:80", ("[::1]:80",)),
        ("bind", '["unix:/x", "[::1]:80"]', ("unix:/x", "[::1]:80")),
        ("bind", ["a:1"], ("a:1",)),
        ("settings", os.pathsep.join(["a.toml", "b.json"]), ("a.toml", "b.json")),
        ("settings", '["a.toml"]', ("a.toml",)),
        ("debug", "Off", False),
        ("debug", "1", True),
        ("port", "80", 80),
        ("grace", 3, 3.0),
    ],
)
def test_convert_takes_text_and_native_values(name, given, expected):
    assert BY_NAME[name].convert(given) == expected


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("bind", 5),
        ("bind", [5]),
        ("bind", "[1]"),
        ("debug", "maybe"),
        ("debug", 1),
        ("port", True),
        ("port", 1.5),
        ("port", "٣"),
        ("grace", True),
        ("grace", "inf"),
        ("host", 1),
    ],
)
def test_convert_refuses(name, given):
    with pytest.raises(ValueError, match="expected"):
        BY_NAME[name].convert(given)


def test_documentation_holds_the_table_and_no_other():
    text = (ROOT / "docs/configure.md").read_text()
    assert text.count(options.markdown()) == 1
    rest = text.replace(options.markdown(), "")
    assert not re.search(r"^\| `--", rest, re.MULTILINE)
