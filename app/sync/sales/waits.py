"""Sales that wait for other records (a client's document, a product's link), and what rings them again."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.sync.models import Event, EventState, SaleWait
from app.sync.sales.documents import ORDERS, SERVICE_ORDERS

PREFLIGHT = "preflight"
"""Cause of a sale that waits for its conditions."""


async def watch(
    session: AsyncSession, integration_id: int, sale: tuple[str, str], wanted: Collection[tuple[str, str, str]]
) -> None:
    """Replaces what a record (vendor, id) of a sale waits for: (vendor, entity, id) each; nothing ends the wait."""
    vendor, external_id = sale
    await session.execute(
        delete(SaleWait).where(
            SaleWait.integration_id == integration_id,
            SaleWait.waiting_vendor == vendor,
            SaleWait.waiting_id == external_id,
        )
    )
    for other, entity, other_id in sorted(set(wanted)):
        session.add(
            SaleWait(
                integration_id=integration_id,
                waiting_vendor=vendor,
                waiting_id=external_id,
                vendor=other,
                entity=entity,
                external_id=other_id,
            )
        )


async def wake(
    session: AsyncSession, integration_id: int, records: Collection[tuple[str, str, str]], due_at: float
) -> None:
    """Rings the sales that wait for one of these records (vendor, entity, id), which has just been settled."""
    for vendor, entity, external_id in records:
        waiting = (
            await session.execute(
                select(SaleWait.waiting_vendor, SaleWait.waiting_id).where(
                    SaleWait.integration_id == integration_id,
                    SaleWait.vendor == vendor,
                    SaleWait.entity == entity,
                    SaleWait.external_id == external_id,
                )
            )
        ).all()
        for waiting_vendor, waiting_id in waiting:
            await _ring(
                session, integration_id, due_at, Event.vendor == waiting_vendor, Event.external_id == waiting_id
            )


async def ring(session: AsyncSession, event: Event, due_at: float) -> None:
    """Rings one sale that waits."""
    await _ring(session, event.integration_id, due_at, Event.id == event.id)


async def wake_all(session: AsyncSession, integration_id: int, due_at: float) -> None:
    """Rings every sale that waits: the configuration changed."""
    await _ring(session, integration_id, due_at)


async def _ring(session: AsyncSession, integration_id: int, due_at: float, *which: object) -> None:
    await session.execute(
        update(Event)
        .where(
            Event.integration_id == integration_id,
            Event.entity.in_((ORDERS, SERVICE_ORDERS)),
            Event.state == EventState.WAITING,
            Event.cause == PREFLIGHT,
            *which,  # type: ignore[arg-type]
        )
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )


async def asked_since(
    session: AsyncSession,
    integration_id: int,
    vendor: str,
    entities: Collection[str],
    external_id: str,
    since: datetime,
) -> Event | None:
    """The latest event of a record that came after an instant."""
    query = (
        select(Event)
        .where(
            Event.integration_id == integration_id,
            Event.vendor == vendor,
            Event.entity.in_(entities),
            Event.external_id == external_id,
            Event.received_at >= since,
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalars().first()
