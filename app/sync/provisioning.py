"""What Ponte needs inside a Ploomes account, made or found: families, markers, statuses, fields, forms, webhooks.

Every step looks before it makes, so it may run again at any time and repairs what is missing (contract section 6;
Ploomes reference 3.3, 3.7 and 4). The result is stored as `integrations.provisioned`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, LaneBusy, Postponed, UserError, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, JsonObject, Priority, Record, Vendor, Written
from app.sync.checks import FAMILIES
from app.sync.config_store import FieldTypes, same_type
from app.sync.lanes import Lanes, Lease
from app.sync.models import Integration
from app.sync.vendors import Gateways, patiently, read_all, say

_log = get_logger(__name__)

WRITE_SECONDS = 35.0
"""A write of a gateway is over after its time-out of 30 s; the lane must outlive it."""
PATIENCE_SECONDS = 60.0
ENTITY_IDS = {"contacts": 1, "products": 10, "orders": 4}
"""Ploomes' EntityId of each set (reference 2)."""
WEBHOOK_ACTIONS = (1, 2, 3)
"""Create, Update, Delete (reference 2)."""
MARKERS = {"active": "Ativo", "inactive": "Inativo"}
EARLIER_NAME = "id (omie)"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A custom field of ours: stable key, set, name and type as Ploomes shows them (contract section 6)."""

    key: str
    entity: str
    name: str
    type_name: str


FIELD_SPECS: Sequence[FieldSpec] = (
    FieldSpec("ponte_omie_id", "contacts", "Id (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_id", "products", "Id (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_id", "orders", "Id (Omie)", "Texto simples"),
    FieldSpec("ponte_omie_number", "orders", "Nº do pedido (Omie)", "Texto simples"),
    FieldSpec("ponte_stock", "products", "Estoque (Omie)", "Texto multilinha"),
)


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where Ploomes must post, and the key it must show."""

    url: str
    validation_key: str = field(repr=False)

    def is_ours(self, row: JsonObject, remembered: Iterable[Any]) -> bool:
        """True for a row of this integration, also when PUBLIC_URL has changed since: the token in its path stays."""
        same_path = urlsplit(str(row.get("CallbackUrl") or "")).path.endswith(
            urlsplit(self.url).path.rsplit("/", 1)[-1]
        )
        return same_path or row.get("Id") in set(remembered)

    def flaws(self, row: JsonObject) -> JsonObject:
        """What must be patched on a row of ours; a key that Ploomes does not show is taken as right."""
        patch: JsonObject = {}
        if row.get("CallbackUrl") != self.url:
            patch["CallbackUrl"] = self.url
        if row.get("ValidationKey") not in (None, self.validation_key):
            patch["ValidationKey"] = self.validation_key
        if row.get("Active") is False:
            patch["Active"] = True
        return patch


@dataclass(slots=True)
class _Site:
    """One run over one account."""

    clock: Clock
    db: Database
    ploomes: Gateway
    lease: Lease
    suffix: str
    before: JsonObject
    warnings: list[str] = field(default_factory=list)

    async def all(self, entity: str) -> list[Record]:
        return await read_all(self.clock, self.ploomes, entity, seconds=PATIENCE_SECONDS)

    async def write(self, entity: str, verb: str, external_id: str | None, body: JsonObject) -> Written:
        async with self.db.transaction() as session:
            await self.lease.extend(session, WRITE_SECONDS)
        return await patiently(
            self.clock, lambda: self.ploomes.write(entity, verb, external_id, body), PATIENCE_SECONDS
        )


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The outcome: what to store on the integration."""

    account_id: str
    user_id: str
    facts: JsonObject


class Provisioner:
    """Prepares Ploomes accounts and takes the webhooks away again."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, lanes: Lanes) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._lanes = lanes

    async def identify(self, integration: Integration) -> tuple[str, str]:
        """Ids of the Ploomes account and of the integration user."""
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        me = (await read_all(self._clock, ploomes, "self", seconds=PATIENCE_SECONDS))[0].data
        account_id = me.get("AccountId")
        if account_id is None:
            account_id = (await read_all(self._clock, ploomes, "account", seconds=PATIENCE_SECONDS))[0].data["Id"]
        return str(account_id), str(me["Id"])

    async def run(
        self, integration: Integration, *, account_id: str, user_id: str, suffix: str, target: WebhookTarget
    ) -> Provisioned:
        """Makes what is missing and answers what there is. `suffix` ends the keys of a second integration.

        Raises UserError with what failed, so that a repeat continues where it stopped.
        """
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        try:
            async with self._lanes.hold(f"provision:{account_id}") as lease:
                site = _Site(self._clock, self._db, ploomes, lease, suffix, integration.provisioned)
                facts = await self._prepare(site, target)
        except LaneBusy:
            raise UserError(
                HTTPStatus.CONFLICT,
                "Ativação em andamento",
                "Esta conta Ploomes já está sendo preparada; repita em um minuto.",
            ) from None
        except (VendorError, Postponed) as error:
            text = say(error, Vendor.PLOOMES)
            raise UserError(
                HTTPStatus.CONFLICT, "Preparação incompleta", f"Não foi possível preparar o Ploomes. {text}",
                checks=[{"name": "Preparação do Ploomes", "ok": False, "detail": text,
                         "fix": "Corrija o motivo indicado e ative de novo; o que já foi criado é aproveitado."}],
            ) from error  # fmt: skip
        return Provisioned(account_id, user_id, facts)

    async def _prepare(self, site: _Site, target: WebhookTarget) -> JsonObject:
        families = await _named(site, "families", FAMILIES, lambda name: {"Name": name})
        markers = await _named(site, "product_lists", MARKERS.values(), lambda name: {"Name": name, "Editable": True})
        fields, earlier = await _fields(site)
        return {
            "suffix": site.suffix,
            "families": families,
            "markers": {word: markers[name] for word, name in MARKERS.items()},
            "statuses": await _statuses(site),
            "fields": fields,
            "earlier_fields": earlier,
            "webhooks": await _webhooks(site, target),
            "warnings": site.warnings,
        }

    async def remove_webhooks(self, integration: Integration, target: WebhookTarget) -> int:
        """Takes our webhooks out of Ploomes, as far as it lets us. Answers how many went."""
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        removed = 0
        try:
            rows = await read_all(self._clock, ploomes, "webhooks", seconds=5)
            for row in rows:
                if target.is_ours(row.data, integration.provisioned.get("webhooks", {}).values()):
                    await ploomes.write("webhooks", "delete", row.id, {})
                    removed += 1
        except (VendorError, Postponed) as error:
            _log.warning("webhooks left behind in Ploomes", integration=integration.id, problem=type(error).__name__)
        return removed


