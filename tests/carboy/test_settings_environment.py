import os

import pytest

from carboy.settings.declarations import Declaration, Declarations
from carboy.settings.environment import credential_key, options_in, secrets_in, settings_in


@pytest.fixture
def declarations():
    keys = {"API": "str", "COUNT": "int", "PARTS": "dict", "DATABASE_URL": "str"}
    return Declarations(
        {
            key: Declaration(key, "x", kind, environ="DATABASE_URL" if "_" in key else None)
            for key, kind in keys.items()
        },
        closed=True,
    )


def pairs(given):
    return [(each.name, each.value) for each in given]


def test_options(declarations):
    environ = {"PORT": "1", "CARBOY_PORT": "2", "CARBOY_HOST": "", "HOME": "/", "CARBOY_SET": "A=1"}
    assert pairs(options_in(environ)) == [("port", "1"), ("port", "2")]


def test_settings_bare_ones_first_and_parts_after_the_whole(declarations):
    environ = {
        "CARBOY_PARTS__b": "2",
        "CARBOY_PARTS": '{"a": 1}',
        "CARBOY_PORT": "1",
        "CARBOY_DATABASE_URL": "own",
        "DATABASE_URL": "bare",
        "CARBOY_API_FILE": "/x",
        "CARBOYS": "no",
    }
    assert pairs(settings_in(environ, declarations)) == [
        ("DATABASE_URL", "bare"),
        ("DATABASE_URL", "own"),
        ("PARTS", '{"a": 1}'),
        ("PARTS__b", "2"),
    ]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("API", ("API",)),
        ("api", ("API",)),
        ("carboy_api", ("API",)),
        ("carboy.database-url", ("DATABASE_URL",)),
        ("Database_Url", ("DATABASE_URL",)),
        ("parts__B", ("PARTS", "B")),
    ],
)
def test_names_of_credentials(name, key):
    assert credential_key(name) == key


@pytest.fixture
def secrets(tmp_path, declarations):
    """Return a function that reads secrets: what is given, the problems, the files."""

    def secrets(**environ):
        problems, files = [], []
        found = secrets_in(environ, declarations, root=tmp_path, problems=problems, files=files)
        return pairs(found), problems, files

    return secrets


@pytest.mark.parametrize(
    ("content", "value"),
    [("x", "x"), ("x\n", "x"), ("x\n\n", "x\n"), ("x\r\n", "x"), (" x ", " x "), ("", "")],
)
def test_one_newline_is_stripped(tmp_path, secrets, content, value):
    (tmp_path / "s").write_bytes(content.encode())
    assert secrets(CARBOY_API_FILE="s") == ([("API", value)], [], [tmp_path / "s"])


def test_part_of_a_dict(tmp_path, secrets):
    (tmp_path / "s").write_text("x")
    assert secrets(CARBOY_PARTS__key_FILE="s")[0] == [("PARTS__key", "x")]


def test_secret_that_cannot_be_read(tmp_path, secrets):
    given, (problem,), _ = secrets(CARBOY_API_FILE="/nowhere")
    assert given == []
    assert problem == (
        "API: cannot be read: No such file or directory (secret /nowhere (CARBOY_API_FILE))"
    )
    (tmp_path / "s").write_bytes(b"\xff")
    assert secrets(CARBOY_API_FILE="s")[1][0].startswith("API: is not UTF-8 (secret ")


def test_credentials_of_declared_keys_only(tmp_path, secrets):
    folder = tmp_path / "credentials"
    (folder / "folder").mkdir(parents=True)
    for name in ("api", "carboy.database-url", "tls_key", ".hidden", "workers"):
        (folder / name).write_text(f"{name}\n")
    given, problems, files = secrets(CREDENTIALS_DIRECTORY=str(folder))
    assert given == [("API", "api"), ("DATABASE_URL", "carboy.database-url")]
    assert problems == []
    assert files == [folder / "api", folder / "carboy.database-url"]


def test_two_credentials_for_one_key(tmp_path, secrets):
    (tmp_path / "api").write_text("1")
    (tmp_path / "API.").write_text("2")  # counts as API_, which is another name
    (tmp_path / "carboy_api").write_text("2")
    _, problems, _ = secrets(CREDENTIALS_DIRECTORY=str(tmp_path))
    assert problems == ["API: two credentials: api and carboy_api"]


def test_no_such_folder(secrets):
    assert secrets(CREDENTIALS_DIRECTORY="/nowhere")[1] == [
        "$CREDENTIALS_DIRECTORY: /nowhere cannot be read: No such file or directory"
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_forbidden_secret(tmp_path, secrets):
    (tmp_path / "s").touch(mode=0)
    assert "Permission denied" in secrets(CARBOY_API_FILE="s")[1][0]
