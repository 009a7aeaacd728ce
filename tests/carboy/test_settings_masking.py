import pytest

from carboy.settings.masking import MASK, is_revealing, masked


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:pw@h/db", f"postgresql://u:{MASK}@h/db"),
        ("redis://:pw@h", f"redis://:{MASK}@h"),
        ("postgres://u:p/w@x@h/db", f"postgres://u:{MASK}@h/db"),
        ("https://h/db?password=pw&x=1", f"https://h/db?password={MASK}&x=1"),
        ("https://h:80/x", "https://h:80/x"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("u:pw@h", "u:pw@h"),
    ],
)
def test_of_a_url_the_password_only(url, expected):
    assert masked(url) == expected


def test_secret_url_shows_all_but_the_password():
    assert masked("postgres://u:pw@h/db", True) == f"postgres://u:{MASK}@h/db"
    assert masked("https://hooks.example.org/T123", True) == MASK


def test_nested():
    value = {"user": "u", "password": "p", "urls": ["x://u:p@h"], "n": {"api_key": 1, "on": True}}
    assert masked(value) == {
        "user": "u",
        "password": MASK,
        "urls": [f"x://u:{MASK}@h"],
        "n": {"api_key": MASK, "on": True},
    }
    assert masked({"a": "x", "b": ["y"], "c": None}, True) == {"a": MASK, "b": [MASK], "c": None}


@pytest.mark.parametrize("value", ["x", b"x", 5, 1.5])
def test_secret(value):
    assert masked(value, True) == MASK
    assert masked(value) == value


@pytest.mark.parametrize("key", ["SECRET_KEY", "db_password", "API_TOKEN", "APIKEY", "PRIVATE_KEY"])
def test_names_that_reveal(key):
    assert is_revealing(key)
    assert not is_revealing("SITE_NAME")
