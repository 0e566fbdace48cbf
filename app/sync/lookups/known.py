"""Named queries over `known_records`: our own index of what exists on each vendor, so that a twin costs no search."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Result, delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import JsonObject, Record, Vendor
from app.core.wire import fitted
from app.sync import sizes
from app.sync.mapping.convert import canonical_document
from app.sync.models import KnownRecord

EVER = datetime.min.replace(tzinfo=UTC)
WHOLE_SETS = "sets"
"""Rows of this set say when another set was last read whole."""
EMPTY_SETS = "empty_sets"
"""Rows of this set say when the whole list of another set was last seen to be empty."""
EMPTY_FOR = timedelta(days=1)
"""How long a set of Omie whose list was empty is not listed again: the answer counts as an error there."""

_REPLACED = ("natural_key", "name", "active", "data", "digest", "seen_at", "gone_at")
_CHUNK = 200
"""Rows per statement: SQLite takes a limited number of bound values."""


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of one vendor record: its natural key, name, activity and the few values look-ups need."""

    vendor: Vendor
    entity: str
    external_id: str
    natural_key: str | None = None
    name: str | None = None
    active: bool = True
    data: JsonObject = field(default_factory=dict)
    digest: str | None = None
    """Of the values, in the form both sides can be compared in; None when nobody compared."""


async def upsert(
    session: AsyncSession, integration_id: int, rows: Iterable[Known], seen_at: datetime, *, gone: bool = False
) -> None:
    """Stores rows in one statement per chunk; a row seen before is replaced and counts as living again, or as `gone`,
    when the vendor was asked and knows no such record."""
    unique = {(row.vendor, row.entity, row.external_id): row for row in rows}
    values = [
        {
            "integration_id": integration_id,
            "vendor": row.vendor.value,
            "entity": row.entity,
            "external_id": row.external_id,
            "natural_key": _key(row.natural_key) if row.natural_key else None,
            "name": row.name,
            "active": row.active,
            "data": row.data,
            "digest": row.digest,
            "seen_at": seen_at,
            "gone_at": seen_at if gone else None,
        }
        for row in unique.values()
    ]
    dialect = session.get_bind().dialect.name
    insert: Callable[..., Any] = postgresql.insert if dialect == "postgresql" else sqlite.insert
    for start in range(0, len(values), _CHUNK):
        statement = insert(KnownRecord).values(values[start : start + _CHUNK])
        changed = {name: statement.excluded[name] for name in _REPLACED}
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["integration_id", "vendor", "entity", "external_id"], set_=changed
            )
        )


async def get(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, external_id: str
) -> KnownRecord | None:
    """One row by the vendor's id, gone or not."""
    return await session.scalar(
        select(KnownRecord).where(*_set_of(integration_id, vendor, entity), KnownRecord.external_id == external_id)
    )


async def find(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, natural_key: str
) -> list[KnownRecord]:
    """Living rows that carry a natural key, oldest first."""
    found = await session.scalars(
        select(KnownRecord)
        .where(
            *_set_of(integration_id, vendor, entity),
            KnownRecord.natural_key == _key(natural_key),
            KnownRecord.gone_at.is_(None),
        )
        .order_by(KnownRecord.id)
    )
    return list(found)


async def everything(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str) -> list[KnownRecord]:
    """Every living row of a small set (sellers, users, statuses, ...)."""
    found = await session.scalars(
        select(KnownRecord)
        .where(*_set_of(integration_id, vendor, entity), KnownRecord.gone_at.is_(None))
        .order_by(KnownRecord.id)
    )
    return list(found)


async def of_sets(session: AsyncSession, integration_id: int, sets: Sequence[tuple[str, str]]) -> list[KnownRecord]:
    """Every living row of some (vendor, set), oldest first."""
    found = await session.scalars(
        select(KnownRecord)
        .where(
            KnownRecord.integration_id == integration_id,
            tuple_(KnownRecord.vendor, KnownRecord.entity).in_(sets),
            KnownRecord.gone_at.is_(None),
        )
        .order_by(KnownRecord.id)
    )
    return list(found)


