"""`bin/flask`: the application and its settings without a word on the command line."""

import pytest

from carboy.commands import flask_cli

APP = """
import os
from flask import Flask
from carboy.errors import UserError

def create_app():
    if os.environ.get("BROKEN"):
        raise UserError("the database is away")
    app = Flask(__name__)
    app.cli.command("tell")(lambda: print(os.environ["CARBOY_ENV"], app.debug))
    return app
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "told.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("FLASK_APP", "CARBOY_ENV", "FLASK_DEBUG", "FLASK_SKIP_DOTENV"):
        # set first, so that what main() sets is undone
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def run(*argv, env="development"):
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(flask_cli.main(argv, app="told:create_app", env=env))
    return ended.value.code


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("env", "told"), [("development", "development True"), ("production", "production False")]
)
def test_the_application_is_known(env, told, capsys):
    assert run("tell", env=env) == 0
    assert capsys.readouterr().out.strip() == told


@pytest.mark.usefixtures("module")
def test_the_callers_variables_win(monkeypatch, capsys):
    monkeypatch.setenv("CARBOY_ENV", "testing")
    assert run("tell") == 0
    assert capsys.readouterr().out.strip() == "testing False"


@pytest.mark.usefixtures("module")
def test_an_error_of_the_operator_is_one_line(monkeypatch, capsys):
    monkeypatch.setenv("BROKEN", "1")
    assert run("tell") == 1
    assert capsys.readouterr().err == "flask: the database is away\n"
