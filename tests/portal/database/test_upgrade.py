"""portal/database/upgrade.py"""

import alembic.command
from sqlalchemy import text

from portal.database import db, schema
from portal.database.upgrade import configuration, upgrade


def test_it_looks_again_once_it_holds_the_lock(app):
    with app.app_context():
        upgrade(db.engine, starter=True)  # another process was faster
        with db.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM page")) == 10


def test_down_and_up_again(app):
    with app.app_context():
        with db.engine.begin() as connection:
            alembic.command.downgrade(configuration(connection), "base")
        with db.engine.connect() as connection:
            assert schema.version(connection) is None
            assert not connection.dialect.has_table(connection, "page")
        schema.ensure(db.engine)
        with db.engine.connect() as connection:
            assert schema.version(connection) == schema.HEAD


def test_references_are_enforced_again_afterwards(make_app):
    app = make_app(DATABASE_URL="sqlite://")  # keeps the connection that migrated
    with app.app_context(), db.engine.connect() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
