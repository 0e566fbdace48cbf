"""`/integrations/{id}/config`: the configuration document; `/mapping-fields`: what can be kept equal."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, Field

from app.api.deps import Caller, require
from app.api.rest.common import Body as Closed
from app.api.rest.common import Cursor, IntegrationDep, IntegrationId, Limit, Listing, PartsDep, RowId
from app.sync.config.masking import masked
from app.sync.mapping.catalogue import mapping_fields
from app.sync.setup.option_tables import Made

router = APIRouter(tags=["configuração"])


class Effects(BaseModel):
    """What comparing the touched records again costs."""

    records: int
    requests: int
    requests_by_vendor: dict[str, int]
    eta_seconds: int | None
    """At the limits as they are now; none while they cannot be asked."""
    history: dict[str, int] | None = None
    """Where the history changes: records by vendor that the last list of sales left out because they are older."""


class Published(BaseModel):
    """The outcome of a publish, or of its dry run."""

    version: int
    changed: bool
    dry_run: bool
    changes: list[str]
    touched: list[str]
    effects: Effects
    resync_id: int | None
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
    line: bool
    extra: bool
    options: str | None


class VersionOut(BaseModel):
    """One published version."""

    version: int
    author: str
    created_at: datetime
    changes: list[str]


class Rollback(Closed):
    """The version to go back to."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class NewField(Closed):
    """A mappable Omie field that needs a Ploomes field of its own."""

    omie: Annotated[str, Field(min_length=1, max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class NewFields(Closed):
    """Several of them at once, which asks Ploomes less often."""

    fields: Annotated[list[NewField], Field(min_length=1, max_length=100)]


class FieldOut(BaseModel):
    """A Ploomes field that can be mapped."""

    omie: str
    key: str
    name: str
    type: str
    created: bool


Reader = Annotated[Caller, Depends(require("read"))]
Admin = Annotated[Caller, Depends(require("admin"))]
DryRun = Annotated[bool, Query(description="só mostra os efeitos; nada é gravado")]
StartWhen = Annotated[Literal["window", "now"], Query(description="quando o que mudou é gravado: na janela, ou agora")]


@router.get("/integrations/{integration_id}/config")
async def show(integration_id: IntegrationId, ponte: PartsDep, caller: Reader) -> dict[str, Any]:
    """Mostra a configuração publicada. O endereço dos avisos só aparece inteiro para o escopo `admin`; publicado
    encoberto, fica como está."""
    return _seen_by(caller, (await ponte.configs.get(integration_id)).document())


@router.put("/integrations/{integration_id}/config", response_model=Published)
async def publish(
    row: IntegrationDep,
    ponte: PartsDep,
    caller: Admin,
    document: Annotated[dict[str, Any], Body()],
    dry_run: DryRun = False,
    start: StartWhen = "window",
) -> Any:
    """Publica uma configuração inteira; partes omitidas voltam ao padrão. `dry_run` só mostra os efeitos."""
    return await ponte.publishing.publish(row, document, author=caller.name, dry_run=dry_run, start=start)


@router.get("/integrations/{integration_id}/config/schema", dependencies=[Depends(require("read"))])
async def schema(row: IntegrationDep, ponte: PartsDep) -> dict[str, Any]:
    """Explica cada parte da configuração: descrição, lista de códigos (`x-picker`), condição (`x-when`) e se ela vale
    agora (`x-visible`)."""
    return await ponte.publishing.schema(row)


@router.get(
    "/integrations/{integration_id}/config/versions",
    response_model=Listing[VersionOut],
    dependencies=[Depends(require("read"))],
)
async def versions(row: IntegrationDep, ponte: PartsDep, cursor: Cursor = None, limit: Limit = 50) -> Any:
    """Lista as versões publicadas, da mais nova para a mais antiga: quem publicou, quando e o que mudou."""
    before = int(cursor) if cursor is not None else None
    rows = await ponte.publishing.versions(row.id, before, limit + 1)
    return {"items": rows[:limit], "next": str(rows[limit - 1]["version"]) if len(rows) > limit else None}


@router.get("/integrations/{integration_id}/config/versions/{version}")
async def version(row: IntegrationDep, version: RowId, ponte: PartsDep, caller: Reader) -> dict[str, Any]:
    """Mostra a configuração de uma versão."""
    return _seen_by(caller, await ponte.publishing.version(row.id, min(version, 2**31 - 1)))


@router.post("/integrations/{integration_id}/config/rollback", response_model=Published)
async def rollback(
    row: IntegrationDep,
    body: Rollback,
    ponte: PartsDep,
    caller: Admin,
    dry_run: DryRun = False,
    start: StartWhen = "window",
) -> Any:
    """Volta a uma versão anterior: o documento dela é publicado de novo, igual, como a versão mais nova."""
    return await ponte.publishing.rollback(row, body.version, author=caller.name, dry_run=dry_run, start=start)


@router.post("/integrations/{integration_id}/ploomes-fields", status_code=201, response_model=FieldOut)
async def make_field(row: IntegrationDep, body: NewField, ponte: PartsDep, caller: Admin) -> Any:
    """Cria no Ploomes o campo do tipo certo para um campo do Omie, com as opções do Omie, e devolve a chave para o
    mapeamento. Repetir devolve o mesmo campo."""
    (made,) = await ponte.options.make(row, await ponte.configs.get(row.id), {body.omie: body.name})
    return _made(body.omie, made)


@router.post("/integrations/{integration_id}/ploomes-fields/batch", status_code=201, response_model=list[FieldOut])
async def make_fields(row: IntegrationDep, body: NewFields, ponte: PartsDep, caller: Admin) -> Any:
    """Cria vários campos de uma vez."""
    wanted = {field.omie: field.name for field in body.fields}
    made = await ponte.options.make(row, await ponte.configs.get(row.id), wanted)
    return [_made(omie, field) for omie, field in zip(wanted, made, strict=True)]


def _seen_by(caller: Caller, document: dict[str, Any]) -> dict[str, Any]:
    return document if caller.scope == "admin" else masked(document)


def _made(omie: str, made: Made) -> dict[str, Any]:
    return {"omie": omie, "key": made.key, "name": made.name, "type": made.type_name, "created": made.created}


@router.get("/mapping-fields", response_model=list[MappingField], dependencies=[Depends(require("read"))])
async def fields() -> Any:
    """Lista todos os campos fixos e mapeáveis."""
    return mapping_fields()
