"""What a self-test tells: one check per step, and what the book says of the records it waits for."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import JsonObject, Vendor
from app.sync.models import Event, EventSource, EventState, Resync

PATIENCE_SECONDS = 300.0
"""How long a record may be on its way."""
LOOK_SECONDS = 3.0
NAME = "Registro de teste Ponte"
STUCK = (EventState.WAITING, EventState.FAILED)


def check(name: str, ok: bool, detail: str) -> JsonObject:
    """One line of the report."""
    return {"name": name, "ok": ok, "detail": detail}


def tell(run: Resync, *checks: JsonObject) -> None:
    """Adds to the report; one step is done."""
    progress = dict(run.progress)
    told = [*progress.get("checks", []), *checks]
    failed = [each for each in told if not each["ok"]]
    run.progress = {**progress, "checks": told, "done": progress.get("done", 0) + 1, "ok": not failed}


async def heard_of(session: AsyncSession, integration_id: int, client: str) -> bool:
    """Omie has posted about a client."""
    query = select(Event.id).where(
        Event.integration_id == integration_id,
        Event.vendor == Vendor.OMIE.value,
        Event.entity == "clients",
        Event.external_id == client,
        Event.source == EventSource.WEBHOOK,
    )
    return (await session.execute(query.limit(1))).first() is not None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a record of Ploomes is on its way."""

    reason: str
    """Why it is there, in Portuguese."""
    rests: bool = False
    """True when nothing goes on by itself."""


async def whereabouts(session: AsyncSession, integration_id: int, entity: str, ploomes_id: str) -> Whereabouts:
    """By the latest event of the record."""
    query = (
        select(Event.reason, Event.state, Event.due_at)
        .where(
            Event.integration_id == integration_id,
            Event.vendor == Vendor.PLOOMES.value,
            Event.entity == entity,
            Event.external_id == ploomes_id,
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    row = (await session.execute(query)).first()
    if row is None:
        return Whereabouts("Nenhum aviso do Ploomes chegou: confira se PUBLIC_URL pode ser alcançado de fora.")
    reason, state, due_at = row
    return Whereabouts(reason or "O aviso do Ploomes ainda está na fila.", due_at is None and state in STUCK)
