"""portal/database/schema.py"""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from carboy.errors import UserError
from portal import create_app

SOURCE = str(Path(__file__).parents[3] / "src")
START = "import portal; portal.create_app({'TESTING': True}); print('ready')"


def query(path, sql):
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.fixture
def database(make_app, root):
    make_app()
    return root / "var" / "portal.sqlite"


def test_first_start_creates_folder_schema_and_pages(database):
    assert query(database, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert query(database, "SELECT id, slug FROM page ORDER BY id LIMIT 1") == [(1, "welcome")]
    assert query(database, "SELECT DISTINCT language FROM page ORDER BY 1") == [("de",), ("en",)]


def test_second_start_changes_nothing(database, make_app):
    query(database, "DELETE FROM page WHERE slug = 'about'")
    make_app()
    assert query(database, "SELECT count(*) FROM page WHERE slug = 'about'") == [(0,)]


def test_starter_pages_can_be_left_out(make_app, root):
    make_app(STARTER_PAGES=False)
    assert query(root / "var" / "portal.sqlite", "SELECT count(*) FROM page") == [(0,)]


def test_alembic_and_yaml_are_not_loaded_when_up_to_date(database, python):
    code = f"{START}; import sys; print(sorted({{'alembic', 'yaml'}} & set(sys.modules)))"
    assert python(code).stdout == "ready\n[]\n"


def test_many_processes_start_at_once(root):
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", START],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(6)
    ]
    outputs = [process.communicate(timeout=90)[0] for process in processes]
    assert outputs == ["ready\n"] * 6
    pages = "SELECT count(*), count(DISTINCT slug) FROM page"
    assert query(root / "var" / "portal.sqlite", pages) == [(10, 10)]


def test_a_newer_database_is_left_alone(database):
    query(database, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match=r"schema 9999 is newer than this code, which knows 0001"):
        create_app({"TESTING": True})
    assert query(database, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_migration_by_hand(root, make_app):
    with pytest.raises(UserError, match=r"missing.*AUTO_MIGRATE is off.*flask portal migrate"):
        create_app({"TESTING": True, "AUTO_MIGRATE": False})
    assert not (root / "var").exists()
    make_app()
    make_app(AUTO_MIGRATE=False)


def test_a_failed_migration_leaves_nothing(root, monkeypatch):
    from portal.pages import starter

    def fail(connection):
        raise OSError(5, "Input/output error", "starter")

    monkeypatch.setattr(starter, "add_starter_pages", fail)
    with pytest.raises(UserError, match="starter: Input/output error"):
        create_app({"TESTING": True})
    assert query(root / "var" / "portal.sqlite", "SELECT name FROM sqlite_master") == []


def test_folder_that_cannot_be_made(root):
    (root / "var").write_text("a file")
    with pytest.raises(UserError, match=r"cannot use the database sqlite:.*var") as info:
        create_app({"TESTING": True})
    assert "\n" not in str(info.value)


def test_file_that_is_no_database(root):
    (root / "var").mkdir()
    (root / "var" / "portal.sqlite").write_text("anything but SQLite\n" * 100)
    with pytest.raises(UserError, match="file is not a database"):
        create_app({"TESTING": True})


def test_server_that_is_not_there():
    url = "postgresql://me:secret@127.0.0.1:1/site"
    with pytest.raises(UserError, match=r"me:\*\*\*@127\.0\.0\.1:1") as info:
        create_app({"TESTING": True, "DATABASE_URL": url})
    assert "secret" not in str(info.value)
    assert "\n" not in str(info.value)
