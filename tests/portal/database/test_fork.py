"""portal/database/fork.py"""

import os

import pytest
from sqlalchemy import select

from portal.database import Page, db


def in_child(work):
    """Return what `work` returns in a forked child."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, repr(work()).encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read().decode()
    os.waitpid(pid, 0)
    return text


def connection_id():
    with db.engine.connect() as connection:
        return id(connection.connection.driver_connection)


def test_after_the_factory_no_connection_is_open(app):
    with app.app_context():
        assert db.engine.pool.checkedin() == 0


def test_a_child_opens_a_connection_of_its_own(app):
    with app.app_context():
        mine = connection_id()  # now in the pool
        assert connection_id() == mine
        pool = db.engine.pool
        assert in_child(lambda: (db.engine.pool is pool, connection_id() == mine)) == str(
            (False, False)
        )
        assert connection_id() == mine


def test_parent_and_child_both_answer(app):
    with app.app_context():
        first = db.session.scalars(select(Page).where(Page.slug == "about")).one().title
        db.session.rollback()
    assert in_child(lambda: app.test_client().get("/about").status_code) == "200"
    assert first in app.test_client().get("/about").text


@pytest.mark.parametrize("times", [1, 2])
def test_the_grandchild_too(app, times):
    def work():
        return in_child(lambda: app.test_client().get("/about").status_code)

    assert in_child(work) == repr("200")
