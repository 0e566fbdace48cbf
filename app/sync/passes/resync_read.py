"""The reading steps of a resync: both vendors' lists beside each other, what went missing, and stale rows again."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Entity, JsonObject, Page, Priority, Record, Vendor
from app.sync import links
from app.sync.entities import set_of
from app.sync.lookups import known
from app.sync.models import Link
from app.sync.passes import pace, pauses, watermarks
from app.sync.passes import resync_items as book
from app.sync.passes.models import MAPPING, Resync, ResyncItem
from app.sync.passes.passes import CUT, Turn
from app.sync.passes.resync_absence import BATCH, CONTROLS, plan_delete, touched_pairs, unseen
from app.sync.passes.resync_compare import Comparison, compare, linked_ids
from app.sync.passes.resync_items import DROPPED, FOUND, STALE
from app.sync.passes.subject import Row, Subject, gateway_of
from app.sync.stock.book import mark_edited, put_back
from app.sync.vendors import one_page, refuse_cut

CUTS = 3
"""A list that ended early this often pauses the pass with a question."""
STOCK = Entity.STOCK.value


@dataclass(slots=True)
class Arrived:
    """A page in canonical values, and when it was asked for."""

    vendor: Vendor
    set_name: str
    page: Page
    rows: Sequence[tuple[Subject, Sequence[Row]]]
    asked_at: datetime


class Reader:
    """Reads and compares; one page of each vendor per commit."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def lists(
        self, visits: Sequence[Subject], resync: Resync, turn: Turn, expected: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """The next page of each set that the entities keep their records in; one that several share is read once.
        `expected`: how many records each list of the pass will about tell of.

        A vendor whose limit asks for a pause does not hold the other back.
        """
        now = self._clock.time()
        begun = {"at": self._clock.now().isoformat(), "config": visits[0].config_version}
        place: JsonObject = {**begun, **(resync.cursor.get("place") or {})}
        sets = {name: dict(place.get(name) or await self._begin(visits, name)) for name in _sets_of(visits)}
        waiting = [name for name, side in sets.items() if not side.get("end")]
        ready = [name for name in waiting if sets[name].get("rest", 0.0) <= now]
        if waiting and not ready:
            raise Postponed(min(sets[name]["rest"] for name in waiting) - now, "limite dos dois sistemas")
        answers = await asyncio.gather(
            *(self._page(visits, name, sets[name]) for name in ready), return_exceptions=True
        )
        arrived: dict[str, Arrived] = {}
        problem: BaseException | None = None
        for name, answer in zip(ready, answers, strict=True):
            if isinstance(answer, Postponed):
                sets[name]["rest"] = now + answer.seconds
            elif isinstance(answer, BaseException):
                problem = answer
            else:
                arrived[name] = answer
        if not arrived and problem is not None:
            raise problem
        empty = [name for name, came in arrived.items() if await self._doubted(visits, sets[name], came)]
        cut = self._advance(sets, arrived, place, empty)
        following: JsonObject = {**place, **sets}
        ended = all(side.get("end") for side in sets.values())
        async with turn.commit(None if ended else following) as (session, row):
            for name, came in arrived.items():
                await self._store(session, came, row)
                if sets[name].get("end"):
                    await self._end(session, row, came, sets[name], place)
            _progress(row, sets, expected, self._clock.time())
            for name, told in (("crawls", place["at"]), ("configs", place["config"])):
                row.plan = {**row.plan, name: {**row.plan.get(name, {}), **{visit.entity: told for visit in visits}}}
            if cut is not None and following.get(CUT, 0) >= CUTS:
                await self._ask_about_cut(session, row, visits, cut, empty)
        if cut is not None:
            raise cut
        if problem is not None:
            raise problem

    async def _begin(self, visits: Sequence[Subject], name: str) -> JsonObject:
        """A list that was empty lately has ended before it began: Omie counts an empty answer as an error."""
        vendor, set_name = _named(name)
        async with self._db.read() as session:
            empty = vendor is Vendor.OMIE and await known.empty_lately(
                session, visits[0].integration.id, vendor, set_name, self._clock.now()
            )
            skips = empty and not await _any_linked(session, visits, vendor, set_name)
        return {"end": True, "total": 0, "seen": 0} if skips else {}

    async def _page(self, visits: Sequence[Subject], name: str, side: JsonObject) -> Arrived:
        vendor, set_name = _named(name)
        asked_at = self._clock.now()
        page = await one_page(gateway_of(visits[0], vendor), set_name, cursor=side.get("cursor"))
        return await self._arrived(visits, vendor, set_name, page, asked_at)

    async def _arrived(
        self, visits: Sequence[Subject], vendor: Vendor, set_name: str, page: Page, asked_at: datetime
    ) -> Arrived:
        """A page by the entities whose records it holds."""
        ids = [record.id for record in page.records]
        rows: list[tuple[Subject, list[Row]]] = []
        for visit in visits:
            if visit.sets[vendor] == set_name:
                async with self._db.read() as session:
                    linked = await linked_ids(session, visit, vendor, ids)
                rows.append((visit, await visit.read(page.records, linked)))
        return Arrived(vendor, set_name, page, rows, min((record.read_at for record in page.records), default=asked_at))

    async def _doubted(self, visits: Sequence[Subject], side: JsonObject, came: Arrived) -> bool:
        """A list that showed nothing although records are linked: emptied, or hidden from the key by now."""
        if side.get("seen") or came.page.records or came.page.cursor is not None:
            return False
        async with self._db.read() as session:
            return await _any_linked(session, visits, came.vendor, came.set_name)

    def _advance(
        self, sets: dict[str, JsonObject], arrived: dict[str, Arrived], place: JsonObject, empty: Sequence[str]
    ) -> VendorError | None:
        """Moves each set on; a list that ended early starts over, and says so."""
        cut: VendorError | None = None
        for name, came in arrived.items():
            side, page = sets[name], came.page
            side.setdefault("total", page.total)
            side["seen"] = side.get("seen", 0) + len(page.records)
            side["cursor"] = page.cursor
            side["end"] = page.cursor is None
            watermarks.note(side, page.records, datetime.fromisoformat(place["at"]))
            side.pop("rest", None)
            if side["end"] and not place.get("cut_accepted"):
                try:
                    refuse_cut(page, side["seen"], side["total"], came.vendor, came.set_name)
                    _refuse_empty(name in empty, came)
                except VendorError as error:
                    cut = error
                    place[CUT] = place.get(CUT, 0) + 1
                    sets[name] = {}
        return cut

    async def _store(self, session: AsyncSession, came: Arrived, row: Resync) -> None:
        for visit, rows in came.rows:
            comparison = await compare(session, visit, came.vendor, rows, came.asked_at)
            await book.keep(session, row.id, visit, came.vendor, comparison.differing)
            await self._note_edited(session, row, comparison.edited)
            _count(row, visit.entity, comparison)
        await known.upsert(session, row.integration_id, index_rows(came.page.records, came.rows), came.asked_at)

    async def _note_edited(self, session: AsyncSession, row: Resync, products: Sequence[str]) -> None:
        """Tables of stock that people edited: found again by the steps of stock, where the pass has them."""
        if row.dry_run or STOCK in row.entities:
            await mark_edited(session, row.integration_id, products)
        else:
            await put_back(session, row.integration_id, products, Priority.BULK, self._clock.now())

    async def _end(
        self, session: AsyncSession, row: Resync, came: Arrived, side: JsonObject, place: JsonObject
    ) -> None:
        own, at = (row.integration_id, came.vendor, came.set_name), datetime.fromisoformat(place["at"])
        await known.seen_whole(session, *own, at)
        if not side.get("seen") and row.reason != MAPPING:  # while somebody sets things up, empty says little
            await known.seen_empty(session, *own, at)
        await watermarks.crawled(session, *own, side, at)

    async def _ask_about_cut(
        self, session: AsyncSession, row: Resync, visits: Sequence[Subject], error: VendorError, empty: Sequence[str]
    ) -> None:
        entities = [visit.entity for visit in visits]
        await pauses.ask(
            session, row, pauses.EMPTY if empty else pauses.CUT, error.text, self._clock.now(),
            entity=entities[0], entities=entities, sets=list(empty),
        )  # fmt: skip

    # --- absence -------------------------------------------------------------------------------------------------

    async def missing(self, visit: Subject, vendor: Vendor, resync: Resync, turn: Turn, stage: int) -> None:
        """Linked records that the complete list did not show: asked for by id beside one known to live."""
        place = resync.cursor.get("place") or {}
        entity, set_name = visit.entity, visit.sets[vendor]
        since = datetime.fromisoformat(resync.plan["crawls"][entity])
        if entity in resync.plan.get("cut_accepted", ()):
            async with turn.commit(None):
                return  # the list was not complete: nothing is deleted on absence
        proves = vendor in visit.proves_absence
        async with self._db.read() as session:
            candidates = await unseen(session, visit, vendor, since, place.get("after", 0))
            controls = await known.living(session, visit.integration.id, vendor, set_name, CONTROLS, since)
        believed = controls or f"{vendor.value}:{set_name}" in resync.plan.get("empty_accepted", ())
        if not candidates or not believed:
            async with turn.commit(None):
                return  # a list that showed nothing proves nothing
        asked_at = self._clock.now()
        ids = [links.id_of(link, vendor) for link in candidates]
        # where nothing lives there is nothing to ask beside: a person has said that it is so
        found = await self._living(visit, vendor, ids, controls) if proves and controls else {}
        came = await self._arrived([visit], vendor, set_name, Page(list(found.values()), None), asked_at)
        async with turn.commit({"after": candidates[-1].id}) as (session, row):
            await self._store(session, came, row)
            gone = [link for link in candidates if links.id_of(link, vendor) not in found]
            touched = await touched_pairs(session, visit, gone, since)
            for link in gone:
                if link.id not in touched:
                    await plan_delete(session, row, visit, vendor, link, stage, since)

    async def _living(
        self, visit: Subject, vendor: Vendor, ids: Sequence[str], controls: Sequence[str]
    ) -> dict[str, Record]:
        """Which of these records are there, by an answer that can be believed: it shows the controls too."""
        set_name = visit.sets[vendor]
        found = await gateway_of(visit, vendor).fetch_many(set_name, [*ids, *controls])
        if not all(control in found for control in controls):
            text = f"A lista {set_name} do {vendor.label} não mostrou um registro que existe; a resposta não conta."
            raise VendorError(Fault.TRANSIENT, text, vendor=vendor.value, method=set_name)
        return {external_id: record for external_id, record in found.items() if external_id in set(ids)}

    # --- stale rows ----------------------------------------------------------------------------------------------

    async def again(self, visit: Subject, resync: Resync, turn: Turn) -> None:
        """Pairs that an event touched around the time of their page, fifty a call; those in work are left to it."""
        entity = visit.entity
        async with self._db.read() as session:
            items = await book.of_state(session, resync.id, STALE, BATCH, entity=entity)
            pairs = await living_links(session, items)
            busy = await touched_pairs(session, visit, list(pairs.values()), None)
        if not items:
            async with turn.commit(None):
                return
        wanted = [link for link in pairs.values() if link.id not in busy]
        records = await self.both(visit, wanted)
        async with turn.commit({}) as (session, _):
            for item in await book.of_state(session, resync.id, STALE, BATCH, entity=entity):
                link = pairs.get(item.link_id or 0)
                sides = records.get(link.id) if link is not None else None
                if link is None or sides is None:
                    item.state = DROPPED  # its event looks at it, or it is gone and missing tells
                    continue
                item.omie, item.ploomes = (sides[vendor].as_json(raw=True) for vendor in Vendor)
                item.link_version, item.state = link.version, FOUND
            await remember(session, visit, records.values())

    async def both(self, visit: Subject, pairs: Sequence[Link]) -> dict[int, dict[Vendor, Row]]:
        """Both sides of pairs as they are now, by link id; pairs of which a side did not come are left out."""
        wanted = {link.id: {vendor: links.id_of(link, vendor) for vendor in Vendor} for link in pairs}
        return await self.together(visit, wanted, linked=wanted)

    async def together(
        self, visit: Subject, wanted: Mapping[int, Mapping[Vendor, str]], *, linked: Collection[int]
    ) -> dict[int, dict[Vendor, Row]]:
        """Records that belong together as they are now, by the number they go under, fifty a call; those of which a
        record did not come, or (where they are not `linked`) is none of ours any more, are left out."""
        found: dict[Vendor, dict[str, Record]] = {}
        for vendor in Vendor:
            ids = [one[vendor] for one in wanted.values() if vendor in one]
            found[vendor] = await gateway_of(visit, vendor).fetch_many(visit.sets[vendor], ids) if ids else {}
        rows: dict[int, dict[Vendor, Row]] = {}
        for number, ids_of in wanted.items():
            records = [found[vendor][one] for vendor, one in ids_of.items() if one in found[vendor]]
            if len(records) == len(ids_of):
                read = await visit.read(records, ids_of.values() if number in linked else ())
                if len(read) == len(records):
                    rows[number] = {row.record.vendor: row for row in read}
        return rows


