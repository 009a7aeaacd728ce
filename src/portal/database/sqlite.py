"""SQLite as a server's database."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

BUSY_TIMEOUT = 10_000  # milliseconds to wait for another writer
WRITE = "portal_write"  # execution option: this transaction is going to write


def prepare(engine: sa.Engine) -> None:
    """Make connections of `engine` wait for each other, keep references, and begin explicitly."""
    sa.event.listen(engine, "connect", configure)
    sa.event.listen(engine, "begin", begin)


def configure(connection: sqlite3.Connection, _record: object = None) -> None:
    """Set what SQLite forgets with every connection."""
    # Otherwise the sqlite3 module leaves DDL outside of transactions; `begin` starts them here.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT:d}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=NORMAL")  # safe with WAL


def begin(connection: sa.Connection) -> None:
    """Begin a transaction; a writing one takes its lock at once.

    A transaction that reads first and writes later fails without waiting if somebody else wrote
    in between (SQLITE_BUSY_SNAPSHOT), so writers say so with the execution option `WRITE`.
    """
    writes = connection.get_execution_options().get(WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def set_outside_transaction(connection: sa.Connection, pragma: str) -> None:
    """Execute a PRAGMA that has no effect inside a transaction, as SQLAlchemy would begin one."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.execute(f"PRAGMA {pragma}").close()
