"""The reading half of a first load: look-ups, then every entity of both vendors, page by page, into our own index.

Each record is kept as a snapshot: canonical values, the twin's id it carries, and why it may not enter the other side.
Entities follow each other in the order of `RULES`; one set that several of them share is read once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import VendorError
from app.core.ports import JsonObject, Priority, Record, Vendor
from app.sync import links
from app.sync.config.document import Config
from app.sync.config.publishing import Start, plan
from app.sync.config.store import ConfigStore
from app.sync.entities import RULES
from app.sync.entities.rules import Rules
from app.sync.lanes import Lanes
from app.sync.lookups import known
from app.sync.lookups.references import SETS, References
from app.sync.lookups.snapshots import learn, pair_people
from app.sync.mapping.canonical import canonical
from app.sync.mapping.convert import clean
from app.sync.mapping.fields import Values, carries_any, get_path
from app.sync.models import Integration, Resync
from app.sync.passes import history, watermarks
from app.sync.passes.first_load import FAILED
from app.sync.passes.flight_plan import counted
from app.sync.passes.load_index import codes_of
from app.sync.passes.load_pairing import Pairing
from app.sync.passes.passes import CUT, Road, Step, Turn
from app.sync.passes.visit import Visit
from app.sync.reading import remember
from app.sync.vendors import Gateways, one_page, refuse_cut


class LoadSteps:
    """Builds the table of steps that `FirstLoad` walks."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        gateways: Gateways,
        configs: ConfigStore,
        references: References,
        lanes: Lanes,
        before: Mapping[str, Mapping[str, Step]] | None = None,
        behind: Mapping[str, Step] | None = None,
    ) -> None:
        """`before`: steps that come before the records of an entity are paired; `behind`: those after all of them."""
        self._before = before or {}
        self._behind = behind or {}
        self._clock = clock
        self._db = db
        self._gateways = gateways
        self._configs = configs
        self._references = references
        self._pairing = Pairing(db, clock, lanes)

    def road(self) -> Road:
        """How first loads go."""
        table = self.table()
        return Road(lambda row: table, FAILED)

    def table(self) -> dict[str, Step]:
        """Steps by name, in order."""
        steps: dict[str, Step] = {"references": self._read_references}
        for rules in RULES.values():
            for vendor in Vendor:
                steps.setdefault(f"{vendor}_{rules.SETS[vendor]}", partial(self._crawl, vendor, rules.SETS[vendor]))
            steps |= self._before.get(rules.ENTITY, {})
            steps[f"pair_{rules.ENTITY}"] = partial(self._pair, Vendor.PLOOMES, rules)
            steps[f"rest_{rules.ENTITY}"] = partial(self._pair, Vendor.OMIE, rules)
        return {**steps, **self._behind, "tidy": self._tidy, "history": self._history}

    async def _visit(self, integration: Integration, config: Config, rules: Rules) -> Visit:
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        refs = await self._references.of(integration, config, omie, ploomes, rules.CUSTOM_FIELDS)
        return Visit(integration, config, rules, omie, ploomes, self._references, refs)

    async def _read_references(self, integration: Integration, load: Resync, turn: Turn) -> None:
        """Sellers, users and small sets, one a turn; then people are paired, never created (F012, F190-F192)."""
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        read = int((load.cursor.get("place") or {}).get("sets", 0))
        if read < len(SETS):
            await self._references.load(integration, omie, ploomes, SETS[read : read + 1])
            async with turn.commit({"sets": read + 1}):
                return
        config = await self._configs.get(integration.id)
        async with turn.commit(None) as (session, row):
            sellers = await known.everything(session, integration.id, Vendor.OMIE, "sellers")
            users = await known.everything(session, integration.id, Vendor.PLOOMES, "users")
            pairs, _ = pair_people(sellers, users, config)
            linked = await _link_people(session, integration.id, pairs, self._clock.now())
            people = counted({"link": linked, "unchanged": len(pairs) - linked})
            people["without_user"] = len([s for s in sellers if s.external_id not in pairs])
            row.plan = {**row.plan, "entities": {**row.plan.get("entities", {}), "sellers": people}}

    async def _crawl(self, vendor: Vendor, set_name: str, integration: Integration, load: Resync, turn: Turn) -> None:
        """One page of a set, for every entity that is switched on and keeps its records there."""
        config = await self._configs.get(integration.id)
        visits = [
            await self._visit(integration, config, rules)
            for rules in RULES.values()
            if rules.SETS[vendor] == set_name and _is_on(rules, config)
        ]
        if not visits:
            async with turn.commit(None):
                return
        gateway = visits[0].omie if vendor is Vendor.OMIE else visits[0].ploomes
        place = {"at": self._clock.now().isoformat(), **(load.cursor.get("place") or {})}
        began = datetime.fromisoformat(place["at"])
        page = await one_page(gateway, set_name, cursor=place.get("cursor"))
        rows: list[known.Known] = []
        for record in page.records:
            rows += await self._snapshot(visits, record, load.id)
        read_at = min((record.read_at for record in page.records), default=self._clock.now())
        total = place.get("total", page.total)
        seen = place.get("seen", 0) + len(page.records)
        following = {**place, "cursor": page.cursor, "seen": seen, "total": total}
        watermarks.note(following, page.records, began)
        if page.cursor is None:
            try:
                refuse_cut(page, seen, total, vendor, set_name)
            except VendorError:
                async with turn.commit({CUT: place.get(CUT, 0) + 1}) as (_, row):
                    _uncount(row, place)
                raise
        async with turn.commit(following if page.cursor is not None else None) as (session, row):
            await known.upsert(session, integration.id, rows, read_at)
            if page.cursor is None:
                await known.seen_whole(session, integration.id, vendor, set_name, read_at)
                await watermarks.crawled(session, integration.id, vendor, set_name, following, began)
            _count_page(row, len(page.records), page.total if "total" not in place else None)

    async def _snapshot(self, visits: Sequence[Visit], record: Record, load_id: int) -> list[known.Known]:
        row = known.known_of(record)
        visit = next((v for v in visits if v.rules.recognisable(record.vendor, record.data, v.refs)), visits[0])
        learn(record.data, visit.refs)
        values = await visit.resolving(lambda: canonical(record.vendor, visit.rows, record.data, visit.refs))
        twin = visit.rules.other_id(record.vendor, record.data, _carried(visit, record, values))
        row.data["load"] = {
            "run": load_id,
            "entity": visit.rules.ENTITY,
            "values": values,
            "twin": twin,
            "refused": _refusal(visit, record, values),
            "read_at": record.read_at.isoformat(),
        }
        if carries_any(record.data, visit.refs.rival_keys):
            row.data["load"]["shared"] = True
        if record.vendor is Vendor.OMIE:
            row.data["load"]["record"] = remember({record.id: record})
        if record.vendor is Vendor.OMIE and twin:
            return [row, known.Known(Vendor.OMIE, codes_of(visit.rules), twin, natural_key=record.id)]
        return [row]

    async def _pair(self, vendor: Vendor, rules: Rules, integration: Integration, load: Resync, turn: Turn) -> None:
        config = await self._configs.get(integration.id)
        if not _is_on(rules, config):
            async with turn.commit(None):
                return
        await self._pairing.batch(vendor, await self._visit(integration, config, rules), load, turn)

    async def _tidy(self, integration: Integration, load: Resync, turn: Turn) -> None:
        await self._pairing.tidy(integration, list(RULES.values()), load, turn)

    async def _history(self, integration: Integration, load: Resync, turn: Turn) -> None:
        """What is wished from before the activation comes by a pass of its own, behind clients and products."""
        config = await self._configs.get(integration.id)
        async with turn.commit(None) as (session, row):
            if history.wished(config):
                start: Start = "now" if row.start == "now" else "window"
                own = await session.get_one(Integration, integration.id)
                await plan(session, own, list(history.ENTITIES), start, self._clock)