async def _named(site: _Site, entity: str, names: Iterable[str], body: Callable[[str], JsonObject]) -> dict[str, Any]:
    """Ids by name of a set, making the missing ones."""
    ids = {str(row.data.get("Name", "")).casefold(): row.data["Id"] for row in reversed(await site.all(entity))}
    for name in names:
        if name.casefold() not in ids:
            ids[name.casefold()] = _id_of(await site.write(entity, "create", None, body(name)))
    return {name: ids[name.casefold()] for name in names}


async def _statuses(site: _Site) -> dict[str, Any]:
    """Contact statuses by meaning; they cannot be made by API, so a missing one is a warning."""
    ids = {str(row.data.get("Name", "")).casefold(): row.data["Id"] for row in reversed(await site.all("statuses"))}
    found = {word: ids.get(name.casefold()) for word, name in MARKERS.items()}
    for word, name in MARKERS.items():
        if found[word] is None:
            site.warnings.append(f"O status de cliente “{name}” não existe no Ploomes; crie-o e ative de novo.")
    return {word: value for word, value in found.items() if value is not None}


async def _fields(site: _Site) -> tuple[JsonObject, JsonObject]:
    """Our custom fields, and the fields named "Id (Omie)" that an earlier integration left."""
    rows = _surely_all(await site.all("fields"))
    types = {row.data["Id"]: str(row.data.get("Name", "")) for row in await site.all("field_types")}
    keys: dict[str, dict[str, str]] = {}
    made: list[tuple[FieldSpec, str]] = []
    for spec in FIELD_SPECS:
        key = await _field(site, spec, rows, types)
        keys.setdefault(spec.key, {})[spec.entity] = key
        made.append((spec, key))
    await _forms(site, made)
    earlier = {
        entity: [
            str(row["Key"])
            for row in rows
            if row.get("EntityId") == entity_id
            and str(row.get("Name", "")).casefold() == EARLIER_NAME
            and not str(row.get("SendExternalKey") or "").startswith("ponte_")
        ]
        for entity, entity_id in ENTITY_IDS.items()
    }
    return keys, {entity: found for entity, found in earlier.items() if found}


def _surely_all(fields: Sequence[Record]) -> list[JsonObject]:
    """Every account has fields of its own: a list without one is no list, and ours would be made a second time."""
    rows = [row.data for row in fields]
    if all(row.get("Dynamic") is True for row in rows):
        raise VendorError(Fault.TRANSIENT, "a lista de campos veio sem os campos nativos", vendor="ploomes")
    return rows


