"""Engines and sessions of an application."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy

import carboy.project
from carboy import hooks
from portal.database import fork, schema, sqlite
from portal.database.url import parse, sqlite_file

db = SQLAlchemy()


def init_app(app: Flask) -> None:
    """Give `app` its engine and bring the schema up to date."""
    url = parse(app.config["DATABASE_URL"], root=carboy.project.root())
    app.config["SQLALCHEMY_ENGINES"] = {"default": engine_options(url)}
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        sqlite.prepare(engine)
    migrate, starter = app.config["AUTO_MIGRATE"], app.config["STARTER_PAGES"]
    if in_memory(engine):
        # The database is its one connection: closing it would empty it.
        schema.ensure(engine, migrate=migrate, starter=starter)
        return
    try:
        schema.ensure(engine, migrate=migrate, starter=starter)
    finally:
        # That opened a connection; no worker forked from here may inherit it.
        engine.dispose()
    fork.protect(engine)
    hooks.worker_stopping.connect(lambda _app, **_: engine.dispose(), sender=app, weak=False)


def engine_options(url: sa.URL) -> dict[str, Any]:
    """Return what `create_engine` needs for `url`."""
    if url.get_backend_name() == "sqlite":
        return {"url": url}
    ours = {"connect_timeout": 10, "application_name": "portal"}
    connect = {name: value for name, value in ours.items() if name not in url.query}
    # A pre-ping costs a round trip and spares an error page after every restart of the server.
    return {"url": url, "pool_pre_ping": True, "connect_args": connect}


def in_memory(engine: sa.Engine) -> bool:
    """Tell whether `engine` is an SQLite database without a file."""
    return engine.dialect.name == "sqlite" and sqlite_file(engine.url) is None
