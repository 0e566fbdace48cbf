"""What activation made in Ploomes and somebody deleted there comes back, and what was refused is sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, VendorError
from app.core.ports import JsonObject, Priority, Vendor
from app.sync import issues
from app.sync.config.publishing import comparison
from app.sync.config.store import ConfigStore
from app.sync.desk.requests import Requests
from app.sync.entities import BUILT, custom_fields_of
from app.sync.issues import Finding
from app.sync.models import Integration
from app.sync.passes.resync_steps import ordered
from app.sync.setup.integrations import living_row
from app.sync.setup.parts import PARTS, Lost
from app.sync.setup.provisioning import Provisioner, Repair

LOST = "provision_lost"
"""Cause of the issue that says what was missing."""
TOPIC = "provisioned"
TOLD_FOR = timedelta(days=1)
"""How long the issue stays once all is there again: somebody should read it, and by then a night's reconcile has put
back what the records lost."""


class Healing:
    """Looks at each part that activation makes, and mends it."""

    def __init__(
        self, db: Database, clock: Clock, configs: ConfigStore, provisioner: Provisioner, requests: Requests
    ) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs
        self._provisioner = provisioner
        self._requests = requests

    async def look(self, integration_id: int, priority: Priority = Priority.BULK) -> None:
        """A list per part while nothing is missing. What one part is refused keeps no other from being mended.

        Raises LaneBusy, LeaseLost, Postponed, VendorError, UserError; what was made until then is stored.
        """
        repairs: list[Repair] = []
        stopped: Exception | None = None
        async with self._db.read() as session:
            integration = await living_row(session, integration_id)
        for part in PARTS:
            try:
                repairs.append(await self._provisioner.repair(integration, part, priority))
            except (LaneBusy, LeaseLost, Postponed, VendorError) as error:
                stopped = error
                break
        await self._store(integration, repairs, whole=stopped is None)
        if stopped is not None:
            raise stopped

    async def _store(self, integration: Integration, repairs: Sequence[Repair], *, whole: bool) -> None:
        """All that follows in one commit: whatever ends this work midway, the next look finds it undone."""
        integration_id = integration.id
        config = await self._configs.get(integration_id)
        made = [lost for repair in repairs if repair.problem is None for lost in repair.lost]
        refused = [repair for repair in repairs if repair.problem] if whole else None
        async with self._db.transaction() as session:
            row, now = await living_row(session, integration_id, lock=True), self._clock.now()
            if row.ploomes_account_id != integration.ploomes_account_id:
                return  # activated for another account meanwhile: nothing of this is there
            await _tell(session, integration_id, made, refused, now)
            if not made:
                return
            warnings = list(row.provisioned.get("warnings", ()))
            for repair in repairs:
                warnings += [text for text in repair.warnings if text not in warnings]
                row.provisioned = {**row.provisioned, **repair.facts, "warnings": warnings}
            entities = _needing(made)
            await self._requests.refused_again(session, integration_id, Vendor.PLOOMES, entities, TOPIC)
            compared = ordered(_needing([lost for lost in made if lost.stops_sales]), config)
            if compared:
                session.add(comparison(integration_id, compared, "now", now))


def _needing(lost: Sequence[Lost]) -> list[str]:
    """The entities whose records need what was lost."""
    sets = {each.set_name for each in lost}
    return [entity for entity in BUILT if custom_fields_of(entity) in sets]


async def _tell(
    session: AsyncSession, integration_id: int, made: Sequence[Lost], refused: Sequence[Repair] | None, now: datetime
) -> None:
    """One issue says all that was lost lately; it closes a day after the last of it came back. `refused` is None when
    not everything was looked at."""
    issue = await issues.open_one(session, integration_id, LOST)
    before: JsonObject = issue.data if issue is not None else {}
    data = {"missing": [], "problem": "", **before}
    data["made"] = list(dict.fromkeys([*before.get("made", ()), *(lost.label for lost in made)]))
    if refused is not None:
        data["missing"] = [lost.label for repair in refused for lost in repair.lost]
        data["problem"] = " ".join(dict.fromkeys(str(repair.problem) for repair in refused))
    if made or data["missing"]:
        await issues.open_issue(
            session, integration_id=integration_id, entity=None, vendor=None, external_id=None,
            finding=Finding(LOST, _text(data), data), now=now,
        )  # fmt: skip
    elif issue is not None and (not data["made"] or now - issue.updated_at >= TOLD_FOR):
        issues.close(issue, now)


def _text(data: JsonObject) -> str:
    parts = []
    if data["missing"]:
        parts.append(f"Falta no Ploomes e não pôde ser criado: {'; '.join(data['missing'])}. {data['problem']}")
    if data["made"]:
        parts.append(
            f"Apagado no Ploomes e criado de novo: {'; '.join(data['made'])}. O que foi recusado por isso é enviado de "
            "novo, e o que os registros perderam volta sozinho, o mais tardar na conferência noturna."
        )
    return " ".join(parts)
