"""Guides of an integration: what flows, what is left to do, a self-test, a bundle for support, and its upkeep."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from app.api.deps import Caller, require
from app.api.rest.common import Body, IntegrationDep, PartsDep
from app.api.rest.integrations import IntegrationOut
from app.api.rest.resyncs import ResyncOut
from app.sync.passes.resyncs import as_json
from app.sync.setup import guide

router = APIRouter(prefix="/integrations/{integration_id}", tags=["guias"])

Read = Depends(require("read"))
Ops = Depends(require("ops"))
Admin = Annotated[Caller, Depends(require("admin"))]


class FlowOut(BaseModel):
    """What of an entity travels where."""

    entity: str
    label: str
    on: bool
    to_ploomes: list[str]
    to_omie: list[str]
    notes: str


class StepOut(BaseModel):
    """One step of the set-up; `done` is null where it cannot be seen from here."""

    title: str
    text: str
    done: bool | None
    url: str | None
    copy_text: str | None = Field(serialization_alias="copy")


class LockOut(BaseModel):
    """A Ploomes field that only Omie should change."""

    key: str
    name: str
    why: str
    locked: bool


class Locking(Body):
    """Which fields to lock or free; null is all recommended ones."""

    keys: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] | None = None
    locked: bool = True


class SelfTesting(Body):
    """`sales`: a sale is made, changed and taken back too."""

    sales: bool = False


class Undoing(Body):
    """`confirm` is the integration's name, typed; `fields` also deletes our fields with their values."""

    confirm: str | None = None
    fields: bool = False


class Undone(BaseModel):
    """What was taken out of Ploomes."""

    webhooks: int
    fields: list[str]


@router.get("/capabilities", response_model=list[FlowOut], dependencies=[Read])
async def capabilities(row: IntegrationDep, ponte: PartsDep) -> Any:
    """Mostra o que vai de um sistema para o outro, pela configuração atual."""
    return guide.matrix(await ponte.configs.get(row.id))


@router.get("/guide", response_model=list[StepOut], dependencies=[Read])
async def set_up(row: IntegrationDep, ponte: PartsDep) -> Any:
    """Mostra os passos da instalação nas telas do Omie e do Ploomes, com o endereço a colar e o que já foi feito."""
    open_fields = [field.name for field in await ponte.locks.recommended(row) if not field.locked]
    found = guide.steps(row, ponte.integrations.as_json(row), await ponte.configs.get(row.id), open_fields)
    return [{**step, "copy_text": step["copy"]} for step in found]


@router.get("/locks", response_model=list[LockOut], dependencies=[Read])
async def locks(row: IntegrationDep, ponte: PartsDep) -> Any:
    """Lista os campos do Ploomes que convém bloquear, e se já estão."""
    return [field.as_json() for field in await ponte.locks.recommended(row)]


@router.post("/locks", response_model=list[LockOut])
async def lock(row: IntegrationDep, body: Locking, ponte: PartsDep, caller: Admin) -> Any:
    """Bloqueia (ou libera) campos no Ploomes: as pessoas não os editam mais na tela, e a integração continua."""
    return [field.as_json() for field in await ponte.upkeep.lock(row, body.keys, locked=body.locked)]


@router.post("/self-test", status_code=202, response_model=ResyncOut, dependencies=[Ops])
async def self_test(row: IntegrationDep, ponte: PartsDep, body: SelfTesting | None = None) -> Any:
    """Cria um cliente de teste no Ploomes, espera que chegue ao Omie e o remove; confere de novo um produto, um serviço
    e um estoque já vinculados. Com `sales`, também faz, edita e desfaz uma venda: pedido e ordem de serviço gastam um
    número no Omie e são excluídos. Acompanhe em `resyncs/{id}`."""
    return as_json(await ponte.self_test.start(row, sales=(body or SelfTesting()).sales))


@router.get("/diagnostics", dependencies=[Read])
async def diagnostics(row: IntegrationDep, ponte: PartsDep) -> dict[str, Any]:
    """Reúne o que o suporte precisa ver, sem nenhum segredo."""
    return await ponte.diagnostics.bundle(row, ponte.integrations.as_json(row))


@router.post("/webhook-urls/rotate", response_model=IntegrationOut)
async def rotate(row: IntegrationDep, ponte: PartsDep, caller: Admin) -> Any:
    """Troca os endereços de webhook; os antigos deixam de valer na hora. O novo do Omie deve ser colado no portal."""
    return await ponte.upkeep.rotate_addresses(row.id)


@router.post("/unprovision", response_model=Undone)
async def undo(row: IntegrationDep, body: Undoing, ponte: PartsDep, caller: Admin) -> Any:
    """Desfaz a preparação do Ploomes: retira os webhooks e, se pedido, os campos da integração com seus valores."""
    return await ponte.upkeep.undo(row.id, body.confirm, fields=body.fields)
