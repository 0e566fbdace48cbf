"""what Ploomes holds of a table of stock, and whether somebody edited it"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    with op.batch_alter_table("stock_levels", schema=None) as batch_op:
        batch_op.add_column(sa.Column("held", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("edited", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Goes back to the schema before."""
    with op.batch_alter_table("stock_levels", schema=None) as batch_op:
        batch_op.drop_column("edited")
        batch_op.drop_column("held")
