"""Carboy: serve a WSGI application or factory, in development and in production.

`main` is what `bin/serve` calls, `load` what a factory asks for its settings, and
`carboy.hooks` are the moments in a worker's life that an application may join in.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carboy.cli import main
    from carboy.settings import Settings, load

__all__ = ["Settings", "load", "main"]

_HOMES = {"Settings": "carboy.settings", "load": "carboy.settings", "main": "carboy.cli"}


def __getattr__(name: str) -> Any:
    # Importing the package must cost nothing: an application imports it for one name.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
