"""how far a sweep has walked a list"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core import db

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    with op.batch_alter_table("watermarks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("place", db.JsonColumn, server_default="{}", nullable=False))


def downgrade() -> None:
    """Goes back to the schema before."""
    with op.batch_alter_table("watermarks", schema=None) as batch_op:
        batch_op.drop_column("place")
