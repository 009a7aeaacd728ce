"""portal/database/sqlite.py"""

import sqlite3

import pytest
from sqlalchemy import select, text

from portal.database import Page, db, sqlite


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("busy_timeout", sqlite.BUSY_TIMEOUT),
        ("synchronous", 1),
    ],
)
def test_every_connection_is_set_up(app, pragma, value):
    with app.app_context(), db.engine.connect() as first, db.engine.connect() as second:
        for connection in (first, second):
            assert connection.scalar(text(f"PRAGMA {pragma}")) == value


def test_a_writer_takes_the_lock_at_once(app, root):
    with app.app_context(), db.sessionmaker() as session:
        session.connection(execution_options={sqlite.WRITE: True})
        other = sqlite3.connect(root / "var" / "portal.sqlite", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM page").fetchone()[0] > 0  # readers go on
        other.close()


def test_a_reader_takes_none(app, root):
    with app.app_context():
        db.session.scalars(select(Page)).all()
        other = sqlite3.connect(root / "var" / "portal.sqlite", timeout=0)
        other.execute("BEGIN IMMEDIATE")
        other.close()


def test_tables_are_created_within_the_transaction(app):
    with app.app_context(), db.engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(text("CREATE TABLE t (x)"))
        transaction.rollback()
        assert not connection.dialect.has_table(connection, "t")
