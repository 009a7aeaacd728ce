"""Connections stay in the process that opened them."""

from __future__ import annotations

import os
from functools import cache
from weakref import WeakSet

from sqlalchemy import Engine, Pool

_engines: WeakSet[Engine] = WeakSet()
_inherited: list[Pool] = []


def protect(engine: Engine) -> None:
    """Give every forked child (gunicorn --preload, uWSGI, Celery) a pool of its own."""
    _engines.add(engine)
    _register()


@cache
def _register() -> None:
    """Register once a process: a registration cannot be taken back."""
    os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """Replace the pools without touching the parent's connections.

    The old pools are kept alive: collecting them would close connections that the parent uses.
    """
    for engine in _engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)
