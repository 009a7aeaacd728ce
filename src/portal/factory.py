"""Build the application: the one place where its parts meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

import carboy.settings
from portal import database, errors, headers, pages, toolbar


class Portal(Flask):
    """A Flask whose templates fail on a misspelt name instead of printing nothing."""

    jinja_options: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }


def create_app(settings: Mapping[str, Any] | None = None) -> Portal:
    """Build the portal, bringing its database up to date on the way.

    `settings` is a mapping that overrides every other layer, or a finished
    `carboy.settings.Settings`; without it the environment decides, as for servers that take no
    arguments.  Raises `carboy.errors.UserError` for settings or a database that cannot be used.
    """
    app = Portal("portal")
    configure(app, settings)
    database.init_app(app)
    pages.init_app(app)
    errors.init_app(app)
    # after_request functions run in reverse: the toolbar writes into the page before the headers
    # are set, and the headers have to know whether it is there.
    headers.init_app(app, relaxed=toolbar.wanted(app))
    toolbar.init_app(app)
    trust_proxies(app)
    return app


def configure(app: Flask, settings: Mapping[str, Any] | None) -> None:
    """Copy the resolved settings into `app.config`."""
    app.config.from_mapping(carboy.settings.load(settings, app="portal"))


def trust_proxies(app: Flask) -> None:
    """Believe the X-Forwarded headers of the last `PROXY_HOPS` proxies, and of nobody else."""
    hops = app.config["PROXY_HOPS"]
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops
        )