async def _any_linked(session: AsyncSession, visits: Sequence[Subject], vendor: Vendor, set_name: str) -> bool:
    mine = [visit for visit in visits if visit.sets[vendor] == set_name]
    return any([await book.linked(session, visit.integration.id, visit.entity) for visit in mine])


def _refuse_empty(doubted: bool, came: Arrived) -> None:
    if doubted:
        text = f"A lista {came.set_name} do {came.vendor.label} veio vazia, mas há registros vinculados."
        raise VendorError(Fault.TRANSIENT, text, vendor=came.vendor.value, method=came.set_name)


def _sets_of(visits: Sequence[Subject]) -> list[str]:
    """The sets of some entities, `omie:clients`, each once."""
    names = [f"{vendor.value}:{visit.sets[vendor]}" for visit in visits for vendor in Vendor]
    return list(dict.fromkeys(names))


def _named(name: str) -> tuple[Vendor, str]:
    vendor, _, set_name = name.partition(":")
    return Vendor(vendor), set_name


def index_rows(records: Sequence[Record], compared: Sequence[tuple[Subject, Sequence[Row]]]) -> list[known.Known]:
    """What our index keeps of records just read: themselves, and the digests of what they are compared by."""
    digests = {(v.index[row.record.vendor], row.record.id): row.digest for v, rows in compared for row in rows}
    found = [known.known_of(record, digests.pop((record.entity, record.id), None)) for record in records]
    vendors = {record.vendor for record in records}
    return found + [known.Known(v, name, one, digest=d) for v in vendors for (name, one), d in digests.items()]


