"""Writes values that came in as a table into Ploomes, record by record; from there they travel like a person's edit."""

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, Postponed, VendorError
from app.core.ports import JsonObject, Record, Vendor
from app.sync import journal
from app.sync.custom_fields import CustomFields, Target
from app.sync.entities import set_of
from app.sync.lanes import Lanes, record_lane
from app.sync.mapping.canonical import canonical, wire
from app.sync.mapping.fields import Values
from app.sync.models import Integration, Resync, WriteEntry, WriteState
from app.sync.passes.passes import Road, Turn
from app.sync.passes.resync_steps import ResyncSteps
from app.sync.passes.subject import Subject
from app.sync.writing import WRITE_SECONDS

REASON = "values"
FAILED = "values_failed"
"""Cause of the issue of an import that failed."""


class ValuePass:
    """The road of an import."""

    def __init__(self, db: Database, clock: Clock, lanes: Lanes, steps: ResyncSteps) -> None:
        self._db = db
        self._clock = clock
        self._lanes = lanes
        self._visit = steps.visit
        self._custom_fields = CustomFields(db)

    def road(self) -> Road:
        """A person waits for it: it works at any hour."""
        return Road(lambda row: {"write": self._write}, FAILED)

    async def _write(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """The next record; one that is refused is told in the progress and does not stop the others."""
        left = (row.cursor.get("place") or {}).get("left") or []
        refusal: str | None = None
        if left:
            [entity] = row.entities
            visit = await self._visit(integration, entity)
            try:
                refusal = await self._put(visit, entity, left[0])
            except LaneBusy as busy:
                raise Postponed(1.0, "o registro está em uso") from busy
            except VendorError as error:
                if not error.permanent:
                    raise
                refusal = error.text
        async with turn.commit({"left": left[1:]} if left[1:] else None) as (_, own):
            told = [f"{left[0]['ploomes_id']}: {refusal}"] if refusal else []
            refused = [*own.progress.get("refused", []), *told]
            own.progress = {**own.progress, "done": own.progress["total"] - len(left[1:]), "refused": refused}

    async def _put(self, visit: Subject, entity: str, wanted: JsonObject) -> str | None:
        """Reads the record and writes what differs, journalled and in its lane; why it wrote nothing, if it could
        not."""
        set_name, external_id = set_of(entity, Vendor.PLOOMES), str(wanted["ploomes_id"])
        rows = [row for row in visit.rows if row.id in wanted["values"]]
        lane = record_lane(visit.integration, Vendor.PLOOMES, set_name, external_id)
        async with self._lanes.hold(lane) as lease:
            record = await visit.ploomes.fetch(set_name, external_id)
            if record is None:
                return "o registro não existe mais no Ploomes"
            held = await visit.resolving(lambda: canonical(Vendor.PLOOMES, rows, record.data, visit.refs))
            changed: Values = {key: value for key, value in wanted["values"].items() if held.get(key) != value}
            if not changed:
                return None
            told = await visit.resolving(lambda: {r.id: r.by.widen(changed.get(r.id), None, visit.refs) for r in rows})
            lost = [row.label for row in rows if told[row.id] is None and changed.get(row.id) is not None]
            if lost:
                return f"sem opção correspondente no Ploomes: {', '.join(lost)}"
            body = wire(Vendor.PLOOMES, rows, changed, record.data, visit.refs)
            entry = self._entry(visit.integration, entity, record, changed, held, wanted["link_id"])
            async with self._db.transaction() as session:
                session.add(entry)
                await lease.extend(session, WRITE_SECONDS)

            async def hold() -> None:
                async with self._db.transaction() as session:
                    await lease.extend(session, WRITE_SECONDS)

            target = Target(visit.integration, visit.ploomes, set_name, entity, external_id, hold)
            try:
                await self._custom_fields.patch(target, body, record.data)
            except (Postponed, VendorError) as error:
                if isinstance(error, Postponed) or not error.outcome_unknown:
                    refused = isinstance(error, VendorError) and error.permanent
                    await self._end(visit, entry, WriteState.REFUSED if refused else WriteState.RESOLVED, str(error))
                raise
            await self._end(visit, entry, WriteState.DONE, None)
            return None

    def _entry(
        self, integration: Integration, entity: str, record: Record, after: Values, before: Values, link_id: int
    ) -> WriteEntry:
        return WriteEntry(
            integration_id=integration.id, link_id=link_id, entity=entity, vendor=Vendor.PLOOMES.value, verb="update",
            external_id=record.id, before={key: before.get(key) for key in after}, after=after, notes=["Planilha"],
            state=WriteState.SENT, sent_at=self._clock.now(),
        )  # fmt: skip

    async def _end(self, visit: Subject, entry: WriteEntry, state: WriteState, outcome: str | None) -> None:
        now, version = self._clock.now(), visit.integration.config_version
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            journal.finish(row, state, now, outcome)
            if state is WriteState.DONE:
                session.add(journal.change_of(row, cause="planilha", at=now, lost={}, config_version=version))
