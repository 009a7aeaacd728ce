"""The database: models, engines, schema."""

from portal.database.extension import db, init_app
from portal.database.models import Page

__all__ = ["Page", "db", "init_app"]
