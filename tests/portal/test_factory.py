"""portal/factory.py"""

import pytest
from flask import request, url_for
from flask.cli import FlaskGroup
from jinja2 import UndefinedError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

import carboy.settings
import portal
from carboy.errors import UserError
from portal.factory import Portal


def test_two_applications_with_different_settings(make_app, root):
    front = make_app(SITE_NAME="Front", DATABASE_URL="sqlite:///front.sqlite")
    back = make_app(SITE_NAME="Back", DATABASE_URL="sqlite:///back.sqlite", STARTER_PAGES=False)
    assert "<title>Front · " in front.test_client().get("/").text
    assert back.test_client().get("/").status_code == 404
    assert "Front" not in back.test_client().get("/").text
    assert (root / "front.sqlite").is_file()
    assert (root / "back.sqlite").is_file()


def test_finished_settings_are_taken_as_they_are(make_app):
    settings = carboy.settings.load({"TESTING": True, "SITE_NAME": "Done"}, app="portal")
    app = portal.create_app(settings)
    assert app.config["SITE_NAME"] == "Done"


def test_without_settings_the_environment_decides(monkeypatch):
    monkeypatch.setenv("CARBOY_ENV", "testing")
    monkeypatch.setenv("CARBOY_SITE_NAME", "From outside")
    app = portal.create_app()
    assert (app.config["SITE_NAME"], app.testing) == ("From outside", True)


def test_unknown_setting_is_refused_by_name():
    with pytest.raises(UserError, match=r"SITE_NAM.*did you mean SITE_NAME"):
        portal.create_app({"TESTING": True, "SITE_NAM": "x"})


def test_index_template_is_a_setting_of_each_application(make_app):
    plain = make_app(INDEX_TEMPLATE="pages/page.html")
    assert 'class="hero"' not in plain.test_client().get("/").text
    assert 'class="hero"' in make_app().test_client().get("/").text


def test_a_misspelt_name_in_a_template_is_an_error(app):
    template = app.jinja_env.from_string("{{ sitename }}")
    with pytest.raises(UndefinedError):
        template.render()


def test_it_can_be_wrapped_in_middleware(app):
    inner = app.wsgi_app

    def shout(environ, start_response):
        return [b"".join(inner(environ, start_response)).upper()]

    app.wsgi_app = shout
    assert "A BIG FLASK" in app.test_client().get("/").text


def test_it_is_a_subclass_of_flask_to_build_on(make_app):
    assert isinstance(make_app(), Portal)


def test_mounted_below_a_prefix_every_link_bears_it(make_app):
    mounted = DispatcherMiddleware(make_app(), {"/backend": make_app()})
    text = Client(mounted).get("/backend/").text
    assert 'href="/backend/serve"' in text
    assert 'href="/backend/willkommen"' in text  # from the Markdown
    assert 'href="/backend/static/portal.css"' in text
    assert Client(mounted).get("/backend/projects").location == "/backend/projects/"
    assert 'href="/serve"' in Client(mounted).get("/").text


@pytest.mark.parametrize(("hops", "address"), [(0, "127.0.0.1"), (1, "192.0.2.7")])
def test_forwarded_headers_count_only_from_known_proxies(make_app, hops, address):
    app = make_app(PROXY_HOPS=hops)
    seen = []
    app.before_request(lambda: seen.append(request.remote_addr))
    app.test_client().get("/", headers={"X-Forwarded-For": "198.51.100.1, 192.0.2.7"})
    assert seen == [address]


def test_url_for_makes_external_addresses(app):
    with app.test_request_context(base_url="https://example.org"):
        assert url_for("pages.page", slug="about", _external=True) == "https://example.org/about"
        assert url_for("pages.folder", slug="projects") == "/projects/"
        assert url_for("pages.by_id", pk=3) == "/page/3"


def test_flask_routes_lists_the_rules(app):
    result = app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: app), ["routes"])
    assert result.exit_code == 0
    for rule in ("/page/<int(max=2147483647):pk>", "/<slug:slug>/", "/<slug:slug>", "pages.index"):
        assert rule in result.output


def test_shell_has_models_and_session_at_hand(app):
    with app.app_context():
        context = app.make_shell_context()
        assert context["session"] is context["db"].session
        assert context["session"].query(context["Page"]).filter_by(slug="about").one().title
