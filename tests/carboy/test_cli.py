import json
import os

import pytest

from carboy import cli
from carboy.errors import SettingsError, UserError
from carboy.orders import VARIABLE


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty project to stand in."""
    for name in [name for name in os.environ if name.startswith("CARBOY_") or name == "PORT"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CARBOY_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(monkeypatch):
    """Replace what `serve run` does."""

    def command(action):
        monkeypatch.setitem(cli._COMMANDS, "run", action)

    return command


def fail(error):
    def action(*_):
        raise error

    return action


def test_the_default_is_to_run_with_what_the_script_gives(command):
    seen = []
    command(lambda arguments, defaults: seen.append((arguments.port, defaults)) or 7)
    assert cli.main(["--port", "1"], app="hello:app", env="production") == 7
    assert cli.main(["run", "--port", "2"]) == 7
    assert seen == [(1, {"app": "hello:app", "env": "production"}), (2, {})]


def test_arguments_come_from_the_process_by_default(command, monkeypatch):
    command(lambda arguments, _: arguments.port)
    monkeypatch.setattr("sys.argv", ["serve", "--port", "5"])
    assert cli.main() == 5


@pytest.mark.parametrize(("option", "said"), [("--version", "carboy"), ("--help", "serve")])
def test_version_and_help(option, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([option])
    assert not ended.value.code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prot", "1"], "did you mean --port?"),
        (["--port", "http"], "--port"),
        (["confg"], "did you mean config?"),
        (["config", "more"], "unexpected argument more"),
    ],
)
def test_a_command_line_that_is_wrong_is_one_line(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    out, errors = capsys.readouterr()
    assert (ended.value.code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("serve: ")
    assert said in errors


def test_config(capsys):
    assert cli.main(["config", "--json", "--set", "SITE=x"], port=81) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["settings"]["SITE"]["value"] == "x"
    assert document["options"]["port"] == {"value": 81, "layer": "default", "source": "script"}
    assert cli.main(["--port", "82", "config"], port=81) == 0
    assert "82" in capsys.readouterr().out


def test_config_shows_what_there_is_beside_its_problems(capsys):
    assert cli.main(["config", "--set", "SITE=x", "--set", "bad"]) == 1
    out, errors = capsys.readouterr()
    assert "SITE" in out
    assert "bad" in errors


def test_check(project, capsys):
    assert cli.main(["check", "--bind", "127.0.0.1:0"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "there is no application to serve: name one with --app MODULE:NAME"
    ]


def test_running_without_an_application_is_one_line(capsys):
    assert cli.main([]) == 1
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    assert errors.startswith("serve: there is no application to serve")


def test_every_problem_of_the_settings_is_a_line_of_its_own(command, capsys):
    command(fail(SettingsError(["one: wrong", "two: wrong"])))
    assert cli.main([]) == 1
    assert capsys.readouterr().err == "serve: one: wrong\nserve: two: wrong\n"


def test_problems_from_everywhere_are_told_at_once(monkeypatch, capsys):
    monkeypatch.setenv("CARBOY_WORKERS", "none")
    assert cli.main(["--set", "bad", "--settings", "gone.toml"], app="hello:app") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("serve: ") for line in lines)
    for said in ("CARBOY_WORKERS", "bad", "gone.toml"):
        assert sum(said in line for line in lines) == 1


def test_an_error_of_the_user_has_its_exit_code(command, capsys):
    class SpecialError(UserError):
        exit_code = 9

    command(fail(SpecialError("what to do")))
    assert cli.main([]) == 9
    assert capsys.readouterr().err == "serve: what to do\n"


def test_ctrl_c_is_no_traceback(command, capsys):
    command(fail(KeyboardInterrupt()))
    assert cli.main([]) == 130
    assert capsys.readouterr() == ("", "")


def test_what_nobody_foresaw_is_not_hidden(command):
    command(fail(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main([])


def test_a_worker_takes_its_orders_once(monkeypatch):
    seen = []
    monkeypatch.setattr(cli, "_work", lambda orders, *_: seen.append(orders.generation) or 4)
    orders = {"link": 3, "lifeline": 4, "listeners": [], "generation": 5, "options": {}}
    monkeypatch.setenv(VARIABLE, json.dumps(orders))
    assert cli.main(["config"]) == 4
    assert seen == [5]
    assert VARIABLE not in os.environ
