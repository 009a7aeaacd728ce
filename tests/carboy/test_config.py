import io
import json

import pytest

import carboy.settings
from carboy.commands import config


@pytest.fixture
def resolve(tmp_path):
    def resolve(**arguments):
        given = {"environ": {}, "root": tmp_path, "cwd": tmp_path, "strict": False}
        return carboy.settings.resolve(**given | arguments)

    return resolve


def run(resolved, as_json=False):
    out, errors = io.StringIO(), io.StringIO()
    code = config.run(resolved, as_json=as_json, stream=out, errors=errors)
    return code, out.getvalue(), errors.getvalue()


def test_table_is_aligned_options_first(resolve):
    code, out, errors = run(resolve(sets=["SITE=x", "API_TOKEN=hunter2"], options={"port": 1}))
    lines = out.splitlines()
    column = lines[0].index("layer")
    assert lines[0].split() == ["name", "value", "layer", "source"]
    assert all(line[column - 2 : column] == "  " and line[column] != " " for line in lines)
    names = [line.split()[0] for line in lines[1:]]
    assert names == sorted(names, key=str.isupper)
    assert names[-3:] == ["API_TOKEN", "DEBUG", "SITE"]
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines}
    assert rows["port"] == ["1", "command line  --port"]
    assert rows["API_TOKEN"] == ["********", "command line  --set API_TOKEN"]
    assert (code, errors) == (0, "")


@pytest.mark.parametrize("as_json", [True, False])
def test_secrets_are_masked(resolve, tmp_path, as_json):
    (tmp_path / "s").write_text("hunter2")
    resolved = resolve(
        sets=["SECRET_KEY=hunter2", "DB=postgres://u:hunter2@h/db", 'M={"password": "hunter2"}'],
        environ={"CARBOY_PLAIN_FILE": "s"},
    )
    _, out, _ = run(resolved, as_json)
    assert "hunter2" not in out
    assert "postgres://u:********@h/db" in out
    assert "hunter2" not in repr(resolved)


def test_json(resolve):
    _, out, _ = run(resolve(mapping={"DAY": __import__("datetime").timedelta(1)}), as_json=True)
    document = json.loads(out)
    assert document["environment"] == "development"
    assert document["options"]["port"] == {"value": 8080, "layer": "default", "source": "carboy"}
    assert document["settings"]["DAY"] == {
        "value": 86400.0,
        "layer": "mapping",
        "source": "factory",
    }
    assert document["problems"] == []


@pytest.mark.parametrize("as_json", [True, False])
def test_problems_go_to_the_errors_and_the_rest_is_shown(resolve, as_json):
    code, out, errors = run(resolve(sets=["SITE=x", "TESTING=maybe", "bad"]), as_json)
    assert code == 1
    assert "SITE" in out
    assert len(errors.splitlines()) == 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x y", "x y"),
        ("", '""'),
        (" x", '" x"'),
        ("a\nb", '"a\\nb"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        (None, "-"),
        ([1], "[1]"),
        (True, "true"),
    ],
)
def test_values_are_one_harmless_line(resolve, value, shown):
    _, out, _ = run(resolve(mapping={"X": value}))
    (line,) = (line for line in out.splitlines() if line.startswith("X "))
    assert line.removeprefix("X").split("mapping")[0].strip() == shown
