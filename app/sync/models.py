"""All tables. Named queries over them live in the module of each concern, never here."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, BigId, JsonColumn, UtcDateTime
from app.sync import sizes
from app.sync.passes.models import Resync as Resync
from app.sync.sales.models import OrderMessage as OrderMessage
from app.sync.stock.models import StockLevel as StockLevel


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows for which a condition holds, on both databases."""
    return Index(name, *columns, unique=unique, postgresql_where=text(where), sqlite_where=text(where))


class IntegrationState(StrEnum):
    """Contract section 4, `state`."""

    NOT_CONNECTED = "not_connected"
    AWAITING_FIRST_WEBHOOK = "awaiting_first_webhook"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CREDENTIALS_REFUSED = "credentials_refused"


class EventState(StrEnum):
    """Contract section 4, events. The first three are unsettled."""

    RECEIVED = "received"
    PROCESSING = "processing"
    WAITING = "waiting"
    DONE = "done"
    ECHO = "echo"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    FAILED = "failed"


class EventSource(StrEnum):
    """Why an event exists."""

    SWEEP = "sweep"
    """An incremental sweep found the record changed."""
    WEBHOOK = "webhook"
    DEPENDENCY = "dependency"
    PERSON = "person"
    RESYNC = "resync"
    FOREIGN = "foreign"
    """A no-reply event that no write of ours explains, looked at again some minutes later."""


