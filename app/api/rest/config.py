"""`/integrations/{id}/config`: the configuration document; `/mapping-fields`: what can be kept equal."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel

from app.api.deps import Caller, require
from app.api.rest.common import IntegrationDep, IntegrationId, PartsDep
from app.sync.catalogue import mapping_fields

router = APIRouter(tags=["configuração"])


class Effects(BaseModel):
    """What comparing the touched records again costs."""

    records: int
    requests: int
    requests_by_vendor: dict[str, int]
    eta_seconds: int


class Published(BaseModel):
    """The outcome of a publish, or of its dry run."""

    version: int
    changed: bool
    dry_run: bool
    changes: list[str]
    effects: Effects
    warnings: list[str]


class MappingField(BaseModel):
    """One field that is, or can be, kept equal."""

    key: str
    label: str
    entity: str
    ploomes_type: str
    read_only: bool
    tax: bool
    fixed: bool
    direction: str


@router.get("/integrations/{integration_id}/config", dependencies=[Depends(require("read"))])
async def show(integration_id: IntegrationId, ponte: PartsDep) -> dict[str, Any]:
    """Mostra a configuração publicada."""
    return (await ponte.configs.get(integration_id)).document()


@router.put("/integrations/{integration_id}/config", response_model=Published)
async def publish(
    row: IntegrationDep,
    ponte: PartsDep,
    caller: Annotated[Caller, Depends(require("admin"))],
    document: Annotated[Any, Body()],
    dry_run: Annotated[bool, Query()] = False,
) -> Any:
    """Publica uma configuração inteira; partes omitidas voltam ao padrão. `dry_run` só mostra os efeitos."""
    return await ponte.configs.publish(row.id, document, author=caller.name, dry_run=dry_run)


@router.get("/mapping-fields", response_model=list[MappingField], dependencies=[Depends(require("read"))])
async def fields() -> Any:
    """Lista todos os campos fixos e mapeáveis."""
    return mapping_fields()
