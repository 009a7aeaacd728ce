"""Somebody else's applications in copies of the project, by the local.cfg of docs/foreign.md."""

import json
import secrets

import pytest

from support import project
from support.live import save, wait_until
from support.scratch import PROJECT, run

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (PROJECT / "bin" / "serve").is_file(), reason="bin/serve is missing: run bin/buildout"
    ),
]

TEXTS = project.blocks(PROJECT / "docs" / "foreign.md", "cfg")
KEY = secrets.token_hex(32)

# The shape of the application of Flask's tutorial: a factory with a `test_config`, a blueprint,
# a database in the instance folder.
BREWERY = {
    "pyproject.toml": """\
[project]
name = "brewery"
version = "1.0"
dependencies = ["flask"]

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["brewery"]
""",
    "brewery/__init__.py": """\
from pathlib import Path

from flask import Flask


def create_app(test_config=None):
    app = Flask(__name__, instance_relative_config=True)
    app.config.from_mapping(DATABASE=f"{app.instance_path}/brewery.sqlite", CASK="oak")
    if test_config is None:
        app.config.from_pyfile("config.py", silent=True)
    else:
        app.config.from_mapping(test_config)
    Path(app.instance_path).mkdir(exist_ok=True)

    from brewery import beers
    app.register_blueprint(beers.bp)
    app.add_url_rule("/", endpoint="index")
    return app
""",
    "brewery/beers.py": """\
import sqlite3
from contextlib import closing

from flask import Blueprint, current_app, redirect, render_template, request, url_for

bp = Blueprint("beers", __name__)


def query(text, *values):
    with closing(sqlite3.connect(current_app.config["DATABASE"], timeout=10)) as database:
        with database:
            database.execute("create table if not exists beer (name text)")
            return database.execute(text, values).fetchall()


@bp.route("/")
def index():
    beers = query("select name from beer order by name")
    return render_template("beers.html", beers=beers)


@bp.route("/create", methods=["POST"])
def create():
    query("insert into beer values (?)", request.form["name"])
    return redirect(url_for("index"))


@bp.route("/cask")
def cask():
    return current_app.config["CASK"]
""",
    "brewery/templates/beers.html": """\
<ul>{% for (name,) in beers %}<li>{{ name }}</li>{% endfor %}</ul>
<form action="{{ url_for('beers.create') }}" method="post"></form>
""",
}

PLAIN = """\
def application(environ, start_response):
    body = b"plain"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
"""


@pytest.fixture
def copied(tmp_path):
    """A copy of the project that is still to be built."""
    return project.copy(tmp_path / "carboy")


@pytest.fixture
def brewery(tmp_path):
    """Somebody's sources beside the copy."""
    for name, text in BREWERY.items():
        path = tmp_path / "brewery" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "brewery" / "brewery"


def configure(copied, title):
    """Write the local.cfg that stands below a title of the documentation."""
    (copied.root / "local.cfg").write_text(TEXTS[title])


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    save(path, text.replace(old, new))


def fill(server, name):
    """Post a form and return the page that it leads to."""
    connection = server.connect()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/create", f"name={name}", headers)
    response = connection.getresponse()
    assert response.status == 302
    connection.close()
    return server.get(response.headers["Location"])[1]


def check_workers(server, count):
    server.ready()
    assert "environment  production" in server.output
    assert len(server.workers()) == count


# --- a distribution ------------------------------------------------------------------------------


def test_a_distribution_from_the_index(copied, tmp_path):
    title = "A distribution from the package index"
    project.require_index("httpbin==0.10.4", tmp_path)
    configure(copied, title)
    run([copied.command("lock")], cwd=copied.root)
    copied.build()
    with copied.serve() as server:
        status, text = server.get("/get?kind=stout")
        assert status == 200
        assert json.loads(text)["args"] == {"kind": "stout"}
        assert server.get("/status/418")[0] == 418
    assert "/anything" in run([copied.command("flask"), "routes"], cwd=copied.root).stdout

    copied.build(*project.PRODUCTION)
    with copied.serve("--workers", "2") as server:
        check_workers(server, 2)
        assert json.loads(server.get("/uuid")[1])["uuid"]
        assert server.get("/base64/Y2FyYm95") == (200, "carboy")


