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
