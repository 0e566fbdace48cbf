"""when a table of stock changed last"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core import db

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    with op.batch_alter_table("stock_levels", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", db.UtcDateTime(), nullable=True))


def downgrade() -> None:
    """Goes back to the schema before."""
    with op.batch_alter_table("stock_levels", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
