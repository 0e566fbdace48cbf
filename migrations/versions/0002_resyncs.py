"""resync items, watermarks, certificates"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core import db

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    with op.batch_alter_table("known_records", schema=None) as batch_op:
        batch_op.add_column(sa.Column("digest", sa.String(length=32), nullable=True))
    op.create_table(
        "resync_items",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("resync_id", db.BigId, nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("external_id", sa.String(length=40), nullable=False),
        sa.Column("link_id", db.BigId, nullable=True),
        sa.Column("link_version", sa.Integer(), nullable=True),
        sa.Column("natural_key", sa.String(length=80), nullable=True),
        sa.Column("twin_id", sa.String(length=40), nullable=True),
        sa.Column("omie", db.JsonColumn, nullable=True),
        sa.Column("ploomes", db.JsonColumn, nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=10), nullable=True),
        sa.Column("actions", db.JsonColumn, nullable=False),
        sa.Column("calls", db.JsonColumn, nullable=False),
        sa.Column("event_id", db.BigId, nullable=True),
        sa.ForeignKeyConstraint(["resync_id"], ["resyncs.id"], name=op.f("fk_resync_items_resync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resync_items")),
    )
    with op.batch_alter_table("resync_items", schema=None) as batch_op:
        batch_op.create_index("uq_resync_items", ["resync_id", "entity", "key"], unique=True)
        batch_op.create_index("ix_resync_items_state", ["resync_id", "state", "stage", "id"], unique=False)
        batch_op.create_index("ix_resync_items_natural_key", ["resync_id", "entity", "natural_key"], unique=False)
        batch_op.create_index("ix_resync_items_event", ["event_id"], unique=False)
    op.create_table(
        "watermarks",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("since", db.UtcDateTime(), nullable=False),
        sa.Column("last", db.JsonColumn, nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_watermarks_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watermarks")),
    )
    with op.batch_alter_table("watermarks", schema=None) as batch_op:
        batch_op.create_index("uq_watermarks", ["integration_id", "vendor", "entity"], unique=True)
    op.create_table(
        "certificates",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("resync_id", db.BigId, nullable=False),
        sa.Column("clean", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_certificates_integration_id")),
        sa.ForeignKeyConstraint(["resync_id"], ["resyncs.id"], name=op.f("fk_certificates_resync_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
    )
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.create_index("ix_certificates_listing", ["integration_id", "id"], unique=False)


def downgrade() -> None:
    """Back to the schema before."""
    with op.batch_alter_table("certificates", schema=None) as batch_op:
        batch_op.drop_index("ix_certificates_listing")
    op.drop_table("certificates")
    with op.batch_alter_table("watermarks", schema=None) as batch_op:
        batch_op.drop_index("uq_watermarks")
    op.drop_table("watermarks")
    with op.batch_alter_table("resync_items", schema=None) as batch_op:
        batch_op.drop_index("ix_resync_items_event")
        batch_op.drop_index("ix_resync_items_natural_key")
        batch_op.drop_index("ix_resync_items_state")
        batch_op.drop_index("uq_resync_items")
    op.drop_table("resync_items")
    with op.batch_alter_table("known_records", schema=None) as batch_op:
        batch_op.drop_column("digest")
