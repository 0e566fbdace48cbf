"""Pickers: the codes of both vendors that a configuration may name, so that nobody types one (contract section 4).

Lists are kept in the database and read again when they are old or a person asks; Omie refuses the same list within
its redundancy interval, so inside it the kept one is the answer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, UserError, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync.config.code_use import Use
from app.sync.config.scope import properties_of
from app.sync.lookups import known
from app.sync.lookups.sets import Sets
from app.sync.mapping.choices import choices_of
from app.sync.models import Integration, KnownRecord
from app.sync.vendors import Gateways, patiently, say

FRESH_SECONDS = {Vendor.OMIE: 3600.0, Vendor.PLOOMES: 300.0}
"""How old a kept list may be before the next look reads it again."""
REDUNDANCY_SECONDS = {Vendor.OMIE: 61.0, Vendor.PLOOMES: 5.0}
"""How old it must be before a person's wish to refresh makes a request."""
SALES, SERVICES = "11.", "01."
"""Operations that own stages: product sale, service sale (Omie reference 3.6)."""


def _plain(row: KnownRecord) -> JsonObject:
    return {}


def _field(row: KnownRecord) -> JsonObject:
    kind = row.data.get("Type") or {}
    entity = FIELD_ENTITIES.get(row.data.get("EntityId", 0))
    picker = next((VALUES[entity, name] for name in properties_of(row.data) if (entity, name) in VALUES), None)
    return {
        "entity": entity,
        "type": kind.get("Name"),
        "native_type": kind.get("NativeType"),
        "custom": bool(row.data.get("Dynamic")),
        "options": [{"code": choice.id, "name": choice.name} for choice in choices_of(row.data)],
        "property": next(iter(properties_of(row.data)), None),
        "picker": picker,
    }


FIELD_ENTITIES = {1: "clients", 4: "orders", 10: "products", 20: "order_items"}
"""Ploomes' EntityId (reference 2) in our words; fields of other entities are of no use here."""
VALUES: Mapping[tuple[str | None, str], str] = {
    ("clients", "StatusId"): "ploomes_statuses",
    ("clients", "OwnerId"): "ploomes_users",
    ("clients", "TypeId"): "ploomes_contact_types",
    ("clients", "OriginId"): "ploomes_origins",
    ("clients", "LineOfBusinessId"): "ploomes_lines_of_business",
    ("clients", "RelationshipId"): "ploomes_relationships",
    ("clients", "NumberOfEmployeesId"): "ploomes_sizes",
    ("orders", "StageId"): "ploomes_stages",
    ("orders", "OwnerId"): "ploomes_users",
}
"""Which picker offers the values of a native field that leads to another record, by entity and property."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One picker."""

    vendor: Vendor
    entity: str
    """The set, as the gateway names it."""
    label: str
    under: str = ""
    """Only codes under this prefix, which is not part of the code."""
    shown: Callable[[KnownRecord], bool] = lambda row: True
    more: Callable[[KnownRecord], JsonObject] = _plain
    """What an item tells beside code, name and activity."""
    within: Mapping[str, str] | None = None
    kept_as: str | None = None

    @property
    def kept(self) -> str:
        """The set's name in our index."""
        return self.kept_as or self.entity


def _sale_category(row: KnownRecord) -> bool:
    data = row.data
    return data.get("conta_receita") == "S" and data.get("totalizadora") != "S" and data.get("nao_exibir") != "S"


_OMIE, _PLOOMES = Vendor.OMIE, Vendor.PLOOMES

KINDS: Mapping[str, Kind] = {
    "accounts": Kind(_OMIE, "accounts", "Contas correntes do Omie"),
    "installments": Kind(
        _OMIE, "installments", "Condições de pagamento do Omie",
        more=lambda row: {"installments": row.data.get("nParcelas")},
    ),
    "categories": Kind(_OMIE, "categories", "Categorias de receita do Omie", shown=_sale_category),
    "stages": Kind(_OMIE, "stages", "Etapas de venda do Omie", under=SALES),
    "service_stages": Kind(_OMIE, "stages", "Etapas de ordem de serviço do Omie", under=SERVICES),
    "stock_locations": Kind(
        _OMIE, "stock_locations", "Locais de estoque do Omie",
        more=lambda row: {"for_sale": row.data.get("dispVenda") == "S", "default": row.data.get("padrao") == "S"},
    ),
    "carriers": Kind(
        _OMIE, "clients", "Transportadoras do Omie", within={"tag": "Transportadora"}, kept_as="carriers",
        more=lambda row: {"cnpj": row.natural_key},
    ),
    "payment_methods": Kind(_OMIE, "payment_means", "Meios de pagamento do Omie"),
    "projects": Kind(_OMIE, "projects", "Projetos do Omie"),
    "tax_scenarios": Kind(
        _OMIE, "tax_scenarios", "Cenários de impostos do Omie",
        more=lambda row: {"default": row.data.get("padrao") == "S"},
    ),
    "sellers": Kind(_OMIE, "sellers", "Vendedores do Omie", more=lambda row: {"email": row.natural_key}),
    "families": Kind(_OMIE, "families", "Famílias de produto do Omie"),
    "activity_types": Kind(_OMIE, "activity_types", "Tipos de atividade do Omie"),
    "units": Kind(_OMIE, "units", "Unidades do Omie"),
    "companies": Kind(_OMIE, "companies", "Empresas do Omie"),
    "ploomes_fields": Kind(
        _PLOOMES, "fields", "Campos do Ploomes", more=_field,
        shown=lambda row: row.data.get("EntityId") in FIELD_ENTITIES,
    ),
    "ploomes_stages": Kind(_PLOOMES, "stages", "Estágios de venda do Ploomes"),
    "ploomes_users": Kind(_PLOOMES, "users", "Usuários do Ploomes", more=lambda row: {"email": row.natural_key}),
    "ploomes_statuses": Kind(_PLOOMES, "statuses", "Status de cliente do Ploomes"),
    "ploomes_contact_types": Kind(_PLOOMES, "contact_types", "Tipos de cliente do Ploomes"),
    "ploomes_origins": Kind(_PLOOMES, "origins", "Origens de cliente do Ploomes"),
    "ploomes_lines_of_business": Kind(_PLOOMES, "lines_of_business", "Segmentos de cliente do Ploomes"),
    "ploomes_relationships": Kind(_PLOOMES, "relationships", "Relacionamentos de cliente do Ploomes"),
    "ploomes_sizes": Kind(_PLOOMES, "sizes", "Números de funcionários do Ploomes"),
}  # fmt: skip
"""Every kind of `catalog/{kind}`."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The items of a picker, when they were read, and why they are older than wished."""

    items: list[JsonObject]
    read_at: datetime
    warning: str | None = None


