"""The reading half of a first load: look-ups, then the clients of both vendors, page by page, into our own index.

Each client is kept as a snapshot: canonical values, the twin's id it carries, and why it may not enter the other side.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import VendorError
from app.core.ports import JsonObject, Priority, Record, Vendor
from app.sync import known, links
from app.sync.catalogue import rows_of
from app.sync.config_store import ConfigStore
from app.sync.configuration import Config
from app.sync.convert import clean
from app.sync.entities import clients
from app.sync.fields import Refs, Values, get_path
from app.sync.first_load import FAILED
from app.sync.lanes import Lanes
from app.sync.load_index import CODES
from app.sync.load_pairing import Pairing, Visit
from app.sync.mapping import canonical
from app.sync.models import Integration, Resync
from app.sync.passes import CUT, Road, Step, Turn
from app.sync.references import References, learn, pair_people
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
    ) -> None:
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
        return {
            "references": self._read_references,
            "omie_clients": partial(self._crawl, Vendor.OMIE),
            "ploomes_clients": partial(self._crawl, Vendor.PLOOMES),
            "pair": partial(self._pair, Vendor.PLOOMES),
            "rest": partial(self._pair, Vendor.OMIE),
            "tidy": self._tidy,
        }

    async def _visit(self, integration: Integration) -> Visit:
        config = await self._configs.get(integration.id)
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        refs = await self._references.of(integration, config, omie, ploomes)
        return Visit(integration, config, omie, ploomes, self._references, refs)

    async def _read_references(self, integration: Integration, load: Resync, turn: Turn) -> None:
        """Sellers, users and small sets; people are paired, never created (F012, F190-F192)."""
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        await self._references.load(integration, omie, ploomes)
        config = await self._configs.get(integration.id)
        async with turn.commit(None) as (session, row):
            sellers = await known.everything(session, integration.id, Vendor.OMIE, "sellers")
            users = await known.everything(session, integration.id, Vendor.PLOOMES, "users")
            pairs, _ = pair_people(sellers, users, config)
            await _link_people(session, integration.id, pairs, self._clock.now())
            people = {"link": len(pairs), "without_user": len([s for s in sellers if s.external_id not in pairs])}
            row.plan = {**row.plan, "entities": {**row.plan.get("entities", {}), "sellers": people}}

    async def _crawl(self, vendor: Vendor, integration: Integration, load: Resync, turn: Turn) -> None:
        visit = await self._visit(integration)
        if not visit.config.entities.clients:
            async with turn.commit(None):
                return
        gateway = visit.omie if vendor is Vendor.OMIE else visit.ploomes
        place = load.cursor.get("place") or {}
        page = await one_page(gateway, clients.ENTITY, cursor=place.get("cursor"))
        rows: list[known.Known] = []
        for record in page.records:
            rows += await self._snapshot(visit, record, load.id)
        read_at = min((record.read_at for record in page.records), default=self._clock.now())
        total = place.get("total", page.total)
        seen = place.get("seen", 0) + len(page.records)
        following = {**place, "cursor": page.cursor, "seen": seen, "total": total}
        if page.cursor is None:
            try:
                refuse_cut(page, seen, total, vendor, clients.ENTITY)
            except VendorError:
                async with turn.commit({CUT: place.get(CUT, 0) + 1}) as (_, row):
                    _uncount(row, place)
                raise
        async with turn.commit(following if page.cursor is not None else None) as (session, row):
            await known.upsert(session, integration.id, rows, read_at)
            if page.cursor is None:
                await known.seen_whole(session, integration.id, vendor, clients.ENTITY, read_at)
            _count_page(row, len(page.records), page.total if "total" not in place else None)

    async def _snapshot(self, visit: Visit, record: Record, load_id: int) -> list[known.Known]:
        learn(record.data, visit.refs)
        rows = rows_of(clients.ENTITY, visit.config, visit.refs)
        values = await visit.resolving(lambda: canonical(record.vendor, rows, record.data, visit.refs))
        twin = clients.other_id(record.vendor, record.data, _carried(visit.integration, record, values, visit.refs))
        row = known.known_of(record)
        row.data["load"] = {
            "run": load_id,
            "values": values,
            "twin": twin,
            "refused": _refusal(visit.config, record, values),
            "read_at": record.read_at.isoformat(),
        }
        if record.vendor is Vendor.OMIE and twin:
            return [row, known.Known(Vendor.OMIE, CODES, twin, natural_key=record.id)]
        return [row]

    async def _pair(self, vendor: Vendor, integration: Integration, load: Resync, turn: Turn) -> None:
        visit = await self._visit(integration)
        if not visit.config.entities.clients:
            async with turn.commit(None):
                return
        await self._pairing.batch(vendor, visit, load, turn)

    async def _tidy(self, integration: Integration, load: Resync, turn: Turn) -> None:
        await self._pairing.tidy(await self._visit(integration), load, turn)


async def _link_people(session: AsyncSession, integration_id: int, pairs: Mapping[str, str], now: datetime) -> None:
    """A link for each pair of people, unless one of the two has one."""
    sellers = await links.of_ids(session, integration_id, "sellers", Vendor.OMIE, list(pairs))
    users = await links.of_ids(session, integration_id, "sellers", Vendor.PLOOMES, list(pairs.values()))
    taken = set(users)
    for seller, user in pairs.items():
        if seller not in sellers and user not in taken:
            session.add(links.make(integration_id, "sellers", seller, user, None, now))
            taken.add(user)


def _carried(integration: Integration, record: Record, values: Values, refs: Refs) -> str | None:
    """The Omie id in a Ploomes record: our field, else a field "Id (Omie)" of an earlier integration."""
    if record.vendor is Vendor.OMIE:
        return None
    if values.get("omie_id"):
        return str(values["omie_id"])
    earlier: Sequence[str] = integration.provisioned.get("earlier_fields", {}).get("contacts", ())
    slots = (f"@{key}:{column}" for key in earlier for column in ("StringValue", "IntegerValue", "BigStringValue"))
    return next((text for slot in slots if (text := clean(get_path(record.data, slot, refs)))), None)


def _refusal(config: Config, record: Record, values: Values) -> str | None:
    """Machine word for why the record may not enter the other side, or None."""
    verdict = clients.qualify(record.vendor, record.data, values, config)
    return verdict.cause if verdict is not None else None


def _uncount(load: Resync, place: JsonObject) -> None:
    """A list that was cut short is read again from its start."""
    done, total = load.progress.get("done", 0) - place.get("seen", 0), load.progress.get("total", 0)
    load.progress = {**load.progress, "done": done, "total": max(done, total - (place.get("total") or 0))}


def _count_page(load: Resync, records: int, total: int | None) -> None:
    progress = dict(load.progress)
    progress["done"] = progress.get("done", 0) + records
    progress["total"] = max(progress.get("total", 0) + (total or 0), progress["done"])
    load.progress = progress
