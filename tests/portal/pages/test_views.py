"""portal/pages/views.py and urls.py"""

import pytest
from sqlalchemy import event, select

from portal.database import Page, db


@pytest.fixture
def queries(app):
    seen = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen


def test_home_page(client):
    response = client.get("/")
    assert response.status_code == 200
    assert "<h1>A big flask in a crate</h1>" in response.text


def test_file_form(client):
    assert client.get("/about").status_code == 200
    assert client.get("/about/").status_code == 404


def test_folder_form(client):
    response = client.get("/projects/")
    assert response.status_code == 200
    assert 'href="/crate"' in response.text
    redirected = client.get("/projects")
    assert (redirected.status_code, redirected.location) == (308, "/projects/")


@pytest.mark.parametrize(
    ("slug", "location"), [("welcome", "/"), ("about", "/about"), ("projects", "/projects/")]
)
def test_the_number_redirects_to_the_slug_for_good(app, client, slug, location):
    with app.app_context():
        pk = db.session.scalar(select(Page.id).where(Page.slug == slug))
    response = client.get(f"/page/{pk}")
    assert (response.status_code, response.location) == (308, location)
    assert response.headers["Cache-Control"] == "no-cache"  # the slug may change one day


@pytest.mark.parametrize(
    "path",
    [
        *("/page/0", "/page/999", "/page/-1", "/page/99999999999999999999", "/page/x", "/page/"),
        *("/About", "/a_b", "/a--b", "/%00", "/ä", "/about%2F", "/static/nothing", "/projects/x"),
    ],
)
def test_whatever_is_not_there_is_404(client, path):
    assert client.get(path).status_code == 404


def test_home_has_one_address(client):
    response = client.get("/welcome")
    assert (response.status_code, response.location) == (308, "/")


def test_home_page_is_a_setting(make_app):
    client = make_app(HOME_PAGE="projects").test_client()
    assert "<h1>Projects</h1>" in client.get("/").text
    assert client.get("/projects/").location == "/"
    assert client.get("/projects").location == "/"
    assert client.get("/welcome").status_code == 200


def test_a_site_without_its_home_page_says_which(make_app):
    response = make_app(HOME_PAGE="start").test_client().get("/")
    assert response.status_code == 404
    assert "no page called “start” yet" in response.text


def test_language_of_the_page(client):
    response = client.get("/willkommen")
    assert response.headers["Content-Language"] == "de"
    assert '<html lang="de">' in response.text


def test_etag(client):
    first = client.get("/about")
    assert first.last_modified is not None
    again = client.get("/about", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get("/serve", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


def test_a_change_of_the_navigation_changes_every_page(app, client):
    first = client.get("/about")
    with app.app_context():
        db.session.add(Page(slug="new", title="New", position=5))
        db.session.commit()
    headers = {
        "If-None-Match": first.headers["ETag"],
        "If-Modified-Since": first.headers["Last-Modified"],
    }
    assert client.get("/about", headers=headers).status_code == 200
    del headers["If-None-Match"]
    assert client.get("/about", headers=headers).status_code == 200


def test_head(client):
    response = client.head("/about")
    assert (response.status_code, response.data) == (200, b"")


def test_what_an_editor_writes_is_escaped(app, client):
    with app.app_context():
        nasty = "<script>alert(1)</script>"
        db.session.add(Page(slug="x", title=nasty, summary=nasty, body=nasty, position=1))
        db.session.commit()
    assert "<script>" not in client.get("/x").text
    assert "<script>" not in client.get("/").text


def test_two_queries_a_page(client, queries):
    client.get("/about")
    assert len([sql for sql in queries if sql.startswith("SELECT")]) == 2


def test_no_query_for_an_impossible_slug(client, queries):
    client.get("/Not-A-Slug")
    assert len([sql for sql in queries if sql.startswith("SELECT")]) == 1  # the navigation
