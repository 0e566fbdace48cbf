"""What we know of each product's stock."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core import db

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    op.create_table(
        "stock_levels",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(length=40), nullable=False),
        sa.Column("figures", db.JsonColumn, nullable=False),
        sa.Column("read_at", db.UtcDateTime(), nullable=True),
        sa.Column("asked", db.JsonColumn, nullable=False),
        sa.Column("pass_id", db.BigId, nullable=True),
        sa.Column("shown", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_stock_levels_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_levels")),
    )
    with op.batch_alter_table("stock_levels", schema=None) as batch_op:
        batch_op.create_index("uq_stock_levels", ["integration_id", "product_id"], unique=True)


def downgrade() -> None:
    """Goes back to the schema before."""
    op.drop_table("stock_levels")
