"""The deciding half of a first load: certain pairs are linked with their base, the rest becomes events.

A pair is certain when one record carries the other's id, or when exactly one record on each side has the natural key.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy
from app.core.ports import Kind, Priority, Vendor
from app.sync import inbox, links
from app.sync.entities.rules import Rules
from app.sync.lanes import Lanes, Lease, key_lane, record_lane
from app.sync.lookups import known
from app.sync.mapping.decide import Policy, Sides, Verdict, decide
from app.sync.mapping.fields import Master
from app.sync.models import Change, EventSource, Integration, KnownRecord, Link, Resync
from app.sync.passes.first_load import REASON, tell_held, writes_due
from app.sync.passes.load_index import (
    Found,
    Pass,
    codes_of,
    linked_of,
    look_up,
    read_at_of,
    refused,
    rows_after,
    snapshot_of,
    values_of,
)
from app.sync.passes.passes import Turn
from app.sync.passes.visit import Visit


class Pairing:
    """Works through one side's snapshots, a batch per commit."""

    def __init__(self, db: Database, clock: Clock, lanes: Lanes) -> None:
        self._db = db
        self._clock = clock
        self._lanes = lanes

    async def batch(self, vendor: Vendor, visit: Visit, load: Resync, turn: Turn) -> None:
        """The next batch of a side: Ploomes' records first, then what is left of Omie's."""
        after = int((load.cursor.get("place") or {}).get("after", 0))
        walk = Pass(visit.rules, vendor, load)
        async with self._db.read() as session:
            rows = await rows_after(session, visit.integration.id, [(vendor, visit.rules.SETS[vendor])], after)
            fresh = [row for row in rows if walk.mine(row)]
            found = await look_up(session, walk, fresh)
        place = {"after": rows[-1].id} if rows else None
        pairs = {row.external_id: (row, twin) for row in fresh if (twin := self._certain(row, found, load)) is not None}
        verdicts = {key: await self._judge(visit, vendor, *pair, load) for key, pair in pairs.items()}
        async with (
            self._held(visit, pairs) as (lease, busy),
            turn.commit(place) as (session, own),
        ):
            if lease is not None:
                await lease.extend(session)
                # somebody may have linked one between the look-up and the lanes
                found.taken |= await linked_of(session, walk, [r for pair in pairs.values() for r in pair])
            tally = Tally(own, visit.rules.ENTITY)
            for row in fresh:
                await self._place(session, visit, vendor, row, found, pairs, verdicts, busy, own, tally)
            tally.store()

    def _certain(self, row: KnownRecord, found: Found, load: Resync) -> KnownRecord | None:
        """The twin to link now; None when there is none, or when something says to look again."""
        twin = found.twins.get(row.external_id)
        if twin is None or refused(row, load) or refused(twin, load) or snapshot_of(twin, load) is None:
            return None
        records = {(row.vendor, row.external_id), (twin.vendor, twin.external_id)}
        return None if records & (found.taken | found.touched) else twin

    async def _judge(
        self, visit: Visit, vendor: Vendor, row: KnownRecord, twin: KnownRecord, load: Resync
    ) -> tuple[Sides, Verdict]:
        own, other = values_of(row, load), values_of(twin, load)
        omie, ploomes = (own, other) if vendor is Vendor.OMIE else (other, own)
        sides = Sides(omie, ploomes, {}, {})
        rows = [row for row in visit.rows if row.id in own and row.id in other]
        shared = any((snapshot_of(each, load) or {}).get("shared") for each in (row, twin))
        policy = Policy(first=Vendor.PLOOMES if shared else Vendor.OMIE)
        verdict = await visit.resolving(lambda: visit.rules.adjust(decide(rows, sides, policy, visit.refs), sides))
        return sides, verdict

    async def _place(
        self,
        session: AsyncSession,
        visit: Visit,
        vendor: Vendor,
        row: KnownRecord,
        found: Found,
        pairs: Mapping[str, tuple[KnownRecord, KnownRecord]],
        verdicts: Mapping[str, tuple[Sides, Verdict]],
        busy: set[str],
        load: Resync,
        tally: "Tally",
    ) -> None:
        """Links, plans or leaves one record, and counts which."""
        cause = refused(row, load)
        twin = pairs[row.external_id][1] if row.external_id in pairs else None
        if (row.vendor, row.external_id) in found.taken:
            tally.add("already_linked")
        elif cause is not None:
            tally.add(cause)
        elif twin is not None and row.external_id not in busy and (twin.vendor, twin.external_id) not in found.taken:
            sides, verdict = verdicts[row.external_id]
            link = await self._link(session, visit, vendor, row, twin, sides, verdict)
            found.taken |= {(row.vendor, row.external_id), (twin.vendor, twin.external_id)}
            tally.add("link")
            if verdict.writes or verdict.asks:
                await self._plan(session, visit, Vendor.OMIE, link.omie_id, load)
            tally.add_verdict(verdict)
        elif vendor is Vendor.PLOOMES and visit.rules.MASTER is Master.OMIE and row.external_id not in found.twins:
            tally.add("only_in_ploomes")
        else:
            # a row of the page counts as read while no event of its record comes (design section 5)
            memo = (snapshot_of(row, load) or {}).get("record")
            await self._plan(session, visit, vendor, row.external_id, load, memo)
            tally.add(_expected(vendor, row, found))

    async def _link(
        self,
        session: AsyncSession,
        visit: Visit,
        vendor: Vendor,
        row: KnownRecord,
        twin: KnownRecord,
        sides: Sides,
        verdict: Verdict,
    ) -> Link:
        integration, rules = visit.integration, visit.rules
        omie, ploomes = (row, twin) if vendor is Vendor.OMIE else (twin, row)
        now = self._clock.now()
        key = str(sides.omie.get(rules.KEY) or sides.ploomes.get(rules.KEY) or "") or None
        link = links.make(integration.id, rules.ENTITY, omie.external_id, ploomes.external_id, key, now)
        equal = verdict.agreed - verdict.asks - verdict.to_omie.keys() - verdict.to_ploomes.keys()
        links.rebase(
            link, {name: sides.omie.get(name) for name in equal}, {name: sides.ploomes.get(name) for name in equal}
        )
        links.saw(link, Vendor.OMIE, sides.omie, read_at_of(omie))
        links.saw(link, Vendor.PLOOMES, sides.ploomes, read_at_of(ploomes))
        session.add(link)
        await session.flush()
        session.add(
            Change(
                integration_id=integration.id,
                link_id=link.id,
                entity=rules.ENTITY,
                vendor=Vendor.PLOOMES.value,
                external_id=ploomes.external_id,
                action="link",
                after={"omie_id": omie.external_id},
                notes=[],
                cause=REASON,
                config_version=integration.config_version,
                at=now,
            )
        )
        return link

    async def _plan(
        self,
        session: AsyncSession,
        visit: Visit,
        vendor: Vendor,
        external_id: str,
        load: Resync,
        memo: str | None = None,
    ) -> None:
        now = self._clock.now()
        due_at = writes_due(load, visit.config, now)
        tell_held(load, due_at)
        await inbox.enqueue(
            session,
            integration_id=visit.integration.id,
            vendor=vendor.value,
            entity=visit.rules.ENTITY,
            external_id=external_id,
            kind=Kind.CHANGED.value,
            topic=REASON,
            source=EventSource.RESYNC.value,
            priority=Priority.BULK,
            due_at=due_at,
            now=now,
            memo=memo,
        )

    @asynccontextmanager
    async def _held(
        self, visit: Visit, pairs: Mapping[str, tuple[KnownRecord, KnownRecord]]
    ) -> AsyncIterator[tuple[Lease | None, set[str]]]:
        """Holds the lanes of every pair; a pair somebody works on right now is left to its event instead."""
        lanes = {key: _lane_names(visit, row, twin) for key, (row, twin) in pairs.items()}
        if not lanes:
            yield None, set()
            return
        async with self._lanes.hold(f"first_load:{visit.integration.id}") as lease:
            busy: set[str] = set()
            try:
                await lease.take({name for names in lanes.values() for name in names})
            except LaneBusy:
                for key, names in lanes.items():
                    try:
                        await lease.take(names)
                    except LaneBusy:
                        busy.add(key)
            yield lease, busy

    async def tidy(self, integration: Integration, rules: Sequence[Rules], load: Resync, turn: Turn) -> None:
        """Drops snapshots, a batch per commit: they were only needed to pair."""
        after = int((load.cursor.get("place") or {}).get("after", 0))
        sets = sorted({(vendor, each.SETS[vendor]) for each in rules for vendor in Vendor})
        async with self._db.read() as session:
            rows = await rows_after(session, integration.id, sets, after)
        async with turn.commit({"after": rows[-1].id} if rows else None) as (session, _):
            for each in rules:
                await known.forget(session, integration.id, codes_of(each))
            for row in rows:
                kept = {name: value for name, value in row.data.items() if name != "load"}
                if kept != row.data:
                    await session.execute(
                        update(KnownRecord)
                        .where(KnownRecord.id == row.id, KnownRecord.seen_at == row.seen_at)
                        .values(data=kept)
                    )


