"""portal/database/models.py"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, StatementError

from portal.database import Page, db


@pytest.fixture
def session(app):
    with app.app_context():
        yield db.session


def test_times_are_aware_and_in_utc(session):
    page = session.scalars(select(Page).where(Page.slug == "about")).one()
    assert page.created.tzinfo is UTC
    east = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    page.created = east
    session.flush()
    session.expire(page)
    assert page.created == east
    assert page.created.isoformat() == "2026-01-31T10:00:00+00:00"


def test_a_time_without_a_zone_is_refused(session):
    session.add(Page(slug="x", title="X", created=datetime(2026, 1, 1)))
    with pytest.raises(StatementError, match="time zone"):
        session.flush()


def test_updated_follows_a_change(session):
    page = session.scalars(select(Page).where(Page.slug == "about")).one()
    page.updated = datetime(2000, 1, 1, tzinfo=UTC)
    session.flush()
    page.title = "Other"
    session.flush()
    assert page.updated.year > 2000


def test_slugs_are_unique(session):
    session.add(Page(slug="about", title="Again"))
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_line_ends_are_unified(session):
    assert Page(slug="x", title="X", body="a\r\nb\rc").body == "a\nb\nc"


def test_children_lose_their_parent_when_it_goes(session):
    folder = session.scalars(select(Page).where(Page.slug == "projects")).one()
    assert [page.slug for page in folder.children] == ["crate", "flask", "straw"]
    session.delete(folder)
    session.flush()
    assert session.scalars(select(Page).where(Page.slug == "crate")).one().parent is None
