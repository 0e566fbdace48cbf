"""Small records of Ploomes told by their names (tags, groups): looked up first, made once, journalled like any write.

An auxiliary create has a lane by name (design section 5); what two records need at once is made by one of them.
"""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.ports import Gateway, JsonObject, Key, Record, Vendor, Written
from app.sync import journal
from app.sync.config.sharing import neighbours
from app.sync.lanes import Lanes, Lease
from app.sync.lookups import known
from app.sync.lookups.living import CONTROLS, find_beside_living
from app.sync.mapping.places import fold
from app.sync.models import Event, Integration, WriteEntry, WriteState
from app.sync.writing import WRITE_SECONDS

CONTACT_TAGS = "1"
"""EntityId of contacts (Ploomes reference 2): tags belong to an entity."""
REPEAT_SECONDS = 31.0
"""After Ploomes' time-out a create whose answer was lost cannot arrive any more."""


@dataclass(frozen=True, slots=True)
class Named:
    """A record of an auxiliary set, by its name inside something."""

    entity: str
    name: str
    within: Mapping[str, str]
    """Narrows the search, where a name alone repeats."""
    body: JsonObject
    """What a new one gets beside its name."""

    @property
    def key(self) -> str:
        """Its identity in lanes and journal."""
        return ":".join([*self.within.values(), self.name.casefold()])


def contact_tag(name: str) -> Named:
    """A marker of contacts."""
    return Named("tags", name, {"entity_id": CONTACT_TAGS}, {"EntityId": int(CONTACT_TAGS)})


def product_group(name: str, family: str) -> Named:
    """A group of products inside a family."""
    return Named("groups", name, {"family_id": family}, {"FamilyId": int(family)})


