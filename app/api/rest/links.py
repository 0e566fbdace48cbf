"""`/integrations/{id}/links`: which records are the same thing; by hand, by wizard, by table."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Header, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Caller, read_session, require
from app.api.rest.common import Body as Closed
from app.api.rest.common import Cursor, IntegrationDep, Limit, Listing, PartsDep, RowId, listing
from app.core.ports import Entity
from app.sync.desk import linking
from app.sync.desk.linking import Pair, link_json
from app.sync.desk.sheets import decoded
from app.sync.models import Link, LinkState

router = APIRouter(prefix="/integrations/{integration_id}/links", tags=["vínculos"])

Read = Depends(require("read"))
Ops = Annotated[Caller, Depends(require("ops"))]
Admin = Annotated[Caller, Depends(require("admin"))]
Session = Annotated[AsyncSession, Depends(read_session)]
RecordId = Annotated[str, Field(pattern=r"^\d{1,20}$")]
CSV = "text/csv"


class LinkOut(BaseModel):
    """Two records that are the same thing."""

    id: int
    entity: str
    omie_id: str
    ploomes_id: str
    natural_key: str | None
    state: str
    state_reason: str | None
    created_at: datetime
    ended_at: datetime | None


class NewLink(Closed):
    """Two records of an entity."""

    entity: Entity
    omie_id: RecordId
    ploomes_id: RecordId


class PairIn(Closed):
    """One accepted proposal."""

    omie_id: RecordId
    ploomes_id: RecordId


class Acceptance(Closed):
    """Proposals that a person accepted."""

    entity: Entity
    pairs: Annotated[list[PairIn], Field(min_length=1, max_length=500)]


class Restoration(Closed):
    """Whose links come back."""

    entity: Entity


class LineError(BaseModel):
    """What is wrong with a line of a table, numbered as a spreadsheet numbers it."""

    line: int
    message: str


class Imported(BaseModel):
    """What an import did, or with `dry_run` would do."""

    dry_run: bool
    linked: int = Field(description="vínculos feitos; com `dry_run`, os que seriam feitos")
    already: int = Field(description="linhas de pares que já estão vinculados")
    skipped: int = Field(description="linhas de vínculos que já tinham terminado (`state` `deleted` ou `excluded`)")
    errors: list[LineError] = Field(description="com qualquer erro nada é vinculado")


class Count(BaseModel):
    """How many links were touched."""

    count: int


@router.get("", response_model=Listing[LinkOut], dependencies=[Read], responses={200: {"content": {CSV: {}}}})
async def index(
    row: IntegrationDep,
    session: Session,
    ponte: PartsDep,
    accept: Annotated[str, Header(include_in_schema=False)] = "*/*",
    entity: Entity | None = None,
    state: LinkState | None = None,
    search: Annotated[
        str | None, Query(max_length=80, pattern=r"^[^\x00]*$", description="código ou documento exato")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Any:
    """Lista os vínculos, do mais novo para o mais antigo. Em CSV vêm todos, para guardar ou importar noutro lugar."""
    chosen = entity.value if entity is not None else None
    if CSV in accept.lower():
        headers = {"Content-Disposition": 'attachment; filename="vinculos.csv"'}
        return StreamingResponse(ponte.link_tables.export(row.id, chosen), media_type=CSV, headers=headers)
    query = linking.listing(row.id, chosen, state, search)
    if cursor is not None:
        query = query.where(Link.id < int(cursor))
    rows = list(await session.scalars(query.order_by(Link.id.desc()).limit(limit + 1)))
    return listing(rows, limit, [link_json(link) for link in rows])


@router.post("", status_code=201, response_model=LinkOut)
async def create(row: IntegrationDep, body: NewLink, ponte: PartsDep, caller: Ops) -> Any:
    """Vincula dois registros à mão; os dois são comparados em seguida."""
    pair = Pair(body.omie_id, body.ploomes_id)
    return await ponte.linking.link(row, body.entity.value, pair, author=caller.name)


@router.post("/preview", dependencies=[Read])
async def preview(row: IntegrationDep, body: NewLink, ponte: PartsDep) -> dict[str, Any]:
    """Mostra os dois registros lado a lado antes de vincular. Nada é gravado."""
    return await ponte.linking.preview(row, body.entity.value, Pair(body.omie_id, body.ploomes_id))


@router.delete("/{link_id}", response_model=LinkOut)
async def remove(row: IntegrationDep, link_id: RowId, ponte: PartsDep, caller: Ops) -> Any:
    """Desfaz um vínculo: os dois registros ficam, e nada os vincula de novo sozinho."""
    return await ponte.linking.unlink(row, link_id, author=caller.name)


@router.delete("", response_model=Count)
async def remove_all(
    row: IntegrationDep,
    ponte: PartsDep,
    caller: Admin,
    entity: Entity,
    confirm: Annotated[str | None, Query(max_length=40, description="o nome da entidade, digitado")] = None,
) -> Any:
    """Desfaz todos os vínculos de uma entidade. Pode ser restaurado."""
    return {"count": await ponte.link_tables.delete_all(row, entity.value, confirm, author=caller.name)}


@router.post("/restore", response_model=Count)
async def restore(row: IntegrationDep, body: Restoration, ponte: PartsDep, caller: Admin) -> Any:
    """Restaura os vínculos da última exclusão em massa de uma entidade."""
    return {"count": await ponte.link_tables.restore(row, body.entity.value, author=caller.name)}


@router.post("/import", response_model=Imported)
async def take_in(
    row: IntegrationDep,
    ponte: PartsDep,
    caller: Admin,
    table: Annotated[bytes, Body(media_type=CSV, max_length=5_000_000)],
    dry_run: Annotated[bool, Query()] = False,
) -> Any:
    """Importa vínculos de um CSV (UTF-8 ou Windows-1252) com as colunas `entity`, `omie_id` e `ploomes_id`.

    Uma tabela exportada pode voltar como saiu: o que a coluna `state` diz que terminou (`deleted`, `excluded`) não é
    vinculado de novo, só contado em `skipped`; um vínculo suspenso volta, e é conferido como os outros. Vínculos que a
    tabela não tem, ou tem como terminados, ficam como estão.

    Com qualquer linha errada nada é vinculado, e cada erro é indicado: também o código de um registro que não existe.
    """
    return await ponte.link_tables.take_in(row, decoded(table), author=caller.name, dry_run=dry_run)


@router.get("/wizard/{entity}", dependencies=[Read])
async def wizard(
    row: IntegrationDep, entity: Annotated[Literal["clients", "products", "services"], Path()], ponte: PartsDep
) -> dict[str, Any]:
    """Propõe pares por código do Omie, documento ou código, e e-mail: certos, ambíguos e duplicados. Nada é gravado."""
    return (await ponte.wizard.propose(row.id, entity)).as_json()


@router.post("/wizard/accept")
async def accept_pairs(row: IntegrationDep, body: Acceptance, ponte: PartsDep, caller: Ops) -> dict[str, Any]:
    """Vincula os pares aceitos; o que foi vinculado enquanto isso, ou não existe, é indicado, e não forçado."""
    pairs = [Pair(pair.omie_id, pair.ploomes_id) for pair in body.pairs]
    return await ponte.linking.accept(row, body.entity.value, pairs, author=caller.name)