def test_a_distribution_whose_version_is_picked(copied, tmp_path):
    project.require_index("httpbin==0.10.4", tmp_path)
    configure(copied, "Let the build pick the versions")
    copied.build()
    with copied.serve() as server:
        assert server.get("/status/418")[0] == 418


# --- a source checkout ---------------------------------------------------------------------------


def test_a_source_checkout_in_development(copied, brewery):
    configure(copied, "A source checkout beside the project")
    copied.build()
    with copied.serve() as server:
        assert "<li>Bock</li>" in fill(server, "Bock")
        # What the application has written is no reason to reload.
        assert (brewery.parent / "instance" / "brewery.sqlite").is_file()
        for name, old, new in [
            ("templates/beers.html", "<ul>", "<ul class='tap'>"),
            ("beers.py", "order by name", "order by name desc"),
        ]:
            edit(brewery / name, old, new)
            wait_until(lambda name=name: f"brewery/{name}" in server.output, f"reload of {name}")
        assert "<li>Stout</li><li>Bock</li>" in fill(server, "Stout")
        assert "class='tap'" in server.get()[1]
        assert server.output.count("reloaded in") == 2
        edit(brewery / "beers.py", "import sqlite3", "import squlite3")
        wait_until(lambda: "squlite3" in server.get()[1], "the error")
        edit(brewery / "beers.py", "import squlite3", "import sqlite3")
        wait_until(lambda: server.get()[0] == 200, "the mended code")
    routes = run([copied.command("flask"), "routes"], cwd=copied.root).stdout
    assert "beers.create" in routes


def test_a_source_checkout_in_production(copied, brewery):
    configure(copied, "A source checkout beside the project")
    copied.build(*project.PRODUCTION)
    with copied.serve("--workers", "2") as server:
        check_workers(server, 2)
        assert "<li>Bock</li>" in fill(server, "Bock")
        assert server.get("/cask") == (200, "oak")
    # Settings, where some are given, are the factory's argument.
    environ = {"CARBOY_SECRET_KEY": KEY, "CARBOY_CASK": "clay"}
    with copied.serve("--workers", "2", environ=environ) as server:
        check_workers(server, 2)
        assert server.get("/cask") == (200, "clay")


# --- a module ------------------------------------------------------------------------------------


def test_a_plain_module(copied, tmp_path):
    configure(copied, "A plain WSGI module")
    copied.build()
    cellar = tmp_path / "cellar"
    cellar.mkdir()
    (cellar / "plain.py").write_text(PLAIN)
    with copied.serve(folder=cellar) as server:
        assert server.get() == (200, "plain")
        edit(cellar / "plain.py", 'b"plain"', 'b"plain, changed"')
        wait_until(lambda: server.get() == (200, "plain, changed"), "the changed module")
    copied.build(*project.PRODUCTION)
    with copied.serve("--workers", "2", "--chdir", str(cellar)) as server:
        check_workers(server, 2)
        assert server.get() == (200, "plain, changed")


def test_an_egg_wins_over_a_module_of_the_same_name(copied, brewery, tmp_path):
    configure(copied, "A source checkout beside the project")
    copied.build()
    cellar = tmp_path / "cellar"
    cellar.mkdir()
    (cellar / "brewery.py").write_text(PLAIN)
    with copied.serve(folder=cellar) as server:
        assert server.get("/cask") == (200, "oak")


# --- without the portal --------------------------------------------------------------------------


def test_without_the_portal(tmp_path, brewery):
    copied = project.copy(tmp_path / "carboy", without=["src/portal"])
    configure(copied, "Without the portal")
    copied.build()
    with copied.serve() as server:
        assert "<li>Bock</li>" in fill(server, "Bock")
    code = "import importlib.util as u; print([u.find_spec(n) for n in ('portal', 'sqlalchemy')])"
    found = run([copied.command("python"), "-c", code], cwd=tmp_path).stdout
    assert found == "[None, None]\n"
    copied.build(*project.PRODUCTION)
    with copied.serve("--workers", "2") as server:
        check_workers(server, 2)
        assert "<li>Bock</li>" in server.get()[1]
