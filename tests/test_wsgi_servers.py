"""The applications under other servers, and other rules of WSGI under ours."""

import contextlib
import secrets
import sys

import pytest

from support import project
from support.live import HELLO, serving

pytestmark = pytest.mark.live

FACTORY_AND_APPLICATION = [["--call", "portal:create_app"], ["portal.wsgi:application"]]
WAITRESS = (sys.executable, "-m", "waitress", "--listen", "127.0.0.1:0")

# A server as gunicorn is with --preload: imports, then forks; each child answers one request.
PREFORK = """\
import os, socket, sys
from wsgiref.simple_server import WSGIServer, WSGIRequestHandler
from portal.wsgi import application

server = WSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
server.set_app(application)
print(f"Serving on http://127.0.0.1:{server.server_port}", flush=True)
children = []
for _ in range(2):
    if not (child := os.fork()):
        server.handle_request()
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitpid(child, 0)[1] for child in children))
"""

# The validator of the standard library between the server and the application (PEP 3333).
VALIDATED = """\
import warnings
from wsgiref.validate import WSGIWarning, validator

import {module}

warnings.simplefilter("error", WSGIWarning)


def create_app():
    return validator({module}.{expression})
"""

TWO = """\
from pathlib import Path
from portal import create_app as make
from werkzeug.middleware.dispatcher import DispatcherMiddleware

HERE = Path(__file__).parent


def portal(name):
    return make({"SITE_NAME": name, "DATABASE_URL": f"sqlite:///{HERE}/{name}.sqlite",
                 "SECRET_KEY": f"the key of {name}, which is long"})


def create_app():
    return DispatcherMiddleware(portal("frontend"), {"/backend": portal("backend")})
"""


@pytest.fixture
def environ(tmp_path):
    """Settings of the portal in variables."""
    return {
        "CARBOY_ROOT": str(tmp_path),
        "CARBOY_SITE_NAME": "Cellar",
        "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite",
    }


@pytest.fixture
def production(environ):
    return {**environ, "CARBOY_ENV": "production", "CARBOY_SECRET_KEY": secrets.token_hex(32)}


@pytest.mark.parametrize("arguments", FACTORY_AND_APPLICATION)
def test_waitress_serve(tmp_path, production, arguments):
    with project.Program(*WAITRESS, *arguments, folder=tmp_path, environ=production) as server:
        status, page = server.get()
        assert status == 200
        assert "Cellar" in page
        assert "flDebug" not in page
        assert server.get("/nothing-here")[0] == 404


@pytest.mark.parametrize("arguments", FACTORY_AND_APPLICATION)
def test_settings_that_cannot_be_used_are_told(tmp_path, production, arguments):
    environ = {**production, "CARBOY_SECRET_KEY": "dev", "CARBOY_SITE_NMAE": "Cellar"}
    with project.Program(*WAITRESS, *arguments, folder=tmp_path, environ=environ) as server:
        assert server.wait() != 0
        assert "SECRET_KEY" in server.output
        assert "SITE_NAME" in server.output


def test_a_server_that_forks_after_the_import(tmp_path, production):
    command = (sys.executable, "-c", PREFORK)
    with project.Program(*command, folder=tmp_path, environ=production) as server:
        for path in ("/", "/about"):
            status, page = server.get(path)
            assert status == 200
            assert "Cellar" in page
        assert server.wait() == 0


@pytest.mark.parametrize("env", ["development", "production"])
def test_the_portal_keeps_to_wsgi(tmp_path, production, env):
    source = VALIDATED.format(module="portal", expression="create_app()")
    (tmp_path / "checked.py").write_text(source)
    environ = {**production, "CARBOY_ENV": env}
    with serving("--app", "checked", folder=tmp_path, environ=environ) as server:
        check_wsgi(server, "/", "/about", "/nothing-here", "/static/portal.css")


def test_hello_keeps_to_wsgi(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    (tmp_path / "checked.py").write_text(VALIDATED.format(module="hello", expression="app"))
    with serving("--app", "checked", folder=tmp_path) as server:
        check_wsgi(server, "/", "/nothing-here")


def check_wsgi(server, *paths):
    """Send requests of every kind over one connection; a breach of the rules is a status 500."""
    for method, path in [(method, path) for method in ("GET", "HEAD", "POST") for path in paths]:
        with contextlib.closing(server.connect()) as connection:
            connection.request(method, path, body="x" * 70_000 if method == "POST" else None)
            response = connection.getresponse()
            body = response.read()
            assert response.status < 500, body.decode(errors="replace")
            assert not (body and method == "HEAD")
    assert "AssertionError" not in server.output
    assert "WSGIWarning" not in server.output


def test_two_applications_in_one_process(tmp_path):
    (tmp_path / "two.py").write_text(TWO)
    with serving("--app", "two", folder=tmp_path) as server:
        front, back = server.get("/about"), server.get("/backend/about")
        assert front[0] == back[0] == 200
        assert "frontend" in front[1]
        assert "backend" in back[1]
        assert "frontend" not in back[1]
        assert 'href="/backend/' in back[1]
        assert "/backend/" not in front[1]
