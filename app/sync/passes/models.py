"""Tables of resyncs: the passes, what they found, how far the sweeps are, and the certificates."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, BigId, JsonColumn, UtcDateTime
from app.sync import sizes

REQUESTED = "requested"
MAPPING = "mapping"
RECONCILE = "reconcile"
REFRESH = "stock_refresh"
"""Reasons of passes beside `first_load`."""
TOPIC = "resync:"


def topic_of(resync_id: int) -> str:
    """The topic of the events of a pass, and of what they depend on."""
    return f"{TOPIC}{resync_id}"


class Resync(Base):
    """A pass over whole entities; the first load of an activation is one."""

    __tablename__ = "resyncs"
    __table_args__ = (Index("ix_resyncs_listing", "integration_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    state: Mapped[str] = mapped_column(String(20))
    """Contract section 4: planning, planned, scheduled, running, paused, completed, failed, cancelled."""
    reason: Mapped[str] = mapped_column(String(40))
    """`first_load`, `requested`, `mapping`, `reconcile`, `stock_refresh`, `values`, `self_test`."""
    entities: Mapped[list[Any]] = mapped_column(JsonColumn)
    dry_run: Mapped[bool] = mapped_column(Boolean, default=False)
    start: Mapped[str] = mapped_column(String(10), default="window")
    force: Mapped[bool] = mapped_column(Boolean, default=False)
    cursor: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    plan: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    progress: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    written: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    requests_used: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    claim: Mapped[str | None] = mapped_column(String(40))
    due_at: Mapped[float | None] = mapped_column(Float)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ResyncItem(Base):
    """One record or pair that a pass found to differ, and what is to be done about it."""

    __tablename__ = "resync_items"
    __table_args__ = (
        Index("uq_resync_items", "resync_id", "entity", "key", unique=True),
        Index("ix_resync_items_state", "resync_id", "state", "stage", "id"),
        Index("ix_resync_items_natural_key", "resync_id", "entity", "natural_key"),
        Index("ix_resync_items_event", "event_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    resync_id: Mapped[int] = mapped_column(ForeignKey("resyncs.id"))
    entity: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(80))
    """`link:<id>` for a pair, `<vendor>:<id>` for a record without a link."""
    vendor: Mapped[str] = mapped_column(String(10))
    external_id: Mapped[str] = mapped_column(String(40))
    """The record its event will name."""
    link_id: Mapped[int | None] = mapped_column(BigId)
    link_version: Mapped[int | None] = mapped_column(Integer)
    """The link's version when the page was compared; another one now means: read again."""
    natural_key: Mapped[str | None] = mapped_column(String(sizes.ITEM_KEY))
    twin_id: Mapped[str | None] = mapped_column(String(40))
    """The id of the other side's record that this one carries."""
    omie: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    ploomes: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    """What the pages held: `values`, `read_at`, and the raw record where it is needed."""
    state: Mapped[str] = mapped_column(String(20), default="found")
    """`found`, `stale` (to be read again), `open` (planned), `sent` (its event runs), `done`, `dropped`, `known`."""
    stage: Mapped[int] = mapped_column(Integer, default=0)
    """Order of execution: entity first, then links, updates, creates, deletes."""
    target: Mapped[str | None] = mapped_column(String(10))
    """The vendor most of its requests go to."""
    actions: Mapped[list[Any]] = mapped_column(JsonColumn, default=list)
    """Words of the plan: `update_in_omie`, `link`, ..."""
    calls: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Requests it is expected to take, by vendor and verb."""
    event_id: Mapped[int | None] = mapped_column(BigId)


class Watermark(Base):
    """How far the incremental sweep of one set of one vendor is, and whether its webhooks fell silent."""

    __tablename__ = "watermarks"
    __table_args__ = (Index("uq_watermarks", "integration_id", "vendor", "entity", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    vendor: Mapped[str] = mapped_column(String(10))
    entity: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    """The change time of the last record seen: the next list starts there, so it is never empty."""
    last: Mapped[list[Any]] = mapped_column(JsonColumn, default=list)
    """Ids and change times of the records seen last, newest first: where to reach back to when one goes."""
    due_at: Mapped[float] = mapped_column(Float, default=0.0)
    place: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict, server_default="{}")
    """Where a list that is being walked stands; empty between lists."""


class Certificate(Base):
    """The signed report of a reconcile."""

    __tablename__ = "certificates"
    __table_args__ = (Index("ix_certificates_listing", "integration_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    resync_id: Mapped[int] = mapped_column(ForeignKey("resyncs.id"))
    clean: Mapped[bool] = mapped_column(Boolean)
    document: Mapped[str] = mapped_column(Text)
    """Exactly the text that was signed, with its signature."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
