"""Alembic's migrations of the portal's database; run by `portal.database.upgrade`."""