async def living(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, most: int, since: datetime = EVER
) -> list[str]:
    """Ids of the records seen last (after `since`) that are not known to be gone: controls for a search."""
    found = await session.scalars(
        select(KnownRecord.external_id)
        .where(*_set_of(integration_id, vendor, entity), KnownRecord.gone_at.is_(None), KnownRecord.seen_at >= since)
        .order_by(KnownRecord.seen_at.desc(), KnownRecord.id.desc())
        .limit(most)
    )
    return list(found)


async def mark_gone(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, external_id: str, at: datetime
) -> bool:
    """Remembers that a record no longer exists; False when it was not known or already gone."""
    done = await session.execute(
        update(KnownRecord)
        .where(
            *_set_of(integration_id, vendor, entity),
            KnownRecord.external_id == external_id,
            KnownRecord.gone_at.is_(None),
        )
        .values(gone_at=at)
    )
    return _touched(done) > 0


async def mark_unseen_gone(
    session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, *, seen_before: datetime, at: datetime
) -> int:
    """After a complete crawl of a reference set: what it did not show any more is gone. Answers how many."""
    done = await session.execute(
        update(KnownRecord)
        .where(
            *_set_of(integration_id, vendor, entity),
            KnownRecord.seen_at < seen_before,
            KnownRecord.gone_at.is_(None),
        )
        .values(gone_at=at)
    )
    return _touched(done)


async def seen_whole(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, at: datetime) -> None:
    """Remembers that a set was read whole: from then on, what the index does not know is not there."""
    await upsert(session, integration_id, [Known(vendor, WHOLE_SETS, entity)], at)


async def whole_at(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str) -> datetime | None:
    """When a set was last read whole; None when it never was."""
    row = await get(session, integration_id, vendor, WHOLE_SETS, entity)
    return row.seen_at if row is not None else None


async def seen_empty(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, at: datetime) -> None:
    """Remembers that the whole list of a set was empty."""
    await upsert(session, integration_id, [Known(vendor, EMPTY_SETS, entity)], at)


async def empty_lately(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, now: datetime) -> bool:
    """Whether a set was empty less than a day ago and no record of it has been heard of since."""
    row = await get(session, integration_id, vendor, EMPTY_SETS, entity)
    if row is None or now - row.seen_at >= EMPTY_FOR:
        return False
    return not await living(session, integration_id, vendor, entity, 1)


async def forget(session: AsyncSession, integration_id: int, entity: str) -> None:
    """Removes every row of a set of both vendors (cached answers of checks after new credentials)."""
    await session.execute(
        delete(KnownRecord).where(KnownRecord.integration_id == integration_id, KnownRecord.entity == entity)
    )


async def forget_one(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str, external_id: str) -> None:
    """Removes one row."""
    mine = (*_set_of(integration_id, vendor, entity), KnownRecord.external_id == external_id)
    await session.execute(delete(KnownRecord).where(*mine))


async def counts(session: AsyncSession, integration_id: int) -> dict[tuple[str, str], int]:
    """Living rows by (vendor, entity)."""
    rows = await session.execute(
        select(KnownRecord.vendor, KnownRecord.entity, func.count())
        .where(KnownRecord.integration_id == integration_id, KnownRecord.gone_at.is_(None))
        .group_by(KnownRecord.vendor, KnownRecord.entity)
    )
    return {(vendor, entity): count for vendor, entity, count in rows}


def _key(natural_key: str) -> str:
    return fitted(natural_key, sizes.KNOWN_KEY)


def _touched(done: Result[Any]) -> int:
    return done.rowcount if isinstance(done, CursorResult) else 0


def _set_of(integration_id: int, vendor: Vendor, entity: str) -> Sequence[Any]:
    return (
        KnownRecord.integration_id == integration_id,
        KnownRecord.vendor == vendor.value,
        KnownRecord.entity == entity,
    )


# --- what a crawled record becomes -------------------------------------------------------------------------------