async def _field(site: _Site, spec: FieldSpec, rows: Sequence[JsonObject], types: dict[Any, str]) -> str:
    external_key = spec.key + site.suffix
    for row in rows:
        if row.get("EntityId") == ENTITY_IDS[spec.entity] and row.get("SendExternalKey") == external_key:
            if not same_type(spec.type_name, types.get(row.get("TypeId"), "")):
                site.warnings.append(f"O campo “{row.get('Name')}” do Ploomes não é do tipo {spec.type_name}.")
            return str(row["Key"])
    type_id = next((key for key, name in types.items() if same_type(spec.type_name, name)), None)
    if type_id is None:
        raise VendorError(Fault.MISSING_REFERENCE, f"tipo de campo “{spec.type_name}” não encontrado", vendor="ploomes")
    body = {
        "Name": spec.name,
        "EntityId": ENTITY_IDS[spec.entity],
        "TypeId": type_id,
        "Required": False,
        "Multiple": False,
        "SecondaryEntityId": None,
        "SendExternalKey": external_key,
    }
    written = await site.write("fields", "create", None, body)
    if not written.data or not written.data.get("Key"):
        raise VendorError(Fault.UNKNOWN, "o campo criado voltou sem chave", vendor="ploomes", method="fields")
    if written.data.get("SendExternalKey") != external_key:
        await site.write("fields", "update", str(written.data["Key"]), {"SendExternalKey": external_key})
    return str(written.data["Key"])


async def _forms(site: _Site, fields: Sequence[tuple[FieldSpec, str]]) -> None:
    """A new field is invisible until it is on a form (reference 3.7). Forms out of reach are no reason to stop."""
    try:
        forms = [row.data for row in await site.all("forms")]
        for spec, key in fields:
            for form in forms:
                if form.get("EntityId") == ENTITY_IDS[spec.entity] and key not in _keys_on(form):
                    place = len(form.get("Fields") or ())
                    await site.write(
                        "form_fields", "create", None, {"FormId": form["Id"], "FieldKey": key, "Ordination": place}
                    )
    except VendorError as error:
        if error.fault in (Fault.CREDENTIALS, Fault.TRANSIENT, Fault.UNCERTAIN, Fault.RATE_LIMITED):
            raise
        site.warnings.append("Não foi possível pôr os campos nos formulários do Ploomes; inclua-os pela tela.")


def _keys_on(form: JsonObject) -> set[Any]:
    rows = form.get("Fields") or ()
    return {row.get("FieldKey") or (row.get("Field") or {}).get("Key") for row in rows}


async def _webhooks(site: _Site, target: WebhookTarget) -> JsonObject:
    """One row per set and action: lists first, because registering twice would post twice (reference 4)."""
    remembered = (site.before.get("webhooks") or {}).values()
    ours: dict[tuple[Any, Any], list[JsonObject]] = {}
    for row in await site.all("webhooks"):
        if target.is_ours(row.data, remembered):
            ours.setdefault((row.data.get("EntityId"), row.data.get("ActionId")), []).append(row.data)
    ids: JsonObject = {}
    for entity_id in ENTITY_IDS.values():
        for action_id in WEBHOOK_ACTIONS:
            rows = ours.get((entity_id, action_id), [])
            ids[f"{entity_id}.{action_id}"] = await _webhook(site, target, entity_id, action_id, rows)
            for extra in rows[1:]:
                await site.write("webhooks", "delete", str(extra["Id"]), {})
    return ids


async def _webhook(
    site: _Site, target: WebhookTarget, entity_id: int, action_id: int, rows: Sequence[JsonObject]
) -> Any:
    if not rows:
        body = {
            "EntityId": entity_id,
            "ActionId": action_id,
            "CallbackUrl": target.url,
            "ValidationKey": target.validation_key,
            "Active": True,
        }
        return _id_of(await site.write("webhooks", "create", None, body))
    patch = target.flaws(rows[0])
    if patch:
        await site.write("webhooks", "update", str(rows[0]["Id"]), patch)
    return rows[0]["Id"]


def _id_of(written: Written) -> Any:
    return written.data["Id"] if written.data and written.data.get("Id") is not None else int(written.id)


def field_types(db: Database, clock: Clock, gateways: Gateways) -> FieldTypes:
    """A reader of Ploomes fields: key -> type name. It raises UserError 409 when Ploomes does not tell."""

    async def read(integration_id: int) -> dict[str, str]:
        async with db.read() as session:
            integration = await session.get_one(Integration, integration_id)
        ploomes = gateways.open(integration, Priority.PERSON)[1]
        try:
            types = {row.data["Id"]: str(row.data.get("Name")) for row in await read_all(clock, ploomes, "field_types")}
            rows = _surely_all(await read_all(clock, ploomes, "fields"))
        except (VendorError, Postponed) as error:
            raise UserError(
                HTTPStatus.CONFLICT,
                "Campos não conferidos",
                f"Não foi possível ler os campos do Ploomes; nada foi alterado. {say(error, Vendor.PLOOMES)}",
            ) from error
        return {str(row["Key"]): types.get(row.get("TypeId"), "") for row in rows if row.get("Key")}

    return read
