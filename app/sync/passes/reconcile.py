"""The proof after a resync: both sides of every pair compared with each other, healed, compared again, and a report.

A pair whose digests differ although each side equals its base is read again; a difference that is nobody's edit loses
its base, so that the rule of a first link puts it right. What is still different in the last round is an exception.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import JsonObject, Vendor
from app.core.vault import Vault
from app.sync import issues, links
from app.sync.entities import index_of
from app.sync.lookups import known
from app.sync.mapping.decide import Sides
from app.sync.mapping.fields import Field
from app.sync.models import Integration, KnownRecord, Link, LinkState
from app.sync.passes import certificate
from app.sync.passes import resync_items as book
from app.sync.passes.flight_plan import ACTIONS
from app.sync.passes.models import Certificate, Resync, ResyncItem
from app.sync.passes.passes import Turn
from app.sync.passes.resync_items import KNOWN, UPDATE_STAGE
from app.sync.passes.resync_judge import Ground, ground_of, open_item, sharers
from app.sync.passes.resync_read import Reader, index_rows
from app.sync.passes.subject import ACCEPTED, Subject, Work, planned
from app.sync.passes.subject import Row as PageRow

STOCK = "stock"
ROUNDS = 3
BATCH = 49
SHOWN = 1000
"""Exceptions named in a certificate; all are counted."""


class Reconciler:
    """The steps that a reconcile has beside those of a resync."""

    def __init__(self, db: Database, clock: Clock, vault: Vault, reader: Reader) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault
        self._reader = reader

    async def cross(self, visit: Subject, number: int, resync: Resync, turn: Turn) -> None:
        """The next pairs whose two sides differ from each other and of which nothing else is known."""
        place = resync.cursor.get("place") or {}
        since = datetime.fromisoformat(resync.plan["crawls"][visit.entity])
        async with self._db.read() as session:
            pairs = await _unequal(session, visit, resync.id, int(place.get("after", 0)))
        if not pairs:
            async with turn.commit(None):
                return
        rows = await self._reader.both(visit, pairs) if visit.heals else {}
        last = resync.plan.get("round", 1) >= ROUNDS
        ground = ground_of(visit, number, since)
        exceptions: list[JsonObject] = []
        healed: dict[int, tuple[Link, dict[Vendor, PageRow], list[Field]]] = {}
        for link in pairs:
            both = rows.get(link.id)
            if both is None and visit.heals:
                continue  # gone on a side: the missing step or its event says so
            sides = Sides(link.omie_base, link.ploomes_base, {}, {})
            if both is not None:
                sides = Sides(both[Vendor.OMIE].values, both[Vendor.PLOOMES].values, {}, {})
            differing = await planned(visit, lambda: visit.differing(sides))  # noqa: B023  (awaited here)
            if not differing:
                continue
            reason = await self._known_reason(visit, link)
            if both is not None and reason is None and not last:
                healed[link.id] = (link, both, differing)
            else:
                exceptions.append(_exception(link, differing, reason or ACCEPTED))
        async with self._db.read() as session:
            shared = await sharers(session, visit, {link.ploomes_id: link.id for link, _, _ in healed.values()})
        items = [await _item(ground, resync.id, *each, shared) for each in healed.values()]
        async with turn.commit({"after": pairs[-1].id}) as (session, row):
            for link, _, differing in healed.values():
                await _forget_base(session, link, [each.id for each in differing])
            session.add_all([item for item in items if item is not None])
            for read in rows.values():
                for each in read.values():
                    told = index_rows([each.record], [(visit, [each])])
                    await known.upsert(session, row.integration_id, told, each.record.read_at)
            kept = row.plan.get("exceptions", {}).get(visit.entity, [])
            row.plan = {
                **row.plan,
                "exceptions": {**row.plan.get("exceptions", {}), visit.entity: [*kept, *exceptions][:SHOWN]},
            }

    async def _known_reason(self, visit: Subject, link: Link) -> str | None:
        """Why a difference is known to stand: an issue, frozen fields, or data that are waited for."""
        if link.state == LinkState.SUSPENDED:
            return link.state_reason or "O vínculo espera dados."
        if any(until > self._clock.time() for until in link.frozen.values()):
            return "Campos congelados: duas automações disputam o valor."
        async with self._db.read() as session:
            found = await issues.open_of(session, link.integration_id, visit.issue_entity, links.records(link))
        return found[0].title if found else None

    async def verify(self, resync: Resync, turn: Turn) -> None:
        """Another round when this one changed something; the last one is the proof."""
        number = int(resync.plan.get("round", 1))
        async with self._db.read() as session:
            counts = await book.count_by_state(session, resync.id)
        changed = any(count for (_, state), count in counts.items() if state != KNOWN)
        async with turn.commit(None) as (session, row):
            rounds = [*row.plan.get("rounds", ()), {"written": row.written, "entities": row.plan.get("entities", {})}]
            if changed and number < ROUNDS:
                await book.drop_all(session, row.id)
                row.plan = {**row.plan, "round": number + 1, "rounds": rounds, "entities": {}, "exceptions": {}}
                row.progress = {"done": 0, "total": 0, "round": number + 1}
                turn.goto = "references"
            else:
                row.plan = {**row.plan, "rounds": rounds, "proven": not changed}

    async def certify(self, integration: Integration, entities: Sequence[str], resync: Resync, turn: Turn) -> None:
        """Writes and signs the report."""
        shown: JsonObject = {}
        for entity in entities:
            shown[entity] = await self._entity(integration, entity, resync)
        if STOCK in resync.plan.get("entities", {}):
            shown[STOCK] = _stock(resync.plan["entities"][STOCK])
        clean = bool(resync.plan.get("proven")) and all(
            part["differences"] == part["not_compared"] == 0 for part in shown.values()
        )
        document = {
            "kind": "ponte-reconcile",
            "version": 1,
            "integration": {"id": integration.id, "name": integration.name},
            "resync_id": resync.id,
            "issued_at": self._clock.now().isoformat(timespec="seconds"),
            "rounds": int(resync.plan.get("round", 1)),
            "clean": clean,
            "healed": resync.written,
            "entities": shown,
        }
        text = certificate.signed(self._vault, document)
        async with turn.commit(None) as (session, row):
            made = Certificate(
                integration_id=integration.id, resync_id=row.id, clean=clean, document=text,
                created_at=self._clock.now(),
            )  # fmt: skip
            session.add(made)
            await session.flush()
            row.plan = {**row.plan, "certificate_id": made.id, "clean": clean}
            await book.drop_all(session, row.id)

    async def _entity(self, integration: Integration, entity: str, resync: Resync) -> JsonObject:
        """Counts, digests and exceptions of one entity; the digests chain every pair in the order of its link."""
        sums = {vendor: hashlib.sha256() for vendor in Vendor}
        linked = equal = unread = after = 0
        while True:
            async with self._db.read() as session:
                rows = await _digests(session, integration.id, entity, after)
            if not rows:
                break
            after = rows[-1].id
            for row in rows:
                linked += 1
                for vendor, digest in ((Vendor.OMIE, row.omie), (Vendor.PLOOMES, row.ploomes)):
                    sums[vendor].update(f"{row.id}:{digest};".encode())
                equal += row.omie is not None and row.omie == row.ploomes
                unread += row.omie is None or row.ploomes is None
        exceptions = resync.plan.get("exceptions", {}).get(entity, [])
        counts = resync.plan.get("entities", {}).get(entity, {})
        return {
            "linked": linked,
            "equal": equal,
            "not_compared": unread,
            "differences": max(0, linked - equal - unread - len(exceptions)),
            "exceptions": exceptions,
            "without_pair": {name: count for name, count in counts.items() if count and name not in ACTIONS},
            "digests": {vendor.value: sums[vendor].hexdigest() for vendor in Vendor},
        }


def _stock(counts: JsonObject) -> JsonObject:
    """Tables of stock: what the last round found, compared with the digest of what Ploomes was told last."""
    equal, differing = int(counts.get("unchanged", 0)), int(counts.get("update_in_ploomes", 0))
    return {"linked": equal + differing, "equal": equal, "not_compared": 0, "differences": differing, "exceptions": []}


async def _unequal(session: AsyncSession, visit: Subject, resync_id: int, after: int) -> list[Link]:
    """Linked pairs whose digests are not the same, and that are in no item of the pass."""
    omie, ploomes = aliased(KnownRecord), aliased(KnownRecord)
    query = (
        select(Link)
        .join(omie, _index_row(omie, visit.integration.id, Vendor.OMIE, visit.index[Vendor.OMIE], Link.omie_id))
        .join(
            ploomes,
            _index_row(ploomes, visit.integration.id, Vendor.PLOOMES, visit.index[Vendor.PLOOMES], Link.ploomes_id),
        )
        .outerjoin(
            ResyncItem,
            and_(
                ResyncItem.resync_id == resync_id,
                ResyncItem.link_id == Link.id,
                ResyncItem.state != KNOWN,
            ),
        )
        .where(
            Link.integration_id == visit.integration.id,
            Link.entity == visit.entity,
            Link.state.in_(links.LIVING),
            Link.id > after,
            ResyncItem.id.is_(None),
            or_(omie.digest.is_(None), ploomes.digest.is_(None), omie.digest != ploomes.digest),
        )
        .order_by(Link.id)
        .limit(BATCH)
    )
    return list(await session.scalars(query))


def _index_row(
    table: type[KnownRecord], integration_id: int, vendor: Vendor, set_name: str, own: Any
) -> ColumnElement[bool]:
    return and_(
        table.integration_id == integration_id,
        table.vendor == vendor.value,
        table.entity == set_name,
        table.external_id == own,
    )


async def _digests(session: AsyncSession, integration_id: int, entity: str, after: int) -> Sequence[Any]:
    omie, ploomes = aliased(KnownRecord), aliased(KnownRecord)
    query = (
        select(Link.id, omie.digest.label("omie"), ploomes.digest.label("ploomes"))
        .outerjoin(omie, _index_row(omie, integration_id, Vendor.OMIE, index_of(entity, Vendor.OMIE), Link.omie_id))
        .outerjoin(
            ploomes,
            _index_row(ploomes, integration_id, Vendor.PLOOMES, index_of(entity, Vendor.PLOOMES), Link.ploomes_id),
        )
        .where(
            Link.integration_id == integration_id,
            Link.entity == entity,
            Link.state.in_(links.LIVING),
            Link.id > after,
        )
        .order_by(Link.id)
        .limit(1000)
    )
    return (await session.execute(query)).all()


async def _forget_base(session: AsyncSession, link: Link, row_ids: Sequence[str]) -> None:
    """Takes rows out of both halves, unless somebody was quicker."""
    omie = {name: value for name, value in link.omie_base.items() if name not in row_ids}
    ploomes = {name: value for name, value in link.ploomes_base.items() if name not in row_ids}
    await session.execute(
        update(Link)
        .where(Link.id == link.id, Link.version == link.version)
        .values(omie_base=omie, ploomes_base=ploomes, version=Link.version + 1)
        .execution_options(synchronize_session=False)
    )


async def _item(
    ground: Ground,
    resync_id: int,
    link: Link,
    both: dict[Vendor, PageRow],
    differing: Sequence[Field],
    shared: Mapping[str, frozenset[str]],
) -> ResyncItem | None:
    """The item that heals a pair: the decision without the base of the rows that differ."""
    gone = {row.id for row in differing}
    halves = [
        {name: value for name, value in half.items() if name not in gone}
        for half in (link.omie_base, link.ploomes_base)
    ]
    sides = Sides(both[Vendor.OMIE].values, both[Vendor.PLOOMES].values, halves[0], halves[1])
    work = ground.visit.work(link, await ground.visit.decided(sides, shared.get(link.ploomes_id)), sides)
    if not work.actions:
        return None
    source = work.target.other
    item = ResyncItem(
        resync_id=resync_id,
        entity=ground.entity,
        key=f"link:{link.id}",
        vendor=source.value,
        external_id=links.id_of(link, source),
        link_id=link.id,
        link_version=link.version + 1,
        omie=both[Vendor.OMIE].as_json(raw=True),
        ploomes=both[Vendor.PLOOMES].as_json(raw=True),
    )
    open_item(item, ground, UPDATE_STAGE, Work(work.actions, work.calls, work.target))  # both were read just now
    return item


def _exception(link: Link, differing: Sequence[Field], reason: str) -> JsonObject:
    return {
        "omie_id": link.omie_id,
        "ploomes_id": link.ploomes_id,
        "fields": [row.label for row in differing],
        "reason": reason,
    }
