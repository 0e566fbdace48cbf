"""Fields of Ploomes that people should not edit, because Omie masters them: told, and locked on request (F079).

A locked field (`Disabled`) cannot be changed on Ploomes' screens; the API still writes it (Ploomes reference 3.7).
"""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, UserError, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync.config.document import Config
from app.sync.config.effects import row_of
from app.sync.config.scope import properties_of
from app.sync.config.store import ConfigStore
from app.sync.lookups import known
from app.sync.lookups.sets import Sets
from app.sync.models import Integration, KnownRecord
from app.sync.setup.account_fields import ENTITY_IDS
from app.sync.vendors import Gateways, patiently, say

STATUS_KEYS = ("contact_status", "contact_status_id")
"""Keys that accounts give the native status of contacts, where `/Fields` does not name its property."""


@dataclass(frozen=True, slots=True)
class LockedFields:
    """One field worth locking, and whether it is."""

    key: str
    name: str
    why: str
    locked: bool

    def as_json(self) -> JsonObject:
        """As REST shows it."""
        return {"key": self.key, "name": self.name, "why": self.why, "locked": self.locked}


class Locks:
    """Knows what to lock, and does it."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs
        self._sets = Sets(db, clock)

    async def recommended(self, integration: Integration) -> list[LockedFields]:
        """From our own index; a list that was never read names what activation made only."""
        config = await self._configs.get(integration.id)
        async with self._db.read() as session:
            rows = await known.everything(session, integration.id, Vendor.PLOOMES, "fields")
        return advice(integration, config, rows)

    async def set(self, integration: Integration, keys: Collection[str] | None, *, locked: bool) -> list[LockedFields]:
        """Writes the flag where it differs. Raises UserError 409 when Ploomes refuses, 422 for any other field."""
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        try:
            await patiently(self._clock, lambda: self._sets.read(integration.id, Vendor.PLOOMES, "fields", ploomes))
            fields = await self.recommended(integration)
            unknown = sorted(set(keys or ()) - {field.key for field in fields})
            if unknown:
                raise UserError(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "Campo de fora", "Só os campos recomendados podem ser bloqueados.",
                    errors=[{"field": "keys", "message": f"não recomendado: {key}"} for key in unknown],
                )  # fmt: skip
            for field in fields:
                if (keys is None or field.key in keys) and field.locked is not locked:
                    key = field.key
                    await patiently(
                        self._clock,
                        lambda: ploomes.write("fields", "update", key, {"Disabled": locked}),  # noqa: B023  (awaited here)
                    )
            await patiently(self._clock, lambda: self._sets.read(integration.id, Vendor.PLOOMES, "fields", ploomes))
        except (VendorError, Postponed) as error:
            raise UserError(HTTPStatus.CONFLICT, "Campos não bloqueados", say(error, Vendor.PLOOMES)) from error
        return await self.recommended(integration)


def advice(integration: Integration, config: Config, rows: Collection[KnownRecord]) -> list[LockedFields]:
    """Fields that only Omie should change. Pure."""
    made = {str(key) for keys in integration.provisioned.get("fields", {}).values() for key in keys.values()}
    reasons = {key: "Mantido pela integração." for key in made}
    statuses = [*STATUS_KEYS, *(row.external_id for row in rows if _is_status(row))]
    reasons |= {key: "O status segue a atividade do cliente no Omie." for key in statuses}
    for mapping in config.mappings:
        row = row_of(mapping.omie, config)
        if "to_ploomes" in (row.direction, mapping.direction):
            reasons[mapping.ploomes] = f"Vem do Omie: {row.label}."
    return [
        LockedFields(row.external_id, row.name or row.external_id, reasons[row.external_id], not row.active)
        for row in rows
        if row.external_id in reasons
    ]


def _is_status(row: KnownRecord) -> bool:
    return row.data.get("EntityId") == ENTITY_IDS["clients"] and "StatusId" in properties_of(row.data)
