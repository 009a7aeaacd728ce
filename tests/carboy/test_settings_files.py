import json
import os
import random
from datetime import timedelta

import pytest

from carboy.settings.files import given_in


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and returns what is given in it, and its problems."""

    def read(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        problems = []
        given = given_in(path, name, problems)
        return {each.name: each.value for each in given}, problems

    return read


TOML = """
SITE_NAME = "x"
HOSTS = ["a"]
LANGUAGES = { de = "Deutsch" }
[server]
workers = 2
"""
CONTENT = {
    "workers": 2,
    "SITE_NAME": "x",
    "HOSTS": ["a"],
    "LANGUAGES": {"de": "Deutsch"},
}


def test_toml(read):
    assert read("a.toml", TOML) == (CONTENT, [])


def test_json(read):
    settings = {key: value for key, value in CONTENT.items() if key.isupper()}
    assert read("a.JSON", json.dumps({"server": {"workers": 2}} | settings)) == (CONTENT, [])


@pytest.mark.parametrize("name", ["a.py", "a.cfg"])
def test_python_takes_upper_case_names_only(read, name):
    code = (
        "import os\nfrom datetime import timedelta\nlower = 1\nWEEK = timedelta(7)\nME = __file__"
    )
    given, problems = read(name, code)
    assert given.pop("ME").endswith(os.sep + name)
    assert (given, problems) == ({"WEEK": timedelta(7)}, [])


def test_byte_order_mark(read):
    assert read("a.toml", b'\xef\xbb\xbfA = "x"') == ({"A": "x"}, [])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.toml", "A = ", "a.toml: Invalid value (at end of document)"),
        ("a.toml", "A = 1\nB ?", "(at line 2, column 3)"),
        ("a.json", "{", "a.json: Expecting property name"),
        ("a.json", "[1]", "a.json: expected an object with a key for each setting"),
        ("a.toml", b"\xff", "a.toml: is not UTF-8: invalid start byte at byte 0"),
        ("a.ini", "", "a.ini: unknown kind of settings file; expected .toml, .json, .cfg, .py"),
        ("a.py", "A = 1\nB = nope", "a.py: line 2: NameError: name 'nope' is not defined"),
        ("a.py", "A = 1\n\nB = = 2", "a.py: line 3: SyntaxError: invalid syntax"),
        ("a.py", "def f():\n  1 / 0\nf()", "a.py: line 2: ZeroDivisionError: division by zero"),
        ("a.py", "import json\njson.loads('')", "a.py: line 2: JSONDecodeError: Expecting value"),
        ("a.py", "raise SystemExit(3)", "a.py: line 1: SystemExit: 3"),
        ("a.py", "raise ValueError('a\\nb')", "a.py: line 1: ValueError: a b"),
        ("a.py", b"\xff", "a.py: is not UTF-8"),
        ("a.toml", "[srever]\nport = 1", "srever: unknown table; did you mean server? (file"),
        ("a.toml", "port = 1", "port: a server option belongs into the table [server] (file"),
        ("a.toml", "site = 1", "site: settings are written in upper case; did you mean SITE?"),
        ("a.toml", "server = 1", "server: expected a table of server options (file a.toml)"),
        ("a.toml", "[server]\nwrokers = 1", "[server] wrokers: unknown server option; did you"),
        ("a.toml", "[server]\nenv = 'testing'", "[server] env: cannot be set in a file"),
        ("a.toml", "[server]\nset = ['A=1']", "[server] set: cannot be set in a file"),
    ],
)
def test_problems_are_one_line_each(read, name, content, problem):
    _, (found,) = read(name, content)
    assert problem in found
    assert "\n" not in found


def test_folder_instead_of_a_file(tmp_path):
    problems = []
    (tmp_path / "x.toml").mkdir()
    assert given_in(tmp_path / "x.toml", "x.toml", problems) == []
    assert problems == ["x.toml: cannot be read: Is a directory"]


def random_value(rng, depth=0):
    kinds = [
        lambda: rng.choice([True, False]),
        lambda: rng.randint(-(10**9), 10**9),
        lambda: rng.randint(-(10**6), 10**6) / 64,
        lambda: "".join(rng.choices("aZ9 \"'\\\n\té€漢😀=#[]{}", k=rng.randint(0, 12))),
        lambda: [random_value(rng, depth + 1) for _ in range(rng.randint(0, 3))],
        lambda: {f"k{n}": random_value(rng, depth + 1) for n in range(rng.randint(0, 3))},
    ]
    return rng.choice(kinds if depth < 3 else kinds[:4])()


def as_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {as_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    # Scalars are written alike, and so are strings, but for JSON's surrogate pairs.
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("seed", range(40))
def test_formats_agree(read, seed):
    rng = random.Random(seed)
    settings = {f"KEY_{n}": random_value(rng) for n in range(8)}
    toml = "".join(f"{key} = {as_toml(value)}\n" for key, value in settings.items())
    python = "".join(f"{key} = {value!r}\n" for key, value in settings.items())
    assert read("a.toml", toml) == (settings, [])
    assert read("a.json", json.dumps(settings)) == (settings, [])
    assert read("a.py", python) == (settings, [])
