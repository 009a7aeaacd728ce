"""The schema at start: one cheap look when it is up to date, one migration when it is not."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

import carboy.project
from carboy.errors import UserError
from portal.database.url import sqlite_file

HEAD = "0001"  # the newest of portal.migrations; a test holds the two together


def ensure(engine: sa.Engine, *, migrate: bool = True, starter: bool = True) -> None:
    """Bring the database up to HEAD, safely if several processes start at once.

    Raises UserError (one line) if it cannot be reached, or is of another version and `migrate`
    is false or it is newer than this code.
    """
    with explained(engine.url):
        if is_current(engine):
            return
        if not migrate:
            raise UserError(outdated(engine))
        # Alembic costs more than the rest of the start: only those who migrate load it.
        from portal.database import upgrade

        with locked(engine.url, fcntl.LOCK_EX):
            upgrade.upgrade(engine, starter=starter)


def is_current(engine: sa.Engine) -> bool:
    """Tell whether the schema is HEAD's, creating nothing."""
    path = sqlite_file(engine.url)
    if path is not None and not path.exists():
        return False
    # Shared: while another process creates the file, wait, for WAL can only be set without readers.
    with locked(engine.url, fcntl.LOCK_SH), engine.connect() as connection:
        return version(connection) == HEAD


def version(connection: sa.Connection) -> str | None:
    """Return the schema's version; None if there is no schema."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


@contextmanager
def locked(url: sa.URL, kind: int) -> Iterator[None]:
    """Hold a lock file beside an SQLite database; nothing for others, which lock in themselves."""
    path = sqlite_file(url)
    if path is None:
        yield
        return
    carboy.project.make_room(path)
    with Path(f"{path}.lock").open("a") as lock:
        fcntl.flock(lock, kind)
        yield


@contextmanager
def explained(url: sa.URL) -> Iterator[None]:
    """Turn errors of the database and its folder into one line, with its name, not its password."""
    name = url.render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = " ".join(str(error.orig).split())
        raise UserError(f"cannot use the database {name}: {reason}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UserError(f"cannot use the database {name}: {where}{error.strerror}") from error


def outdated(engine: sa.Engine) -> str:
    """Say what an operator does who migrates by hand."""
    path = sqlite_file(engine.url)
    found = None
    if path is None or path.exists():
        with engine.connect() as connection:
            found = version(connection)
    return (
        f"the database's schema is {found or 'missing'}, this code needs {HEAD}, and AUTO_MIGRATE "
        "is off: run `CARBOY_AUTO_MIGRATE=true bin/flask portal migrate`"
    )
