"""What must hold before an integration can work: both credentials, the order module, permissions, families, accounts.

Omie refuses the same read within 60 seconds, so its answers are kept that long in the index and shown again.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Gateway, JsonObject, Priority, Record, Vendor
from app.sync.config.scope import properties_of
from app.sync.lookups import known
from app.sync.models import Integration, KnownRecord
from app.sync.vendors import Gateways, patiently, read_all, say

CACHE_ENTITY = "checks"
OMIE_CACHE_SECONDS = 60
FAMILIES = ("Produtos", "Serviços")


@dataclass(frozen=True, slots=True)
class Check:
    """One answer of the test: what was looked at, whether it is well, and how to mend it. All in Portuguese."""

    name: str
    ok: bool
    detail: str
    fix: str | None = None
    blocking: bool = True
    """An activation is refused while a blocking check is not well."""
    credentials: bool = False
    """True when the vendor refused the credentials themselves."""

    def as_json(self) -> JsonObject:
        """The contract's shape, with `blocking` added."""
        return {
            "name": self.name,
            "ok": self.ok,
            "detail": self.detail,
            "fix": self.fix,
            "blocking": self.blocking and not self.ok,
        }


Probe = Callable[["Reader"], Awaitable[Check]]


@dataclass(slots=True)
class Reader:
    """Both gateways of the integration under test; each set is read once."""

    clock: Clock
    omie: Gateway
    ploomes: Gateway
    account_id: str | None = None
    """The Ploomes account whose records are linked already."""
    companies: frozenset[str] = frozenset()
    """Ids and CNPJs of the Omie companies whose records are linked already."""
    _read: dict[tuple[Vendor, str], list[Record]] = field(default_factory=dict)

    async def all(self, vendor: Vendor, entity: str) -> list[Record]:
        """A whole set of a vendor."""
        if (vendor, entity) not in self._read:
            gateway = self.omie if vendor is Vendor.OMIE else self.ploomes
            self._read[vendor, entity] = await read_all(self.clock, gateway, entity)
        return self._read[vendor, entity]

    def read(self, vendor: Vendor, entity: str) -> list[Record]:
        """What has been read of a set by now."""
        return self._read.get((vendor, entity), [])

    async def first(self, entity: str) -> JsonObject:
        """The one row of a Ploomes singleton."""
        rows = await self.all(Vendor.PLOOMES, entity)
        return rows[0].data if rows else {}


def _well(detail: str) -> Check:
    return Check("", True, detail)


def _bad(detail: str, fix: str) -> Check:
    return Check("", False, detail, fix)


async def _omie_credentials(reader: Reader) -> Check:
    rows = await reader.all(Vendor.OMIE, "companies")
    names = ", ".join(str(row.data.get("nome_fantasia") or row.data.get("razao_social") or row.id) for row in rows[:3])
    if reader.companies and rows and not reader.companies & identities(known.known_of(row) for row in rows):
        return _foreign(f"As chaves do Omie são de outra empresa: {names}.", "aplicativo da mesma empresa")
    return _well(f"Conectado ao Omie: {names or 'empresa sem nome'}.")


def identities(rows: Iterable[known.Known | KnownRecord]) -> frozenset[str]:
    """What tells Omie companies apart: any id or CNPJ in common makes them the same."""
    return frozenset(str(value) for row in rows for value in (row.external_id, row.data.get("cnpj")) if value)


def _foreign(detail: str, wanted: str) -> Check:
    """Another system's records would pass for deleted ones: that stops an integration like refused credentials."""
    fix = f"Use credenciais de um {wanted}; para outra empresa ou conta, crie outra integração."
    return Check("", False, f"{detail} Os vínculos desta integração não valem lá.", fix, credentials=True)


async def _omie_accounts(reader: Reader) -> Check:
    rows = await reader.all(Vendor.OMIE, "accounts")
    usable = [row for row in rows if row.data.get("inativo") != "S"]
    if usable:
        return _well(f"{len(usable)} conta(s) corrente(s) ativa(s) no Omie.")
    return _bad(
        "Nenhuma conta corrente ativa no Omie: os pedidos ficarão aguardando.",
        "Cadastre ou reative uma conta corrente no Omie.",
    )


async def _ploomes_credentials(reader: Reader) -> Check:
    me = await reader.first("self")
    account = me.get("AccountId")
    if reader.account_id is not None and account is not None and str(account) != reader.account_id:
        detail = f"A User-Key é da conta Ploomes {account}, e a integração foi ativada na conta {reader.account_id}."
        return _foreign(detail, "usuário da mesma conta")
    return _well(f"Conectado ao Ploomes como {me.get('Name') or me.get('Email') or me.get('Id')}.")