class Auxiliaries:
    """Finds and makes them."""

    def __init__(self, db: Database, clock: Clock, lanes: Lanes) -> None:
        self._db = db
        self._clock = clock
        self._lanes = lanes

    async def ensure(self, integration: Integration, named: Named, event: Event | None, ploomes: Gateway) -> Record:
        """A record by name, found or made, and known from then on. Raises LaneBusy, LeaseLost, Postponed,
        VendorError."""
        return (await self.ensured(integration, named, event, ploomes))[0]

    async def ensured(
        self, integration: Integration, named: Named, event: Event | None, ploomes: Gateway
    ) -> tuple[Record, bool]:
        """The same, and whether we made it."""
        lane = f"{named.entity}:{integration.ploomes_account_id}:{named.key[:100]}"
        async with self._lanes.hold(lane) as lease:
            found = await self._find(integration.id, named, ploomes)
            lost = await self._lost(integration, named, found=bool(found))
            record = found[0] if found else await self._make(integration, named, event, ploomes, lease)
            for entry in lost:
                await self._finish(entry, integration, record.id, "resposta perdida; encontrado")
            async with self._db.transaction() as session:
                await known.upsert(session, integration.id, [known.known_of(record)], self._clock.now())
            return record, not found or bool(lost)

    @asynccontextmanager
    async def alone(self, integration: Integration, named: Named) -> AsyncIterator[None]:
        """Keeps everybody else from a name, however it is spelt. Raises LaneBusy."""
        async with self._lanes.hold(f"{named.entity}:{integration.ploomes_account_id}:~{fold(named.key)[:100]}"):
            yield

    async def rename(
        self, integration: Integration, entity: str, external_id: str, name: str, ploomes: Gateway
    ) -> None:
        """Gives a record another name, and knows it by that. Raises LaneBusy, LeaseLost, Postponed, VendorError."""
        written = await self._change(
            integration, entity, "update", external_id, {"name": name}, {"Name": name}, ploomes
        )
        async with self._db.transaction() as session:
            before = await known.get(session, integration.id, Vendor.PLOOMES, entity, external_id)
            data = written.data or {**(before.data if before else {}), "Id": external_id, "Name": name}
            record = Record(Vendor.PLOOMES, entity, external_id, data, written.sent_at)
            await known.upsert(session, integration.id, [known.known_of(record)], self._clock.now())

    async def remove(self, integration: Integration, entity: str, external_id: str, ploomes: Gateway) -> None:
        """Deletes a record, and knows it to be gone. Raises LaneBusy, LeaseLost, Postponed, VendorError."""
        await self._change(integration, entity, "delete", external_id, {}, {}, ploomes)
        async with self._db.transaction() as session:
            await known.mark_gone(session, integration.id, Vendor.PLOOMES, entity, external_id, self._clock.now())

    async def _change(
        self,
        integration: Integration,
        entity: str,
        verb: str,
        external_id: str,
        after: JsonObject,
        body: JsonObject,
        ploomes: Gateway,
    ) -> Written:
        """One journalled write of a record that is there, in its lane."""
        async with self._lanes.hold(f"{entity}:{integration.ploomes_account_id}:{external_id}") as lease:
            entry = self._entry(integration, entity, verb, after, None, f"id:{external_id}")
            entry.external_id = external_id
            async with self._db.transaction() as session:
                session.add(entry)
                await lease.extend(session, WRITE_SECONDS)
            written = await self._sent(entry, ploomes.write(entity, verb, external_id, body))
            await self._finish(entry, integration, external_id)
            return written

    async def _find(self, integration_id: int, named: Named, ploomes: Gateway) -> list[Record]:
        async with self._db.read() as session:
            controls = await known.living(session, integration_id, Vendor.PLOOMES, named.entity, CONTROLS)

        async def gone(external_id: str) -> None:
            async with self._db.transaction() as session:
                now = self._clock.now()
                await known.mark_gone(session, integration_id, Vendor.PLOOMES, named.entity, external_id, now)

        key = Key("name", named.name, named.within)
        return await find_beside_living(ploomes, named.entity, key, controls, gone)

    async def _lost(self, integration: Integration, named: Named, *, found: bool) -> Sequence[WriteEntry]:
        """Creates of this record whose answer was lost. While one may still arrive unseen, whichever company of the
        account sent it, none is repeated."""
        async with self._db.read() as session:
            rivals = () if found else await neighbours(session, integration, integration.ploomes_account_id)
            lost = [
                entry
                for each in (integration, *rivals)
                for entry in await journal.unfinished(session, each.id, named.entity, Vendor.OMIE, named.key[:40])
                if str(entry.after.get("name")).casefold() == named.name.casefold()
            ]
        mine = [entry for entry in lost if entry.integration_id == integration.id]
        if found:
            return mine
        wait = max((entry.sent_at.timestamp() + REPEAT_SECONDS - self._clock.time() for entry in lost), default=0.0)
        if wait > 0:
            raise Postponed(wait, "a resposta de uma inclusão se perdeu; conferindo de novo")
        for entry in mine:
            await self._end(entry, WriteState.RESOLVED, "não encontrado; enviado de novo")
        return ()

    async def _make(
        self, integration: Integration, named: Named, event: Event | None, ploomes: Gateway, lease: Lease
    ) -> Record:
        entry = self._entry(integration, named.entity, "create", {"name": named.name}, event, named.key)
        async with self._db.transaction() as session:
            session.add(entry)
            await lease.extend(session, WRITE_SECONDS)
        body = {"Name": named.name, **named.body}
        written = await self._sent(entry, ploomes.write(named.entity, "create", None, body))
        await self._finish(entry, integration, written.id)
        data = written.data or {"Id": written.id, "Name": named.name, **named.body}
        return Record(Vendor.PLOOMES, named.entity, written.id, data, written.sent_at)

    def _entry(
        self, integration: Integration, entity: str, verb: str, after: JsonObject, event: Event | None, source_id: str
    ) -> WriteEntry:
        return WriteEntry(
            integration_id=integration.id,
            event_id=event.id if event is not None else None,
            entity=entity,
            vendor=Vendor.PLOOMES.value,
            verb=verb,
            source_vendor=Vendor.OMIE.value,
            source_id=source_id[:40],
            before={},
            after=after,
            notes=[],
            state=WriteState.SENT,
            sent_at=self._clock.now(),
        )

    async def _sent(self, entry: WriteEntry, write: Awaitable[Written]) -> Written:
        """The answer of a journalled write; what it means for the journal when there is none."""
        try:
            return await write
        except (Postponed, VendorError) as error:
            if isinstance(error, Postponed) or not error.outcome_unknown:
                refused = isinstance(error, VendorError) and error.permanent
                await self._end(entry, WriteState.REFUSED if refused else WriteState.RESOLVED, str(error))
            raise

    async def _finish(
        self, entry: WriteEntry, integration: Integration, external_id: str, outcome: str | None = None
    ) -> None:
        """The create did its work: journal row and change in one commit."""
        now = self._clock.now()
        async with self._db.transaction() as session:
            row = await session.get_one(WriteEntry, entry.id)
            row.external_id = external_id
            journal.finish(row, WriteState.DONE, now, outcome)
            cause = f"event:{row.event_id} {row.entity}" if row.event_id else row.entity
            session.add(journal.change_of(row, cause=cause, at=now, lost={}, config_version=integration.config_version))

    async def _end(self, entry: WriteEntry, state: WriteState, outcome: str) -> None:
        async with self._db.transaction() as session:
            journal.finish(await session.get_one(WriteEntry, entry.id), state, self._clock.now(), outcome)
