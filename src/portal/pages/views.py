"""The pages' views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
)
from sqlalchemy import Row, Select, select
from werkzeug.wrappers import Response as BaseResponse

from portal.database import Page, db
from portal.pages.markdown import to_html
from portal.pages.urls import endpoint, page_url

bp = Blueprint("pages", __name__)
bp.add_app_template_filter(to_html, "markdown")


@bp.get("/")
def index() -> BaseResponse:
    """Show the home page in the site's index template."""
    home = current_app.config["HOME_PAGE"]
    page = first_or_404(
        select(Page).where(Page.slug == home), f"This site has no page called “{home}” yet."
    )
    return show(page, template=current_app.config["INDEX_TEMPLATE"])


# The bound is that of the column: a larger number would be the database's error, not a 404.
@bp.get(f"/page/<int(max={2**31 - 1}):pk>")
def by_id(pk: int) -> BaseResponse:
    """Redirect the address that never changes to the one that reads well."""
    return moved(db.get_or_abort(Page, pk))


@bp.get("/<slug:slug>/")
def folder(slug: str) -> BaseResponse:
    """Show a folder and what lies in it; a page that is no folder is not here."""
    return show(first_or_404(select(Page).where(Page.slug == slug, Page.folder)))


@bp.get("/<slug:slug>")
def page(slug: str) -> BaseResponse:
    """Show a page."""
    return show(first_or_404(select(Page).where(Page.slug == slug)))


def first_or_404(statement: Select[Any], description: str | None = None) -> Page:
    """Return the first page that `statement` finds, or end the request with 404."""
    page: Page | None = db.session.scalars(statement.limit(1)).first()
    return page if page is not None else abort(404, description)


def show(page: Page, *, template: str = "pages/page.html") -> BaseResponse:
    """Render `page`, or redirect to where it lives if it was asked for elsewhere."""
    if endpoint(page) != request.endpoint:
        return moved(page)
    response = make_response(render_template(template, page=page))
    response.headers["Content-Language"] = page.language
    revalidate(response)
    # Set after the comparison: a change of the navigation leaves this date as it is.
    response.last_modified = page.updated
    return response


def revalidate(response: Response) -> None:
    """Answer 304 if the client has exactly this page."""
    if current_app.debug:
        return  # the toolbar is written into the page afterwards, and differs every time
    response.add_etag()
    response.make_conditional(request)


def moved(page: Page) -> BaseResponse:
    """Redirect permanently, with 308 as Werkzeug does for slashes: the method stays what it was.

    Browsers keep such an answer for good unless told otherwise, and a slug can change.
    """
    response = redirect(page_url(page), 308)
    response.headers["Cache-Control"] = "no-cache"
    return response


def navigation() -> Sequence[Row[Any]]:
    """Return the pages of the navigation in order, read once a request."""
    if "navigation" not in g:
        g.navigation = db.session.execute(
            select(Page.slug, Page.title, Page.summary, Page.folder, Page.language)
            .where(Page.position.is_not(None))
            .order_by(Page.position, Page.title)
        ).all()
    found: Sequence[Row[Any]] = g.navigation
    return found
