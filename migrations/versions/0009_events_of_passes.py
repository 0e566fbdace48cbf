"""what a pass planned and what it wrote is found without reading every event and write"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    of_a_pass = sa.text("source = 'resync'")
    op.create_index(
        "ix_events_passes",
        "events",
        ["integration_id", "topic", "received_at"],
        postgresql_where=of_a_pass,
        sqlite_where=of_a_pass,
    )
    op.create_index("ix_writes_event", "writes", ["event_id"])


def downgrade() -> None:
    """Goes back to the schema before."""
    op.drop_index("ix_writes_event", "writes")
    op.drop_index("ix_events_passes", "events")