class LinkState(StrEnum):
    """Living links are `active` and `suspended`; ended ones stay for ever and every path honours them."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    EXCLUDED = "excluded"


class WriteState(StrEnum):
    """The write journal. `sent` means: the request may have left and its outcome is not stored yet."""

    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    RESOLVED = "resolved"
    """Its outcome was unknown and later reads settled it (found applied, or decided again)."""


class Integration(Base):
    """One Omie app and one Ploomes account kept equal. Secrets are Fernet tokens (core.vault)."""

    __tablename__ = "integrations"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(30), default=IntegrationState.NOT_CONNECTED)
    omie_app_key: Mapped[str] = mapped_column(String(50))
    omie_app_secret: Mapped[bytes] = mapped_column(LargeBinary)
    ploomes_user_key: Mapped[bytes] = mapped_column(LargeBinary)
    omie_token: Mapped[bytes] = mapped_column(LargeBinary)
    """The unguessable part of the webhook address, encrypted; found by `omie_token_hash` (SHA-256, hex)."""
    omie_token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    ploomes_token: Mapped[bytes] = mapped_column(LargeBinary)
    ploomes_token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    validation_key: Mapped[bytes] = mapped_column(LargeBinary)
    """What Ploomes must send in X-Ploomes-Validation-Key."""
    ploomes_account_id: Mapped[str | None] = mapped_column(String(30))
    ploomes_user_id: Mapped[str | None] = mapped_column(String(30))
    """The integration user: its webhooks are usually our own writes."""
    provisioned: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """What activation made or found in Ploomes: field keys by stable name, families, statuses, webhook ids."""
    config_version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_omie_post_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_omie_post_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_ploomes_post_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConfigVersion(Base):
    """One published configuration document (contract section 5)."""

    __tablename__ = "config_versions"
    __table_args__ = (Index("uq_config_versions_integration_version", "integration_id", "version", unique=True),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    version: Mapped[int] = mapped_column(Integer)
    document: Mapped[dict[str, Any]] = mapped_column(JsonColumn)
    author: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Event(Base):
    """A stored notice that a record may have changed. The book the queue only rings for."""

    __tablename__ = "events"
    __table_args__ = (
        # NULL keys are distinct on both databases: a key that only merges unread bodies is cleared at the claim
        Index("uq_events_dedupe", "integration_id", "vendor", "dedupe_key", unique=True),
        _partial("ix_events_open", "priority", "due_at", where="due_at IS NOT NULL"),
        # one probe finds the oldest due event of an integration, however long its backlog
        _partial("ix_events_turns", "integration_id", "priority", "due_at", where="due_at IS NOT NULL"),
        Index("ix_events_record", "integration_id", "vendor", "entity", "external_id", "id"),
        Index("ix_events_listing", "integration_id", "state", "id"),
        # what a pass planned, among the notices of months
        _partial("ix_events_passes", "integration_id", "topic", "received_at", where="source = 'resync'"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    vendor: Mapped[str] = mapped_column(String(10))
    entity: Mapped[str | None] = mapped_column(String(20))
    external_id: Mapped[str | None] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    topic: Mapped[str] = mapped_column(String(80))
    source: Mapped[str] = mapped_column(String(20), default=EventSource.WEBHOOK)
    priority: Mapped[int] = mapped_column(Integer, default=0)
    dedupe_key: Mapped[str | None] = mapped_column(String(80))
    repeats: Mapped[int] = mapped_column(Integer, default=0)
    """How often the same message came again."""
    author: Mapped[str | None] = mapped_column(String(200))
    body: Mapped[str | None] = mapped_column(Text)
    """As received; screened, never written to a vendor."""
    state: Mapped[str] = mapped_column(String(20), default=EventState.RECEIVED)
    reason: Mapped[str | None] = mapped_column(Text)
    """Portuguese, for the person who asks why."""
    cause: Mapped[str | None] = mapped_column(String(40))
    """Machine word for `reason` (`missing_document`, `redundancy`, ...)."""
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[float | None] = mapped_column(Float)
    """When it may next be claimed, epoch seconds. While processing: when the claim expires. NULL: settled, or waiting
    for data, which no sweep rings."""
    claim: Mapped[str | None] = mapped_column(String(40))
    """Who processes it; settling requires it unchanged."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Vendor failures that count toward giving up; being busy or postponed does not."""
    crashes: Mapped[int] = mapped_column(Integer, default=0)
    """Claims that expired without an answer since its road was last walked to the end: see `claims.py`."""
    memo: Mapped[str | None] = mapped_column(Text)
    """What was read in Omie for it before it was put off: counts as read inside the redundancy interval."""
    link_id: Mapped[int | None] = mapped_column(BigId)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Link(Base):
    """The pair of ids that are the same thing, with what each vendor held when the two last agreed."""

    __tablename__ = "links"
    __table_args__ = (
        _partial(
            "uq_links_omie_living",
            "integration_id",
            "entity",
            "omie_id",
            where="state IN ('active','suspended')",
            unique=True,
        ),
        _partial(
            "uq_links_ploomes_living",
            "integration_id",
            "entity",
            "ploomes_id",
            where="state IN ('active','suspended')",
            unique=True,
        ),
        Index("ix_links_omie", "integration_id", "entity", "omie_id"),
        Index("ix_links_ploomes", "integration_id", "entity", "ploomes_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    entity: Mapped[str] = mapped_column(String(20))
    omie_id: Mapped[str] = mapped_column(String(40))
    ploomes_id: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20), default=LinkState.ACTIVE)
    state_reason: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Moves with every change of the row; a crawl's page row counts only if it is still the same."""
    natural_key: Mapped[str | None] = mapped_column(String(sizes.LINK_KEY))
    omie_base: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Canonical values by field-row id, as Omie held them when the two last agreed."""
    ploomes_base: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    omie_seen: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    """Canonical values at our last read or write there; counts as a read inside the redundancy interval."""
    omie_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ploomes_seen: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    ploomes_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    frozen: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Field-row id -> epoch seconds until which two fighting automations keep it frozen."""
    document: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict, server_default="{}")
    """What a sale's document remembers beside its base: pairs of items and lines, terms, invoices, what is unproved."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Lane(Base):
    """A fenced lease by name: one worker at a time on a pair, a record, a natural key or an auxiliary create."""

    __tablename__ = "lanes"

    name: Mapped[str] = mapped_column(String(sizes.LANE), primary_key=True)
    token: Mapped[str] = mapped_column(String(40))
    fence: Mapped[int] = mapped_column(BigId, default=1)
    until: Mapped[float] = mapped_column(Float)
    """Epoch seconds by the database's own clock."""


