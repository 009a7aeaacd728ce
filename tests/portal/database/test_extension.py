"""portal/database/extension.py"""

import sqlalchemy as sa

from carboy import hooks
from portal.database import db
from portal.database.extension import engine_options


def test_postgresql_connections_are_checked_and_time_out():
    url = sa.make_url("postgresql+psycopg://h/x?sslmode=require&connect_timeout=3")
    options = engine_options(url)
    assert options["pool_pre_ping"] is True
    # The URL has the last word: what it says is not said again.
    assert options["connect_args"] == {"application_name": "portal"}


def test_the_session_ends_with_the_context(app):
    with app.app_context():
        db.session.execute(sa.text("SELECT 1"))
        assert db.engine.pool.checkedout() == 1
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


def test_a_worker_that_stops_closes_its_connections(app):
    app.test_client().get("/about")
    with app.app_context():
        assert db.engine.pool.checkedin() == 1
        hooks.worker_stopping.send(app)
        assert db.engine.pool.checkedin() == 0


def test_in_memory(make_app):
    app = make_app(DATABASE_URL="sqlite://")
    assert app.test_client().get("/about").status_code == 200
