"""What DATABASE_URL means."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from carboy.errors import UserError

DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",  # what hosting services hand out
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
MEMORY = {None, "", ":memory:"}


def parse(text: str, *, root: Path) -> sa.URL:
    """Return the URL with our driver; a relative SQLite path is meant from `root`.

    Raises UserError without repeating `text`, which may hold a password.
    """
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        raise UserError(
            "DATABASE_URL is not a URL; write sqlite:///PATH or postgresql://USER@HOST/NAME"
        ) from None
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise UserError(
            f"DATABASE_URL: no support for {url.drivername!r}; use sqlite:// or postgresql://"
        )
    url = url.set(drivername=driver)
    return anchored(url, root) if driver == "sqlite" else url


def anchored(url: sa.URL, root: Path) -> sa.URL:
    """Return an SQLite URL with an absolute path."""
    if url.database in MEMORY:
        return url.set(database=":memory:")
    if str(url.database).startswith("file:"):
        raise UserError("DATABASE_URL: SQLite's file: URIs are not supported; write sqlite:///PATH")
    return url.set(database=str(root / str(url.database)))


def sqlite_file(url: sa.URL) -> Path | None:
    """Return the file of an SQLite database; None if it is in memory or no SQLite at all."""
    if url.get_backend_name() != "sqlite" or url.database in MEMORY:
        return None
    return Path(str(url.database))
