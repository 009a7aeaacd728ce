"""The application in Pyramid. `python pyramid_app.py PORT` serves it, by waitress, as pserve."""

import sys

import waitress
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.view import view_config

from common import HELLO, ITEMS, TITLE, describe


@view_config(route_name="index")
def index(request):
    return Response(HELLO)


@view_config(route_name="environ")
def environ(request):
    return Response(describe(request.environ), content_type="text/plain", charset="utf-8")


@view_config(route_name="template", renderer="templates/jinja2.html")
def template(request):
    return {"title": TITLE, "items": ITEMS}


def make_app():
    with Configurator() as config:
        config.include("pyramid_jinja2")
        config.add_jinja2_renderer(".html")
        config.add_route("index", "/")
        config.add_route("environ", "/environ")
        config.add_route("template", "/template")
        config.scan(__name__)
        return config.make_wsgi_app()


app = make_app()

if __name__ == "__main__":
    waitress.serve(app, listen=f"127.0.0.1:{sys.argv[1]}", _quiet=True)
