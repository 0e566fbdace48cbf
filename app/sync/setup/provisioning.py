"""What Ponte needs inside a Ploomes account, made or found: families, markers, statuses, fields, forms, webhooks.

Every step looks before it makes, so it may run again at any time and repairs what is missing (contract section 6;
Ploomes reference 3.3, 3.7 and 4). The result is stored as `integrations.provisioned`, which is also what tells later
that something of it was deleted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, Postponed, UserError, VendorError
from app.core.log import get_logger
from app.core.ports import JsonObject, Priority, Vendor
from app.sync.lanes import Lanes
from app.sync.models import Integration
from app.sync.setup.parts import FIELD_SPECS, MARKERS, PARTS, SETS, Lost, Part, lost_of
from app.sync.setup.site import ENTITY_IDS, PATIENCE_SECONDS, Site, id_of
from app.sync.vendors import Gateways, read_all, say

_log = get_logger(__name__)

WEBHOOK_ACTIONS = (1, 2, 3)
"""Create, Update, Delete (reference 2)."""


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


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The outcome: what to store on the integration."""

    account_id: str
    user_id: str
    facts: JsonObject


@dataclass(frozen=True, slots=True)
class Repair:
    """What one look at a part found and did."""

    lost: Sequence[Lost] = ()
    facts: JsonObject = field(default_factory=dict)
    """What to store on the integration."""
    warnings: Sequence[str] = ()
    problem: str | None = None
    """Why it could not be made, in Portuguese."""


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
                site = Site(self._clock, self._db, integration, ploomes, lease, suffix)
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

    async def _prepare(self, site: Site, target: WebhookTarget) -> JsonObject:
        facts: JsonObject = {"suffix": site.suffix}
        for part in PARTS:
            facts |= await part.make(site, await site.all(part.entity))
        return {
            **facts,
            "statuses": await _statuses(site),
            "webhooks": await _webhooks(site, target),
            "warnings": site.warnings,
        }

    async def repair(self, integration: Integration, part: Part, priority: Priority) -> Repair:
        """Makes again what somebody deleted of a part; one list while nothing is missing. Raises LaneBusy, LeaseLost,
        Postponed, VendorError; a lasting refusal is told in the answer."""
        ploomes = self._gateways.open(integration, priority)[1]
        suffix = str(integration.provisioned.get("suffix") or "")
        async with self._lanes.hold(f"provision:{integration.ploomes_account_id}") as lease:
            site = Site(self._clock, self._db, integration, ploomes, lease, suffix)
            lost, rows = await lost_of(site, part)
            # new credentials may be another account's: nothing is made there unless somebody activates it
            if not lost or (await self.identify(integration))[0] != integration.ploomes_account_id:
                return Repair()
            try:
                facts = await part.make(site, rows)
            except VendorError as error:
                if not error.permanent:
                    raise
                return Repair(lost, problem=say(error, Vendor.PLOOMES))
            return Repair(lost, facts, site.warnings)

    async def repair_webhooks(
        self, integration: Integration, target: WebhookTarget, priority: Priority
    ) -> JsonObject | None:
        """Switches webhooks on again that Ploomes switched off, and makes those somebody deleted; answers their ids.

        None while somebody prepares the account. Raises Postponed, VendorError.
        """
        ploomes = self._gateways.open(integration, priority)[1]
        suffix = str(integration.provisioned.get("suffix") or "")
        try:
            async with self._lanes.hold(f"provision:{integration.ploomes_account_id}") as lease:
                site = Site(self._clock, self._db, integration, ploomes, lease, suffix)
                return await _webhooks(site, target)
        except LaneBusy:
            return None

    async def undo(self, integration: Integration, target: WebhookTarget, *, fields: bool) -> JsonObject:
        """Deletes our webhooks, and with `fields` the custom fields with our stable keys; answers what went.

        Raises LaneBusy, Postponed, VendorError.
        """
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        suffix = str(integration.provisioned.get("suffix") or "")
        account = integration.ploomes_account_id or f"i{integration.id}"
        gone: JsonObject = {"webhooks": 0, "fields": []}
        async with self._lanes.hold(f"provision:{account}") as lease:
            site = Site(self._clock, self._db, integration, ploomes, lease, suffix)
            remembered = (integration.provisioned.get("webhooks") or {}).values()
            for row in await site.all("webhooks"):
                if target.is_ours(row.data, remembered):
                    await site.write("webhooks", "delete", row.id, {})
                    gone["webhooks"] += 1
            stable = {spec.key + suffix for spec in FIELD_SPECS}
            for row in await site.all("fields") if fields else ():
                if row.data.get("SendExternalKey") in stable:
                    await site.write("fields", "delete", row.id, {})
                    gone["fields"].append(row.data.get("Name"))
        return gone

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


async def _statuses(site: Site) -> dict[str, Any]:
    """Contact statuses by meaning; they cannot be made by API, so a missing one is a warning."""
    ids = {str(row.data.get("Name", "")).casefold(): row.data["Id"] for row in reversed(await site.all("statuses"))}
    found = {word: ids.get(name.casefold()) for word, name in MARKERS.items()}
    for word, name in MARKERS.items():
        if found[word] is None:
            site.warnings.append(f"O status de cliente “{name}” não existe no Ploomes; crie-o e ative de novo.")
    return {word: value for word, value in found.items() if value is not None}


async def _webhooks(site: Site, target: WebhookTarget) -> JsonObject:
    """One row per set and action: lists first, because registering twice would post twice (reference 4)."""
    remembered = (site.before.get("webhooks") or {}).values()
    ours: dict[tuple[Any, Any], list[JsonObject]] = {}
    for row in await site.all("webhooks"):
        if target.is_ours(row.data, remembered):
            ours.setdefault((row.data.get("EntityId"), row.data.get("ActionId")), []).append(row.data)
    ids: JsonObject = {}
    for entity_id in (ENTITY_IDS[name] for name in SETS):
        for action_id in WEBHOOK_ACTIONS:
            rows = ours.get((entity_id, action_id), [])
            ids[f"{entity_id}.{action_id}"] = await _webhook(site, target, entity_id, action_id, rows)
            for extra in rows[1:]:
                await site.write("webhooks", "delete", str(extra["Id"]), {})
    return ids


async def _webhook(
    site: Site, target: WebhookTarget, entity_id: int, action_id: int, rows: Sequence[JsonObject]
) -> Any:
    if not rows:
        body = {
            "EntityId": entity_id,
            "ActionId": action_id,
            "CallbackUrl": target.url,
            "ValidationKey": target.validation_key,
            "Active": True,
        }
        return id_of(await site.write("webhooks", "create", None, body))
    patch = target.flaws(rows[0])
    if patch:
        await site.write("webhooks", "update", str(rows[0]["Id"]), patch)
    return rows[0]["Id"]
