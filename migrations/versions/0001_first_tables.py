"""first tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core import db

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Expands the schema."""
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("scope", sa.String(length=10), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", db.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", db.UtcDateTime(), nullable=True),
        sa.Column("revoked_at", db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_tokens_token_hash")),
    )
    op.create_table(
        "integrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("omie_app_key", sa.String(length=50), nullable=False),
        sa.Column("omie_app_secret", sa.LargeBinary(), nullable=False),
        sa.Column("ploomes_user_key", sa.LargeBinary(), nullable=False),
        sa.Column("omie_token", sa.LargeBinary(), nullable=False),
        sa.Column("omie_token_hash", sa.String(length=64), nullable=False),
        sa.Column("ploomes_token", sa.LargeBinary(), nullable=False),
        sa.Column("ploomes_token_hash", sa.String(length=64), nullable=False),
        sa.Column("validation_key", sa.LargeBinary(), nullable=False),
        sa.Column("ploomes_account_id", sa.String(length=30), nullable=True),
        sa.Column("ploomes_user_id", sa.String(length=30), nullable=True),
        sa.Column("provisioned", db.JsonColumn, nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("created_at", db.UtcDateTime(), nullable=False),
        sa.Column("activated_at", db.UtcDateTime(), nullable=True),
        sa.Column("first_omie_post_at", db.UtcDateTime(), nullable=True),
        sa.Column("last_omie_post_at", db.UtcDateTime(), nullable=True),
        sa.Column("last_ploomes_post_at", db.UtcDateTime(), nullable=True),
        sa.Column("deleted_at", db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrations")),
        sa.UniqueConstraint("omie_token_hash", name=op.f("uq_integrations_omie_token_hash")),
        sa.UniqueConstraint("ploomes_token_hash", name=op.f("uq_integrations_ploomes_token_hash")),
    )
    op.create_table(
        "lanes",
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("fence", db.BigId, nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lanes")),
    )
    op.create_table(
        "limit_blocks",
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_limit_blocks")),
    )
    op.create_table(
        "limit_errors",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_errors")),
    )
    with op.batch_alter_table("limit_errors", schema=None) as batch_op:
        batch_op.create_index("ix_limit_errors_scope", ["scope", "at"], unique=False)

    op.create_table(
        "limit_paces",
        sa.Column("scope", sa.String(length=160), nullable=False),
        sa.Column("failed", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_limit_paces")),
    )
    op.create_table(
        "limit_stamps",
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_limit_stamps")),
    )
    op.create_table(
        "changes",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("link_id", db.BigId, nullable=True),
        sa.Column("event_id", db.BigId, nullable=True),
        sa.Column("write_id", db.BigId, nullable=True),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("external_id", sa.String(length=40), nullable=True),
        sa.Column("action", sa.String(length=30), nullable=False),
        sa.Column("before", db.JsonColumn, nullable=False),
        sa.Column("after", db.JsonColumn, nullable=False),
        sa.Column("lost", db.JsonColumn, nullable=False),
        sa.Column("notes", db.JsonColumn, nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("config_version", sa.Integer(), nullable=False),
        sa.Column("at", db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_changes_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.create_index("ix_changes_link", ["link_id", "id"], unique=False)
        batch_op.create_index(
            "ix_changes_record", ["integration_id", "entity", "vendor", "external_id", "id"], unique=False
        )

    op.create_table(
        "config_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", db.JsonColumn, nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("created_at", db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["integration_id"], ["integrations.id"], name=op.f("fk_config_versions_integration_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_config_versions")),
    )
    with op.batch_alter_table("config_versions", schema=None) as batch_op:
        batch_op.create_index("uq_config_versions_integration_version", ["integration_id", "version"], unique=True)

    op.create_table(
        "events",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=True),
        sa.Column("external_id", sa.String(length=40), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=80), nullable=True),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=200), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("cause", sa.String(length=40), nullable=True),
        sa.Column("received_at", db.UtcDateTime(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=True),
        sa.Column("claim", sa.String(length=40), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("link_id", db.BigId, nullable=True),
        sa.Column("settled_at", db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_events_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("ix_events_listing", ["integration_id", "state", "id"], unique=False)
        batch_op.create_index(
            "ix_events_open",
            ["priority", "due_at"],
            unique=False,
            postgresql_where=sa.text("due_at IS NOT NULL"),
            sqlite_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_events_record", ["integration_id", "vendor", "entity", "external_id", "id"], unique=False
        )
        batch_op.create_index(
            "ix_events_turns",
            ["integration_id", "priority", "due_at"],
            unique=False,
            postgresql_where=sa.text("due_at IS NOT NULL"),
            sqlite_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index("uq_events_dedupe", ["integration_id", "vendor", "dedupe_key"], unique=True)

    op.create_table(
        "issues",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("open_key", sa.String(length=200), nullable=True),
        sa.Column("entity", sa.String(length=20), nullable=True),
        sa.Column("vendor", sa.String(length=10), nullable=True),
        sa.Column("external_id", sa.String(length=40), nullable=True),
        sa.Column("link_id", db.BigId, nullable=True),
        sa.Column("event_id", db.BigId, nullable=True),
        sa.Column("cause", sa.String(length=60), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("who", sa.String(length=40), nullable=False),
        sa.Column("asks", db.JsonColumn, nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("data", db.JsonColumn, nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("opened_at", db.UtcDateTime(), nullable=False),
        sa.Column("updated_at", db.UtcDateTime(), nullable=False),
        sa.Column("closed_at", db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_issues_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issues")),
    )
    with op.batch_alter_table("issues", schema=None) as batch_op:
        batch_op.create_index("ix_issues_listing", ["integration_id", "closed_at", "id"], unique=False)
        batch_op.create_index("uq_issues_open", ["integration_id", "open_key"], unique=True)

    op.create_table(
        "known_records",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("natural_key", sa.String(length=200), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("data", db.JsonColumn, nullable=False),
        sa.Column("seen_at", db.UtcDateTime(), nullable=False),
        sa.Column("gone_at", db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_known_records_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_records")),
    )
    with op.batch_alter_table("known_records", schema=None) as batch_op:
        batch_op.create_index(
            "ix_known_records_key", ["integration_id", "vendor", "entity", "natural_key"], unique=False
        )
        batch_op.create_index("uq_known_records", ["integration_id", "vendor", "entity", "external_id"], unique=True)

    op.create_table(
        "links",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=20), nullable=False),
        sa.Column("omie_id", sa.String(length=40), nullable=False),
        sa.Column("ploomes_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("natural_key", sa.String(length=80), nullable=True),
        sa.Column("omie_base", db.JsonColumn, nullable=False),
        sa.Column("ploomes_base", db.JsonColumn, nullable=False),
        sa.Column("omie_seen", db.JsonColumn, nullable=True),
        sa.Column("omie_seen_at", db.UtcDateTime(), nullable=True),
        sa.Column("ploomes_seen", db.JsonColumn, nullable=True),
        sa.Column("ploomes_seen_at", db.UtcDateTime(), nullable=True),
        sa.Column("frozen", db.JsonColumn, nullable=False),
        sa.Column("created_at", db.UtcDateTime(), nullable=False),
        sa.Column("ended_at", db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_links_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.create_index("ix_links_omie", ["integration_id", "entity", "omie_id"], unique=False)
        batch_op.create_index("ix_links_ploomes", ["integration_id", "entity", "ploomes_id"], unique=False)
        batch_op.create_index(
            "uq_links_omie_living",
            ["integration_id", "entity", "omie_id"],
            unique=True,
            postgresql_where=sa.text("state IN ('active','suspended')"),
            sqlite_where=sa.text("state IN ('active','suspended')"),
        )
        batch_op.create_index(
            "uq_links_ploomes_living",
            ["integration_id", "entity", "ploomes_id"],
            unique=True,
            postgresql_where=sa.text("state IN ('active','suspended')"),
            sqlite_where=sa.text("state IN ('active','suspended')"),
        )

    op.create_table(
        "resyncs",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("entities", db.JsonColumn, nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("start", sa.String(length=10), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("cursor", db.JsonColumn, nullable=False),
        sa.Column("plan", db.JsonColumn, nullable=False),
        sa.Column("progress", db.JsonColumn, nullable=False),
        sa.Column("written", db.JsonColumn, nullable=False),
        sa.Column("requests_used", db.JsonColumn, nullable=False),
        sa.Column("claim", sa.String(length=40), nullable=True),
        sa.Column("due_at", sa.Float(), nullable=True),
        sa.Column("created_at", db.UtcDateTime(), nullable=False),
        sa.Column("started_at", db.UtcDateTime(), nullable=True),
        sa.Column("finished_at", db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_resyncs_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resyncs")),
    )
    with op.batch_alter_table("resyncs", schema=None) as batch_op:
        batch_op.create_index("ix_resyncs_listing", ["integration_id", "id"], unique=False)

    op.create_table(
        "writes",
        sa.Column("id", db.BigId, nullable=False),
        sa.Column("integration_id", sa.Integer(), nullable=False),
        sa.Column("event_id", db.BigId, nullable=True),
        sa.Column("link_id", db.BigId, nullable=True),
        sa.Column("entity", sa.String(length=40), nullable=False),
        sa.Column("vendor", sa.String(length=10), nullable=False),
        sa.Column("verb", sa.String(length=30), nullable=False),
        sa.Column("external_id", sa.String(length=40), nullable=True),
        sa.Column("source_vendor", sa.String(length=10), nullable=True),
        sa.Column("source_id", sa.String(length=40), nullable=True),
        sa.Column("code", sa.String(length=60), nullable=True),
        sa.Column("before", db.JsonColumn, nullable=False),
        sa.Column("after", db.JsonColumn, nullable=False),
        sa.Column("notes", db.JsonColumn, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("sent_at", db.UtcDateTime(), nullable=False),
        sa.Column("settled_at", db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["integration_id"], ["integrations.id"], name=op.f("fk_writes_integration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_writes")),
    )
    with op.batch_alter_table("writes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_writes_source", ["integration_id", "source_vendor", "entity", "source_id", "state"], unique=False
        )
        batch_op.create_index("ix_writes_state", ["state", "sent_at"], unique=False)
        batch_op.create_index(
            "ix_writes_target", ["integration_id", "vendor", "entity", "external_id", "sent_at"], unique=False
        )


def downgrade() -> None:
    """Takes it back."""
    with op.batch_alter_table("writes", schema=None) as batch_op:
        batch_op.drop_index("ix_writes_target")
        batch_op.drop_index("ix_writes_state")
        batch_op.drop_index("ix_writes_source")

    op.drop_table("writes")
    with op.batch_alter_table("resyncs", schema=None) as batch_op:
        batch_op.drop_index("ix_resyncs_listing")

    op.drop_table("resyncs")
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_links_ploomes_living",
            postgresql_where=sa.text("state IN ('active','suspended')"),
            sqlite_where=sa.text("state IN ('active','suspended')"),
        )
        batch_op.drop_index(
            "uq_links_omie_living",
            postgresql_where=sa.text("state IN ('active','suspended')"),
            sqlite_where=sa.text("state IN ('active','suspended')"),
        )
        batch_op.drop_index("ix_links_ploomes")
        batch_op.drop_index("ix_links_omie")

    op.drop_table("links")
    with op.batch_alter_table("known_records", schema=None) as batch_op:
        batch_op.drop_index("uq_known_records")
        batch_op.drop_index("ix_known_records_key")

    op.drop_table("known_records")
    with op.batch_alter_table("issues", schema=None) as batch_op:
        batch_op.drop_index("uq_issues_open")
        batch_op.drop_index("ix_issues_listing")

    op.drop_table("issues")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index("uq_events_dedupe")
        batch_op.drop_index(
            "ix_events_turns",
            postgresql_where=sa.text("due_at IS NOT NULL"),
            sqlite_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_events_record")
        batch_op.drop_index(
            "ix_events_open", postgresql_where=sa.text("due_at IS NOT NULL"), sqlite_where=sa.text("due_at IS NOT NULL")
        )
        batch_op.drop_index("ix_events_listing")

    op.drop_table("events")
    with op.batch_alter_table("config_versions", schema=None) as batch_op:
        batch_op.drop_index("uq_config_versions_integration_version")

    op.drop_table("config_versions")
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.drop_index("ix_changes_record")
        batch_op.drop_index("ix_changes_link")

    op.drop_table("changes")
    op.drop_table("limit_stamps")
    op.drop_table("limit_paces")
    with op.batch_alter_table("limit_errors", schema=None) as batch_op:
        batch_op.drop_index("ix_limit_errors_scope")

    op.drop_table("limit_errors")
    op.drop_table("limit_blocks")
    op.drop_table("lanes")
    op.drop_table("integrations")
    op.drop_table("api_tokens")
