"""Run the migrations on the connection that `portal.database.upgrade` hands over."""

from alembic import context

from portal.database.models import Model

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Model.metadata,
    render_as_batch=True,  # SQLite changes a table by building a new one
    transactional_ddl=True,  # true for SQLite too: see portal.database.sqlite
)
with context.begin_transaction():
    context.run_migrations()
