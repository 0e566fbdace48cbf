"""One visit to a Ploomes account to make or mend what a person would make on its screens: fields, options, forms.

Every step looks before it makes (Ploomes reference 3.7); nothing is repeated blindly.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Gateway, JsonObject, Record, Vendor, Written
from app.sync.auxiliaries import REPEAT_SECONDS
from app.sync.lanes import Lease
from app.sync.models import Change, Integration
from app.sync.setup.account_fields import same_type
from app.sync.vendors import patiently, read_all

WRITE_SECONDS = 35.0
"""A write of a gateway is over after its time-out of 30 s; the lane must outlive it."""
PATIENCE_SECONDS = 150.0
"""Longer than the minute that Ploomes' own limit lasts."""
TOLD = frozenset({"fields", "options", "families", "product_lists", "groups"})
"""Sets whose writes are told in the history; webhooks carry our secrets, and places on forms say nothing."""
ID_SIZE = 40
"""A FieldKey's end is its unique part."""
NAME_SIZE = 100
"""Longer names of fields are cut."""
ENTITY_IDS = {"contacts": 1, "products": 10, "orders": 4, "order_items": 20}
"""Ploomes' EntityId of each set (reference 2)."""


@dataclass(slots=True)
class Site:
    """One visit, in the lane of its lease."""

    clock: Clock
    db: Database
    integration: Integration
    ploomes: Gateway
    lease: Lease
    suffix: str
    warnings: list[str] = field(default_factory=list)

    @property
    def before(self) -> JsonObject:
        """What an earlier visit made or found."""
        return self.integration.provisioned

    def label(self, name: str) -> str:
        """What a field of ours is called: where several companies have one, the later ones' say whose it is."""
        return f"{name} – {self.integration.name}"[:NAME_SIZE] if self.suffix else name

    async def all(self, entity: str) -> list[Record]:
        """A whole small set."""
        return await read_all(self.clock, self.ploomes, entity, seconds=PATIENCE_SECONDS, hold=self.hold)

    async def hold(self, seconds: float) -> None:
        """The lane outlives a wait and the write after it. Raises LeaseLost."""
        async with self.db.transaction() as session:
            await self.lease.extend(session, seconds + WRITE_SECONDS)

    async def write(
        self, entity: str, verb: str, external_id: str | None, body: JsonObject, note: str | None = None
    ) -> Written:
        """One write, once the lane outlives it; what people see of it goes into the history."""

        async def once() -> Written:
            return await sent(self.db, self.lease, lambda: self.ploomes.write(entity, verb, external_id, body))

        written = await patiently(self.clock, once, PATIENCE_SECONDS, self.hold)
        if entity in TOLD:
            async with self.db.transaction() as session:
                change = change_of(self.integration, entity, verb, external_id or written.id, body, self.clock.now())
                change.notes = [note] if note else []
                session.add(change)
        return written


async def sent(db: Database, lease: Lease, write: Callable[[], Awaitable[Written]]) -> Written:
    """The answer of a write that no journal tells of. While one whose answer was lost may still arrive, its lane stays
    taken: whoever is next finds what came of it. Raises LeaseLost, Postponed, VendorError."""
    async with db.transaction() as session:
        await lease.extend(session, WRITE_SECONDS)
    lease.lingers = REPEAT_SECONDS
    try:
        written = await write()
    except (Postponed, VendorError) as error:
        if isinstance(error, Postponed) or not error.outcome_unknown:
            lease.lingers = 0.0
        raise
    lease.lingers = 0.0
    return written


def change_of(
    integration: Integration, entity: str, verb: str, external_id: str, body: JsonObject, at: datetime
) -> Change:
    """The history row of a write that no record of the other side stands behind: every write can be traced."""
    return Change(
        integration_id=integration.id,
        entity=entity,
        vendor=Vendor.PLOOMES.value,
        external_id=external_id[-ID_SIZE:],
        action=verb,
        before={},
        after=body,
        lost={},
        notes=[],
        cause="options" if entity == "options" else "provision",
        config_version=integration.config_version,
        at=at,
    )


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A custom field of ours: stable key, set, name and type as Ploomes shows them (contract section 6)."""

    key: str
    entity: str
    name: str
    type_name: str
    options: Sequence[tuple[str, str]] = ()
    """Codes and names that an option field starts with."""


async def make_field(site: Site, spec: FieldSpec, rows: Sequence[JsonObject], types: dict[Any, str]) -> str:
    """The FieldKey of a field by its stable key, found or made. Raises Postponed, VendorError."""
    external_key = spec.key + site.suffix
    for row in rows:
        if row.get("EntityId") == ENTITY_IDS[spec.entity] and row.get("SendExternalKey") == external_key:
            if not same_type(spec.type_name, types.get(row.get("TypeId"), "")):
                site.warnings.append(f"O campo “{row.get('Name')}” do Ploomes não é do tipo {spec.type_name}.")
            if row.get("Name") != spec.name:
                await site.write("fields", "update", str(row["Key"]), {"Name": spec.name})
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
    if spec.options:
        rows_of_table = [{"Name": name, "ExternalKey": code} for code, name in spec.options]
        body["OptionsTable"] = {"Name": spec.name, "Options": rows_of_table}
    written = await site.write("fields", "create", None, body)
    if not written.data or not written.data.get("Key"):
        raise VendorError(Fault.UNKNOWN, "o campo criado voltou sem chave", vendor="ploomes", method="fields")
    if written.data.get("SendExternalKey") != external_key:
        await site.write("fields", "update", str(written.data["Key"]), {"SendExternalKey": external_key})
    return str(written.data["Key"])


async def put_on_forms(site: Site, fields: Sequence[tuple[FieldSpec, str]]) -> None:
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


def id_of(written: Written) -> Any:
    """The id a create answered."""
    return written.data["Id"] if written.data and written.data.get("Id") is not None else int(written.id)
