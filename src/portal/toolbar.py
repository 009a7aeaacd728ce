"""The debug toolbar: there in development, absent from the production eggs."""

from __future__ import annotations

from importlib.util import find_spec

from flask import Flask, Response, request

PANELS = (
    "flask_debugtoolbar.panels.versions.VersionDebugPanel",
    "flask_debugtoolbar.panels.timer.TimerDebugPanel",
    "flask_debugtoolbar.panels.headers.HeaderDebugPanel",
    "flask_debugtoolbar.panels.request_vars.RequestVarsDebugPanel",
    "flask_debugtoolbar.panels.template.TemplateDebugPanel",
    "flask_debugtoolbar.panels.logger.LoggingPanel",
    "flask_debugtoolbar.panels.route_list.RouteListDebugPanel",
    "portal.profiler.ProfilerPanel",
    "flask_debugtoolbar.panels.g.GDebugPanel",
)


def wanted(app: Flask) -> bool:
    """Tell whether `app` shows the toolbar: debugging, not under test, and it is installed."""
    return app.debug and not app.testing and find_spec("flask_debugtoolbar") is not None


def init_app(app: Flask) -> None:
    """Add the toolbar with its profiler where it is wanted."""
    if not wanted(app):
        return
    from flask_debugtoolbar import DebugToolbarExtension

    app.config.update(
        DEBUG_TB_ENABLED=True,
        DEBUG_TB_INTERCEPT_REDIRECTS=False,
        DEBUG_TB_PROFILER_ENABLED=True,
        DEBUG_TB_PANELS=PANELS,
    )
    DebugToolbarExtension(app)
    app.after_request(start_folded)


def start_folded(response: Response) -> Response:
    """Fold the toolbar on the first visit: open, it covers the navigation.

    Its script folds where the cookie `fldt` is; the other one remembers that we set it, so that
    whoever opens the toolbar keeps it open.
    """
    if response.mimetype == "text/html" and "fldt_seen" not in request.cookies:
        for name in ("fldt", "fldt_seen"):
            response.set_cookie(name, "hide", samesite="Lax")
    return response