def _text(data: JsonObject, name: str) -> str | None:
    value = data.get(name)
    return str(value).strip() or None if value is not None else None


def _lower(data: JsonObject, name: str) -> str | None:
    text = _text(data, name)
    return text.lower() if text else None


def _two_letters(data: JsonObject, *names: str) -> str | None:
    """The two-letter country code, whichever property carries it."""
    return next((t.upper() for name in names if (t := _text(data, name)) and len(t) == 2 and t.isalpha()), None)


@dataclass(frozen=True, slots=True)
class _Row:
    """How one set is indexed: where its key, name and activity are, and which raw values are kept."""

    key: Callable[[JsonObject], str | None]
    name: Callable[[JsonObject], str | None]
    active: Callable[[JsonObject], bool] = lambda data: True
    keep: Sequence[str] = ()


def _omie_active(data: JsonObject) -> bool:
    return data.get("inativo") != "S"


def _named(name: str, *, active: Callable[[JsonObject], bool] = _omie_active, keep: Sequence[str] = ()) -> _Row:
    """A set whose rows are found by code only."""
    return _Row(key=lambda d: None, name=lambda d: _text(d, name), active=active, keep=keep)


_INDEX: dict[tuple[Vendor, str], _Row] = {
    (Vendor.OMIE, "clients"): _Row(
        key=lambda d: canonical_document(d.get("cnpj_cpf")),
        name=lambda d: _text(d, "nome_fantasia") or _text(d, "razao_social"),
        active=_omie_active,
        keep=("codigo_cliente_integracao", "email", "contribuinte", "tags"),
    ),
    (Vendor.PLOOMES, "clients"): _Row(
        key=lambda d: canonical_document(d.get("Register") or d.get("CNPJ") or d.get("CPF")),
        name=lambda d: _text(d, "Name"),
        keep=("TypeId", "CompanyId", "Email"),
    ),
    (Vendor.OMIE, "products"): _Row(
        key=lambda d: _text(d, "codigo"), name=lambda d: _text(d, "descricao"), active=_omie_active
    ),
    (Vendor.PLOOMES, "products"): _Row(
        key=lambda d: _text(d, "Code"),
        name=lambda d: _text(d, "Name"),
        active=lambda d: not d.get("Suspended"),
        keep=("FamilyId",),
    ),
    (Vendor.OMIE, "services"): _Row(
        key=lambda d: _text(d.get("cabecalho") or {}, "cCodigo"),
        name=lambda d: _text(d.get("cabecalho") or {}, "cDescricao"),
        active=lambda d: _omie_active(d.get("info") or {}),
    ),
    (Vendor.PLOOMES, "groups"): _Row(
        key=lambda d: _lower(d, "Name"), name=lambda d: _text(d, "Name"), keep=("FamilyId",)
    ),
    (Vendor.OMIE, "sellers"): _Row(
        key=lambda d: _lower(d, "email"), name=lambda d: _text(d, "nome"), active=_omie_active, keep=("email",)
    ),
    (Vendor.PLOOMES, "users"): _Row(
        key=lambda d: _lower(d, "Email"),
        name=lambda d: _text(d, "Name"),
        active=lambda d: not d.get("Suspended"),
        keep=("Email", "Integration"),
    ),
    (Vendor.PLOOMES, "tags"): _Row(key=lambda d: _text(d, "Name"), name=lambda d: _text(d, "Name"), keep=("EntityId",)),
    (Vendor.PLOOMES, "statuses"): _Row(
        key=lambda d: _lower(d, "Name"), name=lambda d: _text(d, "Name"), active=lambda d: not d.get("Discarded")
    ),
    (Vendor.PLOOMES, "phone_types"): _Row(key=lambda d: _lower(d, "Name"), name=lambda d: _text(d, "Name")),
    (Vendor.PLOOMES, "cities"): _Row(
        key=lambda d: _text(d, "IBGECode"), name=lambda d: _text(d, "Name"), keep=("StateId", "CountryId")
    ),
    (Vendor.PLOOMES, "states"): _Row(
        key=lambda d: _text(d, "Short"), name=lambda d: _text(d, "Name"), keep=("CountryId",)
    ),
    (Vendor.PLOOMES, "countries"): _Row(
        key=lambda d: _two_letters(d, "Short1", "Short2"), name=lambda d: _text(d, "Name")
    ),
    (Vendor.PLOOMES, "fields"): _Row(
        key=lambda d: _text(d, "SendExternalKey"),
        name=lambda d: _text(d, "Name"),
        active=lambda d: not d.get("Disabled"),
        keep=(
            "Id",
            "EntityId",
            "TypeId",
            "Type",
            "Dynamic",
            "Multiple",
            "OptionsTableId",
            "OptionsTable",
            "PropertyName",
            "UpdatePropertyName",
        ),
    ),
    (Vendor.OMIE, "activity_types"): _named("cDescricao"),
    (Vendor.OMIE, "accounts"): _named("descricao", keep=("tipo_conta_corrente", "codigo_banco")),
    (Vendor.OMIE, "categories"): _named(
        "descricao",
        active=lambda d: d.get("conta_inativa") != "S",
        keep=("conta_receita", "totalizadora", "nao_exibir"),
    ),
    (Vendor.OMIE, "installments"): _named("cDescricao", keep=("nParcelas",)),
    (Vendor.OMIE, "payment_means"): _named("descricao"),
    (Vendor.OMIE, "projects"): _named("nome"),
    (Vendor.OMIE, "tax_scenarios"): _named("cNome", keep=("padrao",)),
    (Vendor.OMIE, "units"): _named("descricao"),
    (Vendor.OMIE, "stock_locations"): _named("descricao", keep=("codigo", "padrao", "dispVenda", "tipo")),
    (Vendor.OMIE, "families"): _named("nomeFamilia"),
    (Vendor.OMIE, "companies"): _named(
        "nome_fantasia", active=lambda d: d.get("inativa") != "S", keep=("optante_simples_nacional", "cnpj", "cidade")
    ),
    (Vendor.OMIE, "icms_cst"): _named("cDescricao"),
    (Vendor.OMIE, "icms_csosn"): _named("cDescricao"),
    (Vendor.OMIE, "icms_origins"): _named("cDescricao"),
    (Vendor.OMIE, "ipi_cst"): _named("cDescricao"),
    (Vendor.OMIE, "ipi_classes"): _named("cDescricao"),
    (Vendor.OMIE, "calculation_types"): _named("cDescricao"),
    (Vendor.PLOOMES, "stages"): _named("Name", keep=("Ordination",)),
    (Vendor.PLOOMES, "contact_types"): _named("Name"),
    (Vendor.PLOOMES, "origins"): _named("Name"),
    (Vendor.PLOOMES, "lines_of_business"): _named("Name"),
    (Vendor.PLOOMES, "relationships"): _named("Name"),
    (Vendor.PLOOMES, "sizes"): _named("Name"),
    (Vendor.OMIE, "stages"): _Row(
        key=lambda d: None,
        name=lambda d: _text(d, "cDescricao") or _text(d, "cDescrPadrao"),
        active=lambda d: d.get("cInativo") != "S",
        keep=("cDescOperacao", "cDescrPadrao"),
    ),
    (Vendor.OMIE, "countries"): _Row(
        key=lambda d: _two_letters(d, "cCodigoISO"), name=lambda d: _text(d, "cDescricao")
    ),
}


def known_of(record: Record, digest: str | None = None) -> Known:
    """The index row of a crawled record; a set without a rule is kept by id alone."""
    row = _INDEX.get((record.vendor, record.entity))
    if row is None:
        return Known(record.vendor, record.entity, record.id, digest=digest)
    return Known(
        record.vendor,
        record.entity,
        record.id,
        natural_key=row.key(record.data),
        name=row.name(record.data),
        active=row.active(record.data),
        data={name: record.data[name] for name in row.keep if record.data.get(name) is not None},
        digest=digest,
    )
