import secrets

import pytest

import carboy.settings
from carboy.errors import SettingsError
from carboy.settings import weakness

STRONG = "Zq8vN2xL5tR9wK3m"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "dev",
        "secret",
        "0123456789abcde",
        "a" * 64,
        "abcabcabcabcabcabcabc",
        "please-change-me-now",
        "PLEASE_CHANGE_ME_IN_PRODUCTION",
        "changeme" * 4,
        "your-secret-key-goes-here",
        "this is a very secret key",
        "super-secret-development-key",
        "a-random-string-please-replace",
        "0123456789abcdef",
        "12345678901234567890"[:16],
        "qwertyuiopqwertyuiop",
        "insecure-default-secret-key",
        "django-insecure-" + "x8Jk2Lp9Qw3Er5Ty7Ui1",
        b"changemechangeme",
    ],
)
def test_weak(key):
    assert weakness(key)


@pytest.mark.parametrize(
    "key",
    [
        STRONG,
        STRONG.encode(),
        "correct horse battery staple",
        "a!b@c#d$e%f^g&h*",
        "secret-4f9a8c7b6d5e3f2a1b0c9d8e",
        bytes(range(200, 232)),
    ],
)
def test_strong(key):
    assert weakness(key) is None


def test_generated_keys_are_strong():
    for _ in range(300):
        for make in (secrets.token_hex, secrets.token_urlsafe, secrets.token_bytes):
            assert weakness(make(32)) is None


@pytest.fixture
def problems(tmp_path):
    """Return a function that resolves for a foreign application and returns the problems."""

    def problems(**arguments):
        given = {"environ": {}, "root": tmp_path, "cwd": tmp_path, "strict": False}
        return list(carboy.settings.resolve(**given | arguments).problems)

    return problems


@pytest.mark.parametrize(
    "options",
    [
        {"host": "127.0.0.1"},
        {"host": "127.9.9.9"},
        {"host": "localhost"},
        {"host": "::1"},
        {"host": "0.0.0.0", "bind": ["unix:/x", "fd://3", "[::1]:80", "localhost:80"]},
        {"host": "0.0.0.0", "debug": False},
    ],
)
def test_debugger_on_this_machine(problems, options):
    assert problems(options={"debug": True} | options) == []


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"host": "0.0.0.0"}, "host is '0.0.0.0' (command line --host)"),
        ({"host": "::"}, "host is '::'"),
        ({"host": "example.org"}, "host is 'example.org'"),
        ({"host": "localhost.example.org"}, "host is 'localhost.example.org'"),
        ({"bind": ["unix:/x", "10.0.0.1:80"]}, "bind is '10.0.0.1:80' (command line --bind)"),
        ({"bind": ["[::]:80"]}, "bind is '[::]:80'"),
    ],
)
@pytest.mark.parametrize("env", ["development", "production"])
def test_debugger_open_to_the_network(problems, options, name, env):
    (problem,) = problems(env=env, options=options, environ={"CARBOY_DEBUG": "1"})
    assert problem.startswith("debug: the debugger would be open to the network, for " + name)
    assert "(debug is on: environment CARBOY_DEBUG)" in problem


def test_address_that_is_none(problems):
    (problem,) = problems(options={"bind": ["nonsense"]})
    assert problem.startswith("bind: cannot bind to 'nonsense'")
    assert problem.endswith("(command line --bind)")


def test_weak_key_in_production_only(problems):
    mapping = {"SECRET_KEY": "dev"}
    assert problems(env="testing", mapping=mapping) == []
    (problem,) = problems(env="production", mapping=mapping)
    assert problem.startswith("SECRET_KEY: has 3 characters, fewer than 16; make one with")
    assert problem.endswith("(mapping factory)")


def test_weak_fallback_opens_the_same_door(problems):
    mapping = {"SECRET_KEY": STRONG, "SECRET_KEY_FALLBACKS": [STRONG, "changemechangeme"]}
    (problem,) = problems(env="production", mapping=mapping)
    assert problem.startswith("SECRET_KEY_FALLBACKS: looks like a placeholder")
    assert "changeme" not in problem


@pytest.mark.parametrize("value", [None, ""])
def test_required_keys_of_the_environment(tmp_path, value):
    (tmp_path / "mill").mkdir()
    (tmp_path / "mill/carboy.toml").write_text(
        '[A]\ntype = "str"\nrequired = ["testing"]\n[B]\ntype = "int"\nrequired = true\n'
    )
    arguments = {"app": "mill:app", "environ": {}, "root": tmp_path, "cwd": tmp_path}
    with pytest.raises(SettingsError) as error:
        carboy.settings.resolve(env="testing", mapping={"A": value}, **arguments)
    assert error.value.problems == [
        "A: is required in testing; set CARBOY_A, or the key in a settings file (mill/carboy.toml)",
        "B: is required in testing; set CARBOY_B, or the key in a settings file (mill/carboy.toml)",
    ]
    resolved = carboy.settings.resolve(mapping={"B": 0}, **arguments)
    assert resolved.settings["B"] == 0