class Tally:
    """Counts a batch into the load's plan (contract section 4, resyncs)."""

    NAMES = (
        "create_in_omie",
        "create_in_ploomes",
        "update_in_omie",
        "update_in_ploomes",
        "delete_in_omie",
        "delete_in_ploomes",
        "link",
        "conflict",
        "unchanged",
    )

    def __init__(self, load: Resync, entity: str) -> None:
        self._load = load
        self._entity = entity
        before = load.plan.get("entities", {}).get(entity, {})
        self._counts: dict[str, int] = {name: 0 for name in self.NAMES} | before

    def add(self, name: str) -> None:
        """One more record of a kind."""
        self._counts[name] = self._counts.get(name, 0) + 1

    def add_verdict(self, verdict: Verdict) -> None:
        """What a linked pair still needs."""
        if verdict.to_omie:
            self.add("update_in_omie")
        if verdict.to_ploomes:
            self.add("update_in_ploomes")
        if verdict.asks:
            self.add("conflict")
        if not (verdict.writes or verdict.asks):
            self.add("unchanged")

    def store(self) -> None:
        """Puts the counts into the row."""
        entities = {**self._load.plan.get("entities", {}), self._entity: self._counts}
        self._load.plan = {**self._load.plan, "entities": entities}


def _lane_names(visit: Visit, row: KnownRecord, twin: KnownRecord) -> list[str]:
    names = [record_lane(visit.integration, each.vendor, each.entity, each.external_id) for each in (row, twin)]
    keys = [each.natural_key for each in (row, twin) if each.natural_key]
    return names + [key_lane(visit.integration, visit.rules.ENTITY, key) for key in keys]


def _expected(vendor: Vendor, row: KnownRecord, found: Found) -> str:
    """What the event of a record that is not linked now will most likely do."""
    if row.external_id in found.rivals:
        return "conflict"
    return "link" if row.external_id in found.twins else f"create_in_{vendor.other.value}"