def _is_on(rules: Rules, config: Config) -> bool:
    return bool(getattr(config.entities, rules.ENTITY))


async def _link_people(session: AsyncSession, integration_id: int, pairs: Mapping[str, str], now: datetime) -> int:
    """A link for each pair of people, unless one of the two has one; answers how many are new."""
    sellers = await links.of_ids(session, integration_id, "sellers", Vendor.OMIE, list(pairs))
    users = await links.of_ids(session, integration_id, "sellers", Vendor.PLOOMES, list(pairs.values()))
    taken = set(users)
    for seller, user in pairs.items():
        if seller not in sellers and user not in taken:
            session.add(links.make(integration_id, "sellers", seller, user, None, now))
            taken.add(user)
    return len(taken) - len(users)


def _carried(visit: Visit, record: Record, values: Values) -> str | None:
    """The Omie id in a Ploomes record: our field, else a field "Id (Omie)" of an earlier integration."""
    if record.vendor is Vendor.OMIE:
        return None
    if values.get("omie_id"):
        return str(values["omie_id"])
    earlier: Sequence[str] = visit.integration.provisioned.get("earlier_fields", {}).get(visit.rules.CUSTOM_FIELDS, ())
    slots = (f"@{key}:{column}" for key in earlier for column in ("StringValue", "IntegerValue", "BigStringValue"))
    return next((text for slot in slots if (text := clean(get_path(record.data, slot, visit.refs)))), None)


def _refusal(visit: Visit, record: Record, values: Values) -> str | None:
    """Machine word for why the record may not enter the other side, or None."""
    verdict = visit.rules.qualify(record.vendor, record.data, values, visit.config, visit.refs)
    if verdict is not None:
        return verdict.cause
    return None if visit.rules.recognisable(record.vendor, record.data, visit.refs) else "none_of_ours"


def _uncount(load: Resync, place: JsonObject) -> None:
    """A list that was cut short is read again from its start."""
    done, total = load.progress.get("done", 0) - place.get("seen", 0), load.progress.get("total", 0)
    load.progress = {**load.progress, "done": done, "total": max(done, total - (place.get("total") or 0))}


def _count_page(load: Resync, records: int, total: int | None) -> None:
    progress = dict(load.progress)
    progress["done"] = progress.get("done", 0) + records
    progress["total"] = max(progress.get("total", 0) + (total or 0), progress["done"])
    load.progress = progress
