"""The fields of a Ploomes account: read now, kept in the index, and checked against what a mapping needs."""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, UserError, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync.config.scope import properties_of
from app.sync.lookups import known
from app.sync.mapping.choices import choices_of
from app.sync.mapping.mappable import COLUMNS, Mappable
from app.sync.models import Integration
from app.sync.vendors import Gateways, read_all, say

ENTITY_IDS: Mapping[str, int] = {"clients": 1, "orders": 4, "products": 10, "order_items": 20}
"""Ploomes' EntityId of each entity's fields (reference 2)."""
ENTITY_NAMES = {1: "clientes", 4: "vendas", 10: "produtos", 20: "itens de venda"}


@dataclass(frozen=True, slots=True)
class AccountField:
    """One field of an account."""

    key: str
    name: str
    entity_id: int
    type_name: str
    native_type: str | None = None
    custom: bool = True
    multiple: bool = False
    external_key: str | None = None
    properties: tuple[str, ...] = ()
    """Where records keep a native field's value."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Id -> name."""

    @property
    def ours(self) -> bool:
        """True for the fields that activation made; those made for a mapping are the customer's."""
        key = self.external_key or ""
        return key.startswith("ponte_") and not key.startswith(MADE_PREFIX)


MADE_PREFIX = "ponte_map_"
"""How the stable keys begin of fields that were made for a mapping."""

AccountFields = Callable[[int], Awaitable[dict[str, AccountField]]]
"""Reads the fields of an integration's account by FieldKey: the only vendor call of a publish."""


def reader(db: Database, clock: Clock, gateways: Gateways) -> AccountFields:
    """A reader of fields; what it read is kept in the index. It raises UserError 409 when Ploomes does not tell."""

    async def read(integration_id: int) -> dict[str, AccountField]:
        async with db.read() as session:
            integration = await session.get_one(Integration, integration_id)
        ploomes = gateways.open(integration, Priority.PERSON)[1]
        started = clock.now()
        try:
            records = await read_all(clock, ploomes, "fields")
            surely_all([record.data for record in records])
            untold = any(not record.data.get("Type") for record in records)
            kinds = await read_all(clock, ploomes, "field_types") if untold else []
            types = {row.data["Id"]: row.data for row in kinds}
        except (VendorError, Postponed) as error:
            raise UserError(
                HTTPStatus.CONFLICT,
                "Campos não conferidos",
                f"Não foi possível ler os campos do Ploomes. {say(error, Vendor.PLOOMES)}",
            ) from error
        shown = [replace(r, data={**r.data, "Type": r.data.get("Type") or types.get(r.data.get("TypeId"))})
                 for r in records if r.data.get("Key")]  # fmt: skip
        async with db.transaction() as session:
            await known.upsert(session, integration_id, [known.known_of(record) for record in shown], clock.now())
            await known.mark_unseen_gone(
                session, integration_id, Vendor.PLOOMES, "fields", seen_before=started, at=clock.now()
            )
            await known.seen_whole(session, integration_id, Vendor.PLOOMES, "fields", started)
        return {str(record.data["Key"]): field_of(record.data) for record in shown}

    return read


def surely_all(rows: Sequence[JsonObject]) -> None:
    """Every account has fields of its own: raises VendorError(TRANSIENT) for a list without one, which is no list."""
    if all(row.get("Dynamic") is True for row in rows):
        raise VendorError(Fault.TRANSIENT, "a lista de campos veio sem os campos nativos", vendor="ploomes")


def field_of(data: JsonObject) -> AccountField:
    """A field as Ploomes answers it, with its type beside it."""
    kind: JsonObject = data.get("Type") or {}
    return AccountField(
        key=str(data.get("Key")),
        name=str(data.get("Name") or ""),
        entity_id=int(data.get("EntityId") or 0),
        type_name=str(kind.get("Name") or ""),
        native_type=kind.get("NativeType"),
        custom=data.get("Dynamic") is not False,
        multiple=data.get("Multiple") is True,
        external_key=data.get("SendExternalKey"),
        properties=properties_of(data),
        options={choice.id: choice.name for choice in choices_of(data)},
    )


def entity_id_of(row: Mappable) -> int:
    """Where the Ploomes field of a row must be."""
    return ENTITY_IDS["order_items" if row.line else row.entity]


def flaw_of(row: Mappable, ploomes: str, fields: Mapping[str, AccountField]) -> str | None:
    """Why a row may not be mapped to a field, in Portuguese; None when it may (F195)."""
    found = fields.get(ploomes)
    if found is None:
        return f"o campo {ploomes} não existe no Ploomes"
    if found.entity_id != entity_id_of(row):
        there = ENTITY_NAMES.get(found.entity_id, "outra entidade")
        return f"{row.key} precisa de um campo de {ENTITY_NAMES[entity_id_of(row)]}, mas {found.name} é de {there}"
    if not found.custom:
        return f"o campo {found.name} é nativo do Ploomes; mapeie um campo personalizado"
    if found.ours:
        return f"o campo {found.name} é mantido pela própria integração"
    column = COLUMNS[row.ploomes_type].removesuffix("Value")
    if not same_type(row.ploomes_type, found.type_name) or found.native_type not in (None, column):
        return (
            f"{row.key} precisa de um campo do tipo “{row.ploomes_type}”, "
            f"mas o campo do Ploomes é do tipo “{found.type_name or 'desconhecido'}”"
        )
    if found.multiple:
        return f"o campo {found.name} aceita vários valores; {row.key} tem um só"
    return None


VARIANTS: Mapping[str, Sequence[str]] = {
    "numero com casas decimais ilimitadas": ("numero com casas decimais", "decimal"),
    "numero inteiro": ("inteiro",),
}
"""Names that accounts give the same type."""


def same_type(wanted: str, found: str) -> bool:
    """True when a Ploomes type name means the wanted type; accounts spell them with variants ("Data / Data e hora")."""
    names = {_folded(wanted), *VARIANTS.get(_folded(wanted), ())}
    return bool(names & {_folded(part) for part in [found, *found.split("/")]})


def _folded(name: Any) -> str:
    plain = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().replace("-", "").split())
