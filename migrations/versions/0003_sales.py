"""documents of sales, and what sales wait for"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core import db

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("document", db.JsonColumn, server_default="{}", nullable=False))
    op.create_table(
        "sale_waits",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("waiting_vendor", sa.String(length=10), nullable=False),
        sa.Column("waiting_id", sa.String(length=40), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("external_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_sale_waits_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale_waits")),
    )
    with op.batch_alter_table("sale_waits", schema=None) as batch_op:
        batch_op.create_index("ix_sale_waits_record", ["integration_id", "vendor", "entity", "external_id"])
        batch_op.create_index("ix_sale_waits_waiting", ["integration_id", "waiting_vendor", "waiting_id"])


def downgrade() -> None:
    """Goes back to the schema before."""
    op.drop_table("sale_waits")
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.drop_column("document")
