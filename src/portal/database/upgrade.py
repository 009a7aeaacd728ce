"""Create and migrate the schema, by Alembic."""

from __future__ import annotations

import alembic.command
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from carboy.errors import UserError
from portal.database import schema, sqlite

LOCK_KEY = 0x706F7274616C  # "portal"; any number that no other user of the server has


def upgrade(engine: sa.Engine, *, starter: bool) -> None:
    """Bring the schema to HEAD in one transaction, with the first pages in a new database."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            before_on_sqlite(connection)
        with connection.execution_options(**{sqlite.WRITE: True}).begin():
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
            migrate(connection, starter=starter)
        if engine.dialect.name == "sqlite":
            sqlite.set_outside_transaction(connection, "foreign_keys=ON")


def before_on_sqlite(connection: sa.Connection) -> None:
    """Switch to WAL, for good, and references off: a batch migration rebuilds tables.

    With references on, dropping the old table would act on the rows that point to it.
    """
    sqlite.set_outside_transaction(connection, "journal_mode=WAL")
    sqlite.set_outside_transaction(connection, "foreign_keys=OFF")


def migrate(connection: sa.Connection, *, starter: bool) -> None:
    """Run the missing migrations; the caller holds the lock, so look again first."""
    found = schema.version(connection)
    if found == schema.HEAD:
        return
    config = configuration(connection)
    refuse_unknown(config, found)
    alembic.command.upgrade(config, "head")
    if found is None and starter:
        from portal.pages.starter import add_starter_pages

        add_starter_pages(connection)


def configuration(connection: sa.Connection | None = None) -> Config:
    """Return Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", "portal:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def refuse_unknown(config: Config, found: str | None) -> None:
    """Raise UserError if the database's version is none that this code knows."""
    try:
        ScriptDirectory.from_config(config).get_revision(found or "base")
    except CommandError:
        raise UserError(
            f"the database's schema {found} is newer than this code, which knows {schema.HEAD}: "
            "start the newer release, or restore a backup"
        ) from None
