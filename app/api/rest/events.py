"""`/integrations/{id}/events`: what arrived, what became of it, replay and ignore."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import read_session, require
from app.api.rest.common import Cursor, IntegrationDep, Limit, Listing, PartsDep, RowId, listing, missing, moment
from app.core.ports import Entity, Priority, Vendor
from app.sync.models import Event, EventState

router = APIRouter(prefix="/integrations/{integration_id}/events", tags=["eventos"])

Read = Depends(require("read"))
Ops = Depends(require("ops"))
Session = Annotated[AsyncSession, Depends(read_session)]


class EventOut(BaseModel):
    """A stored notice and its outcome."""

    id: int
    vendor: str
    entity: str | None
    external_id: str | None
    kind: str
    topic: str
    source: str
    priority: str
    author: str | None
    state: str
    reason: str | None
    cause: str | None
    repeats: int
    attempts: int
    link_id: int | None
    received_at: datetime
    due_at: datetime | None
    settled_at: datetime | None


class EventDetail(EventOut):
    """With the body as received."""

    body: str | None


@router.get("", response_model=Listing[EventOut], dependencies=[Read])
async def index(
    row: IntegrationDep,
    session: Session,
    state: EventState | None = None,
    entity: Entity | None = None,
    vendor: Vendor | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Any:
    """Lista os eventos, do mais novo para o mais antigo."""
    query = select(Event).where(Event.integration_id == row.id)
    for column, value in ((Event.state, state), (Event.entity, entity), (Event.vendor, vendor)):
        if value is not None:
            query = query.where(column == value.value)
    if cursor is not None:
        query = query.where(Event.id < int(cursor))
    rows = list(await session.scalars(query.order_by(Event.id.desc()).limit(limit + 1)))
    return listing(rows, limit, [_json(event) for event in rows])


@router.get("/{event_id}", response_model=EventDetail, dependencies=[Read])
async def show(row: IntegrationDep, event_id: RowId, session: Session) -> Any:
    """Mostra um evento com o corpo recebido."""
    event = await session.get(Event, event_id)
    if event is None or event.integration_id != row.id:
        raise missing("Este evento não existe nesta integração.")
    return {**_json(event), "body": event.body}


@router.post("/{event_id}/replay", response_model=EventOut, dependencies=[Ops])
async def replay(row: IntegrationDep, event_id: RowId, ponte: PartsDep) -> Any:
    """Processa o evento de novo."""
    return _json(await ponte.requests.replay(row.id, event_id))


@router.post("/{event_id}/ignore", response_model=EventOut, dependencies=[Ops])
async def ignore(row: IntegrationDep, event_id: RowId, ponte: PartsDep) -> Any:
    """Encerra o evento sem processar."""
    return _json(await ponte.requests.ignore(row.id, event_id))


def _json(event: Event) -> dict[str, Any]:
    plain = (
        "id",
        "vendor",
        "entity",
        "external_id",
        "kind",
        "topic",
        "source",
        "author",
        "state",
        "reason",
        "cause",
        "repeats",
        "attempts",
        "link_id",
        "received_at",
        "settled_at",
    )
    return {
        **{name: getattr(event, name) for name in plain},
        "priority": Priority(event.priority).name.lower(),
        "due_at": moment(event.due_at),
    }
