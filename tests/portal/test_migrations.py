"""portal/migrations: what they build is what the models say."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from portal.database import db, schema
from portal.database.models import Model
from portal.database.upgrade import configuration


def test_head_is_the_constant_that_the_start_compares():
    script = ScriptDirectory.from_config(configuration())
    assert script.get_heads() == [schema.HEAD]


def test_models_and_migrations_agree(app):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Model.metadata) == []
