"""The pages that a new site begins with."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.pages.transfer import import_pages, read_files

FOLDER = Path(__file__).parent.parent / "starter"
# In this order, so that /page/1 is the home page.
SLUGS = (
    *("welcome", "serve", "configure", "deploy", "projects", "crate", "flask", "straw"),
    *("about", "willkommen"),
)
LANGUAGES = frozenset({"en", "de"})


def add_starter_pages(connection: sa.Connection) -> None:
    """Put the starter pages into the database, within the transaction of `connection`."""
    documents = read_files((FOLDER / f"{slug}.md" for slug in SLUGS), language="en")
    with Session(connection) as session:
        import_pages(session, documents, languages=LANGUAGES)
        session.commit()
