"""portal/toolbar.py"""

import pytest

from portal import create_app, toolbar
from portal.database import db
from portal.headers import RELAXED

pytest.importorskip("flask_debugtoolbar", reason="the toolbar is not among the production eggs")


@pytest.fixture
def debugged():
    app = create_app({"DEBUG": True, "SECRET_KEY": "only for this test, and long"})
    yield app
    with app.app_context():
        db.engine.dispose()


def test_in_development_it_is_there_with_its_profiler(debugged):
    response = debugged.test_client().get("/about")
    assert 'id="flDebug"' in response.text
    assert 'id="flDebugProfilerPanel-content"' in response.text
    assert response.headers["Content-Security-Policy"] == RELAXED
    assert "ETag" not in response.headers


def test_it_starts_folded_and_then_stays_as_it_is_left(debugged):
    client = debugged.test_client()
    client.get("/about")
    assert client.get_cookie("fldt").value == "hide"
    client.delete_cookie("fldt")  # what its script does when somebody opens it
    client.get("/about")
    assert client.get_cookie("fldt") is None


def test_redirects_are_not_intercepted(debugged):
    assert debugged.test_client().get("/page/1").status_code == 308


def test_never_in_tests(make_app):
    app = make_app(DEBUG=True)
    assert "flDebug" not in app.test_client().get("/").text


def test_not_in_production(make_app):
    assert not toolbar.wanted(make_app())


def test_without_the_package_development_works(monkeypatch):
    monkeypatch.setattr(toolbar, "find_spec", lambda name: None)
    app = create_app({"DEBUG": True, "SECRET_KEY": "only for this test, and long"})
    response = app.test_client().get("/")
    assert response.status_code == 200
    assert "flDebug" not in response.text
    with app.app_context():
        db.engine.dispose()