async def remember(session: AsyncSession, visit: Subject, pairs: Iterable[Mapping[Vendor, Row]]) -> None:
    """Keeps in our index what both sides of pairs were just read to hold."""
    for pair in pairs:
        for row in pair.values():
            told = index_rows([row.record], [(visit, [row])])
            await known.upsert(session, visit.integration.id, told, row.record.read_at)


async def living_links(session: AsyncSession, items: Sequence[ResyncItem]) -> dict[int, Link]:
    """Living links of items, by their id."""
    ids = [item.link_id for item in items if item.link_id]
    found = await session.scalars(select(Link).where(Link.id.in_(ids), Link.state.in_(links.LIVING)))
    return {link.id: link for link in found}


def _count(row: Resync, entity: str, comparison: Comparison) -> None:
    entities = row.plan.get("entities", {})
    counts = dict(entities.get(entity, {}))
    for cause, count in comparison.counts.items():
        if count:
            counts[cause] = counts.get(cause, 0) + count
    row.plan = {**row.plan, "entities": {**entities, entity: counts}}


def _progress(row: Resync, sets: dict[str, JsonObject], expected: Mapping[str, int], now: float) -> None:
    """Records read of those the lists tell of: per set, per entity and over all. A list that has yet to begin counts
    with what is `expected` of it."""
    lists: JsonObject = {name: {"done": 0, "total": count} for name, count in expected.items()}
    lists |= row.progress.get("lists", {})
    for name, side in sets.items():
        seen = side.get("seen", 0)
        lists[name] = {"done": seen, "total": max(side.get("total") or 0, seen)}
    entities = {}
    for entity in row.entities:
        names = [f"{vendor.value}:{set_of(entity, vendor)}" for vendor in Vendor]
        if all(name in lists for name in names):
            entities[entity] = _sum([lists[name] for name in names])
    over_all = _sum(lists.values())
    paced = pace.paced(row.progress, "reading", over_all["done"], over_all["total"], now)
    row.progress = {**paced, "lists": lists, "entities": entities}


def _sum(lists: Iterable[JsonObject]) -> dict[str, int]:
    parts = list(lists)
    return {word: sum(int(part[word]) for part in parts) for word in ("done", "total")}
