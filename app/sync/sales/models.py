"""The table of messages about orders."""

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, BigId, UtcDateTime


class OrderMessage(Base):
    """One message about a document that reached a stage, stored with the visit that saw it and sent later."""

    __tablename__ = "order_messages"
    __table_args__ = (
        Index("uq_order_messages", "integration_id", "entity", "omie_id", "stage", "place", unique=True),
        Index("ix_order_messages_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    entity: Mapped[str] = mapped_column(String(20))
    omie_id: Mapped[str] = mapped_column(String(40))
    stage: Mapped[str] = mapped_column(String(10))
    place: Mapped[int]
    """Which row of `notifications.orders` it comes from."""
    way: Mapped[str] = mapped_column(String(20))
    """`owner_email` or `interaction`."""
    recipient: Mapped[str | None] = mapped_column(String(300))
    """E-mail address, or id of the contact on whose timeline it is written."""
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20), default="pending")
    """`pending`, `sending` (may have left), `sent`, `skipped` (nowhere to send it)."""
    asked_at: Mapped[float | None] = mapped_column(Float)
    """When it was last sent, epoch seconds, stored before it leaves."""
    record_id: Mapped[str | None] = mapped_column(String(40))
    problem: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
