"""Response headers that every page of the site bears."""

from __future__ import annotations

from functools import partial

from flask import Flask, Response

# Nothing inline, no script at all: the site needs none, and what an editor smuggles in stays dead.
STRICT = (
    "default-src 'none'; style-src 'self'; img-src 'self' https:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The debug toolbar brings inline script and style, and is never there in production.
RELAXED = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' https: data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
CHROME_LANGUAGE = "en"  # what the templates' own words are written in


def init_app(app: Flask, *, relaxed: bool = False) -> None:
    """Add the headers to every response of `app`; `relaxed` lets the debug toolbar work."""
    app.after_request(partial(complete, policy=RELAXED if relaxed else STRICT))


def complete(response: Response, *, policy: str) -> Response:
    """Add what the view has not set itself."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    if response.mimetype == "text/html":
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("Content-Language", CHROME_LANGUAGE)
        headers.setdefault("Cache-Control", "no-cache")  # keep, but ask before showing again
    return response
