"""Tables of the limiter: what must survive a restart (design section 6)."""

from sqlalchemy import Float, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, BigId


class LimitBlock(Base):
    """Omie's ban of a method, obeyed to the second also after a restart."""

    __tablename__ = "limit_blocks"

    scope: Mapped[str] = mapped_column(String(160), primary_key=True)
    """`<vendor>:<account>:<method>`."""
    until: Mapped[float] = mapped_column(Float)


class LimitError(Base):
    """One refused call of the last 30 minutes: the error budget survives a restart."""

    __tablename__ = "limit_errors"
    __table_args__ = (Index("ix_limit_errors_scope", "scope", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    scope: Mapped[str] = mapped_column(String(160))
    at: Mapped[float] = mapped_column(Float)


class LimitStamp(Base):
    """When a record was last altered, or an account last called; closes budgets after shared state is lost."""

    __tablename__ = "limit_stamps"

    scope: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[float] = mapped_column(Float)


class LimitPace(Base):
    """What an account taught us about its own limit: the pace since its last 429 (design section 6, Ploomes)."""

    __tablename__ = "limit_paces"

    scope: Mapped[str] = mapped_column(String(160), primary_key=True)
    """`<vendor>:<account>`."""
    failed: Mapped[float] = mapped_column(Float)
    """Calls in the minute before the 429; the pace never climbs back to it."""
    since: Mapped[float] = mapped_column(Float)
    """When the 429 came, epoch seconds; clean hours count from here."""
