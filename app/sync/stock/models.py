"""The table of stock: what we know of each product's figures, and what Ploomes shows of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, BigId, JsonColumn, UtcDateTime


class StockLevel(Base):
    """The stock of one product of Omie."""

    __tablename__ = "stock_levels"
    __table_args__ = (Index("uq_stock_levels", "integration_id", "product_id", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    integration_id: Mapped[int] = mapped_column(ForeignKey("integrations.id"))
    product_id: Mapped[str] = mapped_column(String(40))
    figures: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Place -> figure -> exact decimal as text; zeros are left out."""
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the request left that brought `figures`."""
    asked: Mapped[dict[str, Any]] = mapped_column(JsonColumn, default=dict)
    """Route -> epoch seconds of its last question about this product: Omie refuses the same one within a minute."""
    pass_id: Mapped[int | None] = mapped_column(BigId)
    """The pass whose pages told of it last."""
    shown: Mapped[str | None] = mapped_column(String(64))
    """Digest of the table that Ploomes was told last, without its stamp; None before the first."""
    held: Mapped[str | None] = mapped_column(String(64))
    """Digest of the whole text as Ploomes answered it then: what it holds unless somebody edits it."""
    edited: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    """Whether Ploomes was seen to hold another text since."""
    changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When what people read in the table changed last: its stamp, also when it is put back later."""
