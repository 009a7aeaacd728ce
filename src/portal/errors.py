"""Error pages in the look of the site."""

from __future__ import annotations

from flask import Flask, render_template
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Answer every HTTP error of `app` with a page."""
    app.register_error_handler(HTTPException, show)


def show(error: HTTPException) -> Response | HTTPException:
    """Render `error`, keeping its status and its headers (as Allow of a 405)."""
    if error.response is not None or isinstance(error, RoutingException):
        return error  # a finished response, or a redirect: nothing that went wrong
    response = error.get_response()
    response.set_data(render_template("error.html", error=error))
    return response
