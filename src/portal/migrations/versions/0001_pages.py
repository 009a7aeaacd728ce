"""Pages."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "page",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("slug", sa.String(80), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("summary", sa.String(300), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("position", sa.Integer),
        sa.Column("folder", sa.Boolean, nullable=False),
        sa.Column("parent_id", sa.Integer),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_page"),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["page.id"], name="fk_page_parent_id_page", ondelete="SET NULL"
        ),
        sa.UniqueConstraint("slug", name="uq_page_slug"),
    )
    op.create_index("ix_page_parent_id", "page", ["parent_id"])


def downgrade() -> None:
    op.drop_table("page")
