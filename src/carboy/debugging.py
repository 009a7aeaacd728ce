"""What the browser shows in development: the interactive debugger, and code that does not start."""

import os
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from carboy.application import WSGIApplication


class BrokenApplication:
    """Stands in for an application that could not be made: raises its error at each request."""

    def __init__(self, error: BaseException) -> None:
        self._error = error if isinstance(error, Exception) else _as_exception(error)
        self._traceback: TracebackType | None = self._error.__traceback__

    def __call__(self, *_: Any) -> Iterable[bytes]:
        """Raise the error that kept the application from being made."""
        # `raise` adds a frame to the traceback that the error carries, each time.
        raise self._error.with_traceback(self._traceback)


def _as_exception(error: BaseException) -> Exception:
    """Wrap what no server expects of an application: a module that calls `exit()` at import."""
    wrapped = RuntimeError(f"the application ended with {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


class PlainErrors:
    """Answers the error of an application as text, for development without the debugger."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer the request, or the traceback of what it raised."""
        try:
            result: Iterable[bytes] = self._application(environ, start_response)
        except Exception:
            body = traceback.format_exc().encode("utf-8", "replace")
            headers = [
                ("Content-Type", "text/plain; charset=utf-8"),
                ("Content-Length", str(len(body))),
            ]
            start_response("500 Internal Server Error", headers)
            return [body]
        return result


def wrap(application: WSGIApplication, *, evaluate: bool) -> WSGIApplication:
    """Return the application inside Werkzeug's debugger.

    With `evaluate` its prompt runs code in the browser, behind a PIN: only ever on loopback,
    and with one worker, since frames live in the process that made them.
    """
    from werkzeug.debug import DebuggedApplication

    # The PIN is told by `pin_of`, once, and not again after every reload.
    return DebuggedApplication(application, evalex=evaluate, pin_logging=False)


def pin_of(application: WSGIApplication) -> str | None:
    """Return the PIN that the debugger asks for; None if it asks for none."""
    pin: str | None = getattr(application, "pin", None)
    return pin if os.environ.get("WERKZEUG_DEBUG_PIN") != "off" else None
