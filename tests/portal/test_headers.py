"""portal/headers.py"""

import pytest

from portal.headers import RELAXED, STRICT


@pytest.mark.parametrize("path", ["/", "/about", "/nowhere", "/projects", "/page/1"])
def test_every_page_bears_them(client, path):
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == STRICT
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert headers["Content-Language"] == "en"
    assert headers["Cache-Control"] == "no-cache"


def test_static_files_are_not_sniffed(client):
    response = client.get("/static/portal.css")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Language" not in response.headers
    response.close()


def test_the_policy_allows_nothing_inline():
    assert "unsafe" not in STRICT
    assert "script-src" not in STRICT
    assert "'unsafe-inline'" in RELAXED


def test_a_view_may_set_its_own(app):
    app.add_url_rule(
        "/own/headers", endpoint="own", view_func=lambda: ("x", {"Referrer-Policy": "no-referrer"})
    )
    assert app.test_client().get("/own/headers").headers["Referrer-Policy"] == "no-referrer"
