"""Where a page lives."""

from __future__ import annotations

from typing import Protocol

from flask import current_app, url_for
from werkzeug.routing import BaseConverter

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
RESERVED = frozenset({"page", "static"})  # first segments of other rules


class Addressed(Protocol):
    """What it takes to have a URL: a page, or a row of the navigation."""

    @property
    def slug(self) -> str:
        """Return the name in the URL."""

    @property
    def folder(self) -> bool:
        """Tell whether the URL ends with a slash."""


class SlugConverter(BaseConverter):
    """Match lower-case words joined by hyphens; everything else is 404 without a query."""

    regex = SLUG


def endpoint(page: Addressed) -> str:
    """Return the endpoint that shows `page`."""
    if page.slug == current_app.config["HOME_PAGE"]:
        return "pages.index"
    return "pages.folder" if page.folder else "pages.page"


def page_url(page: Addressed) -> str:
    """Return the one URL of `page`; every other one redirects to it."""
    name = endpoint(page)
    return url_for(name) if name == "pages.index" else url_for(name, slug=page.slug)