class Pickers:
    """Answers pickers from the index, reading what is missing or old."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._sets = Sets(db, clock)

    async def pick(
        self, integration: Integration, name: str, *, refresh: bool = False, priority: Priority = Priority.PERSON
    ) -> Picked:
        """The items of a kind. Raises UserError 404 for an unknown kind, 503 when it was never read and cannot be."""
        kind = KINDS.get(name)
        if kind is None:
            known_kinds = ", ".join(KINDS)
            raise UserError(
                HTTPStatus.NOT_FOUND, "Lista desconhecida", f"A lista {name} não existe. Use: {known_kinds}."
            )
        warning = await self._renew(integration, kind, priority, refresh=refresh)
        async with self._db.read() as session:
            read_at = await known.whole_at(session, integration.id, kind.vendor, kind.kept)
            rows = await known.everything(session, integration.id, kind.vendor, kind.kept)
        assert read_at is not None
        return Picked([item_of(kind, row) for row in rows if is_shown(kind, row)], read_at, warning)

    async def _renew(self, integration: Integration, kind: Kind, priority: Priority, *, refresh: bool) -> str | None:
        """Reads the list when it is old; a vendor that does not answer leaves the kept one, with the reason."""
        age = await self._sets.age(integration.id, kind.vendor, kind.kept)
        limit = REDUNDANCY_SECONDS[kind.vendor] if refresh else FRESH_SECONDS[kind.vendor]
        if age is not None and age < limit:
            return None
        omie, ploomes = self._gateways.open(integration, priority)
        gateway = omie if kind.vendor is Vendor.OMIE else ploomes
        try:
            await patiently(
                self._clock,
                lambda: self._sets.read(
                    integration.id, kind.vendor, kind.entity, gateway, within=kind.within, kept_as=kind.kept_as
                ),
            )
        except (VendorError, Postponed) as error:
            text = say(error, kind.vendor)
            if age is None:
                raise UserError(HTTPStatus.SERVICE_UNAVAILABLE, "Lista não lida", text) from error
            return text
        return None


def is_shown(kind: Kind, row: KnownRecord) -> bool:
    """True for rows that a picker of this kind offers."""
    return row.external_id.startswith(kind.under) and kind.shown(row)


def item_of(kind: Kind, row: KnownRecord) -> JsonObject:
    """`{"code","name","active"}` and what the kind adds."""
    code = row.external_id.removeprefix(kind.under)
    return {"code": code, "name": row.name or code, "active": row.active, **kind.more(row)}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A code in use that its list does not offer, or marks as inactive."""

    use: Use
    paths: list[str]
    """Every setting that names it."""
    text: str


def doubts_of(uses: Iterable[Use], lists: Mapping[str, list[JsonObject]]) -> list[Doubt]:
    """What is doubtful of the codes in use, by the lists that are known. A field that is locked in Ploomes is as good
    as any. Pure."""
    by_code: dict[str, list[Use]] = {}
    for use in uses:
        by_code.setdefault(use.id, []).append(use)
    found = []
    for use, *more in by_code.values():
        if use.kind not in lists:
            continue
        item = next((one for one in lists[use.kind] if use.is_met_by(one)), None)
        if item is None or not (item["active"] or KINDS[use.kind].vendor is Vendor.PLOOMES):
            paths = [use.path, *(other.path for other in more)]
            found.append(Doubt(use, paths, _doubt(use, paths, None if item is None else item["name"])))
    return found


def _doubt(use: Use, paths: list[str], name: str | None) -> str:
    kind = KINDS[use.kind]
    shown = f"{kind.label}: {name} ({use.code})" if name else f"{kind.label}: {use.code}"
    state = f"{'está inativo' if name else 'não existe'} no {kind.vendor.label}"
    return f"{shown} {state}, mas {' e '.join(paths)} {'o usam' if len(paths) > 1 else 'o usa'}."


async def doubts_known(session: AsyncSession, integration_id: int, uses: Sequence[Use]) -> list[Doubt]:
    """The same by our own index, without asking anybody; a list that was never read raises no doubt."""
    lists: dict[str, list[JsonObject]] = {}
    for name in dict.fromkeys(use.kind for use in uses):
        kind = KINDS[name]
        if await known.whole_at(session, integration_id, kind.vendor, kind.kept) is not None:
            rows = await known.everything(session, integration_id, kind.vendor, kind.kept)
            lists[name] = [item_of(kind, row) for row in rows if is_shown(kind, row)]
    return doubts_of(uses, lists)
