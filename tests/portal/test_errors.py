"""portal/errors.py"""

import pytest
from flask import abort, make_response


@pytest.fixture
def broken(make_app):
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/fails/now", view_func=lambda: 1 / 0, endpoint="fails")
    return app


def test_404_has_the_look_of_the_site(client):
    response = client.get("/nowhere")
    assert response.status_code == 404
    assert response.headers["Content-Language"] == "en"
    assert "<h1>Not Found</h1>" in response.text
    assert 'href="/about"' in response.text


def test_500_has_the_look_and_asks_the_database_nothing(broken, caplog):
    response = broken.test_client().get("/fails/now")
    assert response.status_code == 500
    assert "<h1>Internal Server Error</h1>" in response.text
    assert "portal.css" in response.text
    assert "ZeroDivisionError" not in response.text
    assert 'href="/about"' not in response.text
    assert "ZeroDivisionError" in caplog.text


def test_500_when_the_database_is_gone(make_app, root):
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    for path in (root / "var").iterdir():
        path.unlink()
    response = app.test_client().get("/")
    assert response.status_code == 500
    assert "<h1>Internal Server Error</h1>" in response.text


def test_other_errors_keep_their_headers(client):
    response = client.post("/about")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
    assert "<h1>Method Not Allowed</h1>" in response.text


def test_a_finished_response_is_left_alone(app):
    def view():
        abort(make_response(("no tea", 418)))

    app.add_url_rule("/tea/pot", view_func=view)
    response = app.test_client().get("/tea/pot")
    assert (response.status_code, response.text) == (418, "no tea")


def test_the_description_is_escaped(app):
    def view():
        abort(400, "<script>alert(1)</script>")

    app.add_url_rule("/bad/request", view_func=view)
    assert "<script>" not in app.test_client().get("/bad/request").text
