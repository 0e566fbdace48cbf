"""`/integrations/{id}/records/...`: one record, why it is not synchronised, and "process it now"."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from app.api.deps import require
from app.api.rest.common import EntityName, ExternalId, IntegrationDep, PartsDep, RecordNumber, VendorName, missing

router = APIRouter(prefix="/integrations/{integration_id}/records/{entity}/{vendor}/{external_id}", tags=["registros"])

Read = Depends(require("read"))


class ConditionOut(BaseModel):
    """One thing that must hold for the record to be in agreement."""

    name: str
    ok: bool
    detail: str
    fix: str | None
    who: str | None


class WhyOut(BaseModel):
    """Whether the record is in agreement, and every condition."""

    in_sync: bool
    conditions: list[ConditionOut]


class Accepted(BaseModel):
    """The event that will process the record."""

    event_id: int
    state: str


@router.get("", dependencies=[Read])
async def show(
    row: IntegrationDep,
    entity: EntityName,
    vendor: VendorName,
    external_id: ExternalId,
    ponte: PartsDep,
    fresh: Annotated[bool, Query(description="lê os dois sistemas agora")] = False,
) -> dict[str, Any]:
    """Mostra os dois lados como vistos por último, o que difere, a linha do tempo e as pendências."""
    view = await ponte.records.view(row, entity.value, vendor, external_id, fresh=fresh)
    if not view.exists and not fresh:
        raise missing("Este registro ainda não é conhecido por esta integração.")
    return view.as_json()


@router.get("/why", response_model=WhyOut, dependencies=[Read])
async def why(
    row: IntegrationDep, entity: EntityName, vendor: VendorName, external_id: ExternalId, ponte: PartsDep
) -> Any:
    """Explica por que o registro não está sincronizado."""
    view = await ponte.records.view(row, entity.value, vendor, external_id)
    return await ponte.why.explain(view)


@router.post("/sync", status_code=202, response_model=Accepted, dependencies=[Depends(require("ops"))])
async def sync(
    row: IntegrationDep, entity: EntityName, vendor: VendorName, external_id: RecordNumber, ponte: PartsDep
) -> Any:
    """Processa este registro agora."""
    event = await ponte.requests.sync(row.id, vendor.value, entity.value, external_id)
    return {"event_id": event.id, "state": event.state}