async def _order_module(reader: Reader) -> Check:
    account = await reader.first("account")
    if account.get("OrdersModule") is False:
        return _bad(
            "O módulo Vendas está desligado na conta Ploomes.",
            "No Ploomes, ligue o módulo Vendas em Administração > Módulos.",
        )
    await patiently(reader.clock, lambda: _touch(reader.ploomes, "orders"))
    return _well("O módulo Vendas do Ploomes responde.")


async def _touch(gateway: Gateway, entity: str) -> None:
    async for _ in gateway.pages(entity):
        return


async def _field_permission(reader: Reader) -> Check:
    me = await reader.first("self")
    profile = me.get("Profile") or {}
    allowed = me.get("FieldsCreatePermission", profile.get("FieldsCreatePermission"))
    if allowed is False:
        return _bad(
            "O usuário da integração não pode criar campos no Ploomes.",
            "Dê ao perfil do usuário de integração a permissão de criar campos, ou use um administrador.",
        )
    if allowed is None:
        return _well("O Ploomes não informa esta permissão; a ativação dirá se ela falta.")
    return _well("O usuário da integração pode criar campos no Ploomes.")


async def _families(reader: Reader) -> Check:
    names = {str(row.data.get("Name", "")).casefold() for row in await reader.all(Vendor.PLOOMES, "families")}
    missing = [name for name in FAMILIES if name.casefold() not in names]
    if missing:
        return _well(f"A ativação vai criar no Ploomes: {', '.join(missing)}.")
    return _well("As famílias Produtos e Serviços existem no Ploomes.")


PRODUCT_FIELDS = frozenset(
    {"Name", "Code", "UnitPrice", "MeasurementUnit", "GroupId", "FamilyId", "Suspended", "Lists"}
)
"""What Omie is master of on a product in Ploomes."""
PRODUCT_ENTITY = 10


async def _product_fields(reader: Reader) -> Check:
    """Which fields of products could be locked in Ploomes, because an edit there is put back anyway (F005)."""
    rows = [row.data for row in await reader.all(Vendor.PLOOMES, "fields")]
    open_to_edits = [
        str(row.get("Name") or row["Key"])
        for row in rows
        if row.get("EntityId") == PRODUCT_ENTITY
        and (
            not PRODUCT_FIELDS.isdisjoint(properties_of(row))
            or str(row.get("SendExternalKey") or "").startswith("ponte_")
        )
        and not row.get("Disabled")
    ]
    if not open_to_edits:
        return _well("Os campos de produto que vêm do Omie estão travados no Ploomes.")
    return _well(
        "Produtos só são mantidos no Omie: o que for editado no Ploomes volta ao valor do Omie. "
        f"Campos que podem ser travados para edição no Ploomes: {', '.join(open_to_edits)}."
    )


async def _rival_integration(reader: Reader) -> Check:
    """Ploomes' own Omie integration would write the same records (reference 6)."""
    try:
        rows = await reader.all(Vendor.PLOOMES, "account_integrations")
    except VendorError as error:
        if error.fault in (Fault.CREDENTIALS, Fault.TRANSIENT, Fault.UNCERTAIN, Fault.RATE_LIMITED):
            raise
        return _well("O Ploomes não informa as integrações Plug & Play desta conta.")
    if any(_is_active_omie(row.data) for row in rows):
        return _bad(
            "A integração Omie do próprio Ploomes está ativa nesta conta.",
            "No Ploomes, desative a integração Omie em Administração > Integrações Plug & Play.",
        )
    return _well("Nenhuma outra integração Omie ativa nesta conta Ploomes.")


def _is_active_omie(row: Mapping[str, Any]) -> bool:
    integration = row.get("Integration") or {}
    text = " ".join(str(part) for part in (row.get("Name"), integration.get("Name")) if part)
    on = not any(row.get(flag) is False for flag in ("Active", "Enabled", "Activated"))
    return on and "omie" in text.casefold()


@dataclass(frozen=True, slots=True)
class _Row:
    """One check: its name for people, whom it asks, what it asks, and whether an activation may go on without it."""

    key: str
    name: str
    vendor: Vendor
    probe: Probe
    fix: str
    blocking: bool = True
    needs: str | None = None
    """A check that must be well before this one is worth a request."""