class WriteEntry(Base):
    """The write journal: each write before it is sent, and its outcome."""

    __tablename__ = "writes"
    __table_args__ = (
        Index("ix_writes_source", "integration_id", "source_vendor", "entity", "source_id", "state"),
        Index("ix_writes_target", "integration_id", "vendor", "entity", "external_id", "sent_at"),
        Index("ix_writes_state", "state", "sent_at"),
        Index("ix_writes_event", "event_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    event_id: Mapped[int | None] = mapped_column(BigId)
    link_id: Mapped[int | None] = mapped_column(BigId)
    entity: Mapped[str] = mapped_column(String(40))
    vendor: Mapped[str] = mapped_column(String(10))
    """Where it is written."""
    verb: Mapped[str] = mapped_column(String(30))
    external_id: Mapped[str | None] = mapped_column(String(40))
    """The record written; unknown until the answer for a create."""
    source_vendor: Mapped[str | None] = mapped_column(String(10))
    source_id: Mapped[str | None] = mapped_column(String(40))
    """The record on the other side that the write copies."""
    code: Mapped[str | None] = mapped_column(String(60))
    """Integration code sent with a create, so that a lost answer can be found again."""
    before: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Canonical values by field-row id."""
    notes: Mapped[list[Any]] = mapped_column(JsonColumn, default=list)
    state: Mapped[str] = mapped_column(String(20), default=WriteState.SENT)
    outcome: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Change(Base):
    """A finished write: what, where, before, after and why. What people read as history."""

    __tablename__ = "changes"
    __table_args__ = (
        Index("ix_changes_link", "link_id", "id"),
        Index("ix_changes_record", "integration_id", "entity", "vendor", "external_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    link_id: Mapped[int | None] = mapped_column(BigId)
    event_id: Mapped[int | None] = mapped_column(BigId)
    write_id: Mapped[int | None] = mapped_column(BigId)
    entity: Mapped[str] = mapped_column(String(40))
    vendor: Mapped[str] = mapped_column(String(10))
    external_id: Mapped[str | None] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(30))
    """`create`, `update`, `delete`, `link`, `unlink`, `note`, ..."""
    before: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    after: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    lost: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Values that lost a true conflict, by field-row id."""
    notes: Mapped[list[Any]] = mapped_column(JsonColumn, default=list)
    cause: Mapped[str] = mapped_column(String(200))
    config_version: Mapped[int] = mapped_column(Integer, default=1)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Issue(Base):
    """An open reason why a record is not in agreement; one per record and cause, closes itself on success."""

    __tablename__ = "issues"
    __table_args__ = (
        Index("uq_issues_open", "integration_id", "open_key", unique=True),
        Index("ix_issues_listing", "integration_id", "closed_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    open_key: Mapped[str | None] = mapped_column(String(200))
    """`entity:vendor:id:cause`, and who asks where several may, while open; NULL once closed."""
    entity: Mapped[str | None] = mapped_column(String(20))
    vendor: Mapped[str | None] = mapped_column(String(10))
    external_id: Mapped[str | None] = mapped_column(String(40))
    link_id: Mapped[int | None] = mapped_column(BigId)
    event_id: Mapped[int | None] = mapped_column(BigId)
    cause: Mapped[str] = mapped_column(String(60))
    title: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    fix: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(40))
    """Who can mend it: `admin`, `vendas`, `financeiro`, `omie`, `ploomes`, `suporte`."""
    asks: Mapped[list[Any]] = mapped_column(JsonColumn, default=list)
    """Choices that `answer` takes; empty when it asks nothing."""
    answer: Mapped[str | None] = mapped_column(String(20))
    data: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    seen: Mapped[int] = mapped_column(Integer, default=1)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class KnownRecord(Base):
    """Our own index of what exists on each vendor (links, crawls, events): who carries which natural key.

    Answers "does this document exist in Omie?" without a search, and holds small look-ups (cities, tags, users).
    """

    __tablename__ = "known_records"
    __table_args__ = (
        Index("uq_known_records", "integration_id", "vendor", "entity", "external_id", unique=True),
        Index("ix_known_records_key", "integration_id", "vendor", "entity", "natural_key"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    vendor: Mapped[str] = mapped_column(String(10))
    entity: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(80))
    natural_key: Mapped[str | None] = mapped_column(String(sizes.KNOWN_KEY))
    name: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    data: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    digest: Mapped[str | None] = mapped_column(String(32))
    """Of the values a resync last read, in the form both sides can be compared in."""
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiToken(Base):
    """A bearer token of the REST interface; only its hash is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    scope: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SaleWait(Base):
    """What a sale (or an order without one) waits for: rung again when that record is settled."""

    __tablename__ = "sale_waits"
    __table_args__ = (
        Index("ix_sale_waits_record", "integration_id", "vendor", "entity", "external_id"),
        Index("ix_sale_waits_waiting", "integration_id", "waiting_vendor", "waiting_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    waiting_vendor: Mapped[str] = mapped_column(String(10))
    waiting_id: Mapped[str] = mapped_column(String(40))
    vendor: Mapped[str] = mapped_column(String(10))
    entity: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str] = mapped_column(String(40))
