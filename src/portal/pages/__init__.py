"""Pages: their views, their Markdown, their files."""

from __future__ import annotations

from flask import Flask, current_app, url_for

from portal.pages.commands import portal_commands
from portal.pages.urls import SlugConverter, page_url
from portal.pages.views import bp, navigation

__all__ = ["bp", "init_app"]


def init_app(app: Flask) -> None:
    """Add the pages to `app`, and `flask portal`."""
    # Before the blueprint, whose rules use it.
    app.url_map.converters["slug"] = SlugConverter
    app.register_blueprint(bp)
    # Error pages are shown outside of the blueprint and have the navigation too.
    app.add_template_global(navigation)
    app.add_template_global(page_url)
    app.cli.add_command(portal_commands)
    app.shell_context_processor(shell_context)


def shell_context() -> dict[str, object]:
    """Offer what one types first in `flask shell`; the extension adds `db` and the models."""
    from portal.database import db

    # Without a request url_for would want a SERVER_NAME. The shell ends with the process, so
    # nobody has to end this one.
    current_app.test_request_context().push()
    return {"session": db.session, "current_app": current_app, "url_for": url_for}