CHECKS: Sequence[_Row] = (
    _Row("omie_credentials", "Credenciais do Omie", Vendor.OMIE, _omie_credentials,
         "Copie de novo App Key e App Secret do portal do desenvolvedor do Omie."),
    _Row("omie_accounts", "Contas correntes do Omie", Vendor.OMIE, _omie_accounts,
         "Repita o teste em um minuto.", blocking=False, needs="omie_credentials"),
    _Row("ploomes_credentials", "Credenciais do Ploomes", Vendor.PLOOMES, _ploomes_credentials,
         "Copie de novo a User-Key em Administração > Usuários de integração."),
    _Row("order_module", "Módulo Vendas do Ploomes", Vendor.PLOOMES, _order_module,
         "Ligue o módulo Vendas e dê acesso a ele ao usuário de integração.", needs="ploomes_credentials"),
    _Row("field_permission", "Permissão de criar campos no Ploomes", Vendor.PLOOMES, _field_permission,
         "Dê ao usuário de integração a permissão de criar campos.", needs="ploomes_credentials"),
    _Row("families", "Famílias de produtos do Ploomes", Vendor.PLOOMES, _families,
         "Dê ao usuário de integração acesso ao cadastro de produtos.", needs="ploomes_credentials"),
    _Row("product_fields", "Campos de produto do Ploomes", Vendor.PLOOMES, _product_fields,
         "Repita o teste em um minuto.", blocking=False, needs="ploomes_credentials"),
    _Row("rival_integration", "Integração Omie do próprio Ploomes", Vendor.PLOOMES, _rival_integration,
         "Repita o teste em um minuto.", needs="ploomes_credentials"),
)  # fmt: skip


class Checker:
    """Runs the checks of one integration."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways

    async def run(self, integration: Integration) -> list[Check]:
        """Every check in order; a vendor's refusal becomes a check that is not well, never an exception."""
        omie, ploomes = self._gateways.open(integration, Priority.PERSON)
        reader = Reader(self._clock, omie, ploomes, *await self._linked_to(integration))
        kept = await self._kept(integration.id)
        results: dict[str, Check] = {}
        for row in CHECKS:
            if row.needs and not results[row.needs].ok:
                results[row.key] = Check(
                    row.name, False, "Não verificado: depende das credenciais.", row.fix, row.blocking
                )
            else:
                results[row.key] = await self._answer(row, reader, kept.get(row.key))
        await self._keep(integration.id, {row.key: results[row.key] for row in CHECKS if row.vendor is Vendor.OMIE})
        if results["omie_credentials"].ok and (companies := reader.read(Vendor.OMIE, "companies")):
            async with self._db.transaction() as session:
                rows = [known.known_of(record) for record in companies]
                await known.upsert(session, integration.id, rows, self._clock.now())
        return list(results.values())

    async def _linked_to(self, integration: Integration) -> tuple[str | None, frozenset[str]]:
        """The account and the companies of an integration that was activated; nothing before."""
        if integration.activated_at is None:
            return None, frozenset()
        async with self._db.read() as session:
            rows = await known.everything(session, integration.id, Vendor.OMIE, "companies")
        return integration.ploomes_account_id, identities(rows)

    async def _answer(self, row: _Row, reader: Reader, kept: tuple[Check, bool] | None) -> Check:
        """The kept answer while it is fresh, else a new one; the kept one again when the vendor asks to wait."""
        if kept and kept[1]:
            return kept[0]
        try:
            found = await row.probe(reader)
        except Postponed as postponed:
            if kept:
                return kept[0]
            return Check(
                row.name, False, say(postponed, row.vendor), "Repita o teste depois desse tempo.", row.blocking
            )
        except VendorError as error:
            refused = error.fault is Fault.CREDENTIALS
            return Check(row.name, False, say(error, row.vendor), row.fix, row.blocking, credentials=refused)
        return replace(found, name=row.name, blocking=row.blocking)

    async def _kept(self, integration_id: int) -> dict[str, tuple[Check, bool]]:
        """Answers of earlier runs and whether each is still fresh."""
        fresh_from = self._clock.now() - timedelta(seconds=OMIE_CACHE_SECONDS)
        async with self._db.read() as session:
            rows = await session.scalars(
                select(KnownRecord).where(
                    KnownRecord.integration_id == integration_id, KnownRecord.entity == CACHE_ENTITY
                )
            )
            return {row.external_id: (Check(**row.data), row.seen_at > fresh_from) for row in rows}

    async def _keep(self, integration_id: int, results: Mapping[str, Check]) -> None:
        """Stores Omie's well answers; a refusal is worth asking again."""
        now = self._clock.now()
        kept = await self._kept(integration_id)
        rows = [
            known.Known(Vendor.OMIE, CACHE_ENTITY, key, data=_stored(check))
            for key, check in results.items()
            if check.ok and not (key in kept and kept[key][1])
        ]
        if rows:
            async with self._db.transaction() as session:
                await known.upsert(session, integration_id, rows, now)


def _stored(check: Check) -> JsonObject:
    return {
        "name": check.name,
        "ok": check.ok,
        "detail": check.detail,
        "fix": check.fix,
        "blocking": check.blocking,
        "credentials": check.credentials,
    }
