"""portal/database/url.py"""

from pathlib import Path

import pytest

from carboy.errors import UserError
from portal.database.url import parse, sqlite_file

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///var/x.sqlite", "/project/var/x.sqlite"),
        ("sqlite:////srv/x.sqlite", "/srv/x.sqlite"),
        ("sqlite:///var/mit Raum/ü.sqlite", "/project/var/mit Raum/ü.sqlite"),
    ],
)
def test_sqlite_paths_are_meant_from_the_root(text, path):
    assert sqlite_file(parse(text, root=ROOT)) == Path(path)


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_in_memory(text):
    url = parse(text, root=ROOT)
    assert url.database == ":memory:"
    assert sqlite_file(url) is None


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_by_psycopg(scheme):
    url = parse(f"{scheme}://me:secret@db.example/site?sslmode=require", root=ROOT)
    assert url.drivername == "postgresql+psycopg"
    assert (url.username, url.host, url.database) == ("me", "db.example", "site")
    assert url.query == {"sslmode": "require"}
    assert sqlite_file(url) is None


@pytest.mark.parametrize(
    "text",
    ["", "secret", "mysql://me:secret@h/x", "postgresql://me:secret@h:port/x", "sqlite:///file:x"],
)
def test_anything_else_is_refused_without_repeating_it(text):
    with pytest.raises(UserError, match="DATABASE_URL") as info:
        parse(text, root=ROOT)
    assert "secret" not in str(info.value)
    assert "\n" not in str(info.value)
