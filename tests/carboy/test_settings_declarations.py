import sys
from pathlib import Path

import pytest

from carboy.settings.declarations import declarations_for, is_key


@pytest.fixture
def declare(tmp_path):
    """Return a function that gives an application a carboy.toml, and reads it."""

    def declare(text, app="cellar.factory:create_app"):
        (tmp_path / "cellar").mkdir()
        (tmp_path / "cellar" / "__init__.py").write_text("1 / 0")
        (tmp_path / "cellar" / "carboy.toml").write_text(text)
        return declarations_for(app, folder=tmp_path)

    return declare


def test_flask_is_declared_whole():
    flask = pytest.importorskip("flask")
    declarations = declarations_for(None)
    assert {declared.key for declared in declarations} == set(flask.Flask.default_config)
    assert declarations.problems == []
    assert declarations.closed is False
    assert all(declared.help for declared in declarations)


def test_flasks_defaults_have_the_declared_types():
    flask = pytest.importorskip("flask")
    from carboy.settings.values import convert

    for declared in declarations_for(None):
        value = flask.Flask.default_config[declared.key]
        assert convert(declared.type, value, form="native", root=Path()) == value


def test_application_is_found_without_import(declare):
    declarations = declare('[NAME]\ntype = "str"\nrequired = true\nsecret = true\nenviron = "N"\n')
    assert "cellar" not in sys.modules
    assert declarations.closed
    declared = declarations.by_key["NAME"]
    assert declared.required == ("development", "testing", "production")
    assert (declared.secret, declared.environ, declared.source) == (
        True,
        "N",
        "cellar/carboy.toml",
    )
    assert declarations.files[-1].name == "carboy.toml"


def test_application_on_the_path(declare, tmp_path, monkeypatch):
    declare('[NAME]\ntype = "str"')
    assert not declarations_for("cellar").closed
    monkeypatch.syspath_prepend(tmp_path)
    assert declarations_for("cellar").closed
    assert declarations_for("cellar:create_app").closed


def test_application_may_change_a_key_of_flask(declare):
    declarations = declare('[MAX_CONTENT_LENGTH]\ntype = "int"\ndefault = 5')
    (given,) = (each for each in declarations.defaults("testing") if each.value == 5)
    assert given.name == "MAX_CONTENT_LENGTH"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[NAME", "cellar/carboy.toml: "),
        ('[name]\ntype = "str"', "name: a key is written in upper case"),
        ('[A__B]\ntype = "str"', "A__B: a key is written in upper case, without __"),
        ('[LOG_FILE]\ntype = "str"', "not ending in _FILE"),
        ('[PORT]\ntype = "int"', "PORT: clashes with the server option port"),
        ("NAME = 1", "NAME: expected a table with at least a type"),
        ("[NAME]", "NAME: type is one of str, int, float, bool"),
        ('[NAME]\ntype = "text"', "NAME: type is one of str, int, float, bool"),
        ('[NAME]\ntype = "any"', "NAME: type is one of"),
        ('[NAME]\ntype = "str"\nsecert = true', "unknown field secert; did you mean secret?"),
        ('[NAME]\ntype = "str"\nsecret = "yes"', "secret is not true or false"),
        ('[NAME]\ntype = "str"\nhelp = 1', "help is not a string"),
        ('[NAME]\ntype = "int"\ndefault = "1"', "default: expected int, got '1'"),
        ('[NAME]\ntype = "int"\n[NAME.default_by_env]\ntesting = "1"', "expected int, got '1'"),
        ('[NAME]\ntype = "int"\n[NAME.default_by_env]\nprod = 1', "default_by_env has the keys"),
        ('[NAME]\ntype = "str"\nrequired = ["prod"]', "required is true or a list of development"),
        ('[NAME]\ntype = "str"\nrequired = 1', "required is true or a list of development"),
    ],
)
def test_problems_name_key_and_file(declare, text, problem):
    (found,) = declare(text).problems
    assert problem in found
    assert "cellar/carboy.toml" in found


def test_false_requires_nothing(declare):
    declarations = declare('[NAME]\ntype = "str"\nrequired = false')
    assert declarations.by_key["NAME"].required == ()


@pytest.mark.parametrize("name", ["A", "SITE_NAME", "K2"])
def test_keys(name):
    assert is_key(name)


@pytest.mark.parametrize("name", ["a", "Site", "", "2A", "A-B", "A B", 5, None])
def test_no_keys(name):
    assert not is_key(name)
