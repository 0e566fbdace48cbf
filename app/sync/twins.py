"""Who may be the twin of a record: our own index, a search beside a record known to live, and a look to be sure."""

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Key, Record, Vendor
from app.sync import links
from app.sync.agreement import Agreement
from app.sync.lookups import known
from app.sync.lookups.living import CONTROLS, find_beside_living
from app.sync.models import EventSource
from app.sync.reading import PAGE_ROW, Reading
from app.sync.trip import Trip


class Twins:
    """Finds candidates on either vendor, and keeps our index in step with what is found."""

    def __init__(self, db: Database, clock: Clock, agreement: Agreement, reading: Reading) -> None:
        self._db = db
        self._clock = clock
        self._agreement = agreement
        self._reading = reading

    async def carriers(
        self, trip: Trip, vendor: Vendor, key: str, by_id: Key | None = None
    ) -> tuple[list[str], list[str]]:
        """Ids on a vendor that carry a natural key, oldest first: those without a link, and those with one.

        Ploomes is asked, with a record known to live in the same question; Omie is not, our own index answers. The
        same question finds those that carry an id (`by_id`) instead: they come first.
        """
        named: set[str] = set()
        strangers: set[str] = set()
        if vendor is Vendor.OMIE or await self._index_answers(trip):
            async with self._db.read() as session:
                rows = await known.find(session, trip.integration.id, vendor, trip.set_of(vendor), key)
            ids = [row.external_id for row in rows if trip.rules.recognisable(vendor, row.data, trip.refs)]
        else:
            found = await self._search(trip, Key(trip.rules.KEY, key, either=by_id))
            await self.remember(trip, *found)
            found = [r for r in found if trip.rules.recognisable(vendor, r.data, trip.refs)]
            ids, named = [r.id for r in found], {r.id for r in found if _carries(r, by_id)}
            strangers = {r.id for r in found if r.id in named and known.known_of(r).natural_key != key}
        async with self._db.read() as session:
            taken = await links.holders(session, trip.integration.id, trip.entity, vendor, ids)
        ordered = sorted(ids, key=lambda each: (each not in named, int(each)))
        return [i for i in ordered if i not in taken], [i for i in ordered if i in taken and i not in strangers]

    def by_id(self, trip: Trip) -> Key | None:
        """What finds the records of Ploomes that carry the id of a trip's record of Omie."""
        field_key = trip.refs.field_keys.get("ponte_omie_id")
        if trip.vendor is Vendor.PLOOMES or not field_key:
            return None
        return Key("omie_id", trip.record_id, {"field": field_key})

    async def _index_answers(self, trip: Trip) -> bool:
        """Whether our own index says what Ploomes has: a pass has just read the whole set, webhooks tell of what came
        since, and no create of ours is without its answer."""
        if trip.event.source != EventSource.RESYNC or trip.unfinished:
            return False
        async with self._db.read() as session:
            whole = await known.whole_at(session, trip.integration.id, Vendor.PLOOMES, trip.set_of(Vendor.PLOOMES))
        return whole is not None and self._clock.now() - whole < PAGE_ROW

    async def verified(
        self, trip: Trip, vendor: Vendor, external_id: str, key: str, by_id: Key | None = None
    ) -> Record | None:
        """A record that the index or a search named, read and held in its lane, if it still carries the key (or the
        id)."""
        await trip.lease.take([trip.lane(vendor, external_id)])
        record = await self._reading.record(trip, vendor, external_id)
        if record is None:
            await self.forget(trip, vendor, external_id)
            return None
        await self.remember(trip, record)
        if not trip.rules.recognisable(vendor, record.data, trip.refs):
            return None  # the index knows less than the record: it may be another integration's
        if _carries(record, by_id):
            return record
        side = await self._agreement.side(trip, record)
        return record if side.values.get(trip.rules.KEY) == key else None

    async def foreign(self, trip: Trip) -> Record | None:
        """A foreign client has no document: in Ploomes the Omie id of an earlier, unfinished create tells it."""
        key = self.by_id(trip)
        found = await self._search(trip, key) if key is not None else []
        return found[0] if found else None

    async def _search(self, trip: Trip, key: Key) -> list[Record]:
        """Records in Ploomes with a key, asked for beside one known to live: an empty answer alone does not count."""
        set_name = trip.set_of(Vendor.PLOOMES)
        async with self._db.read() as session:
            controls = await known.living(session, trip.integration.id, Vendor.PLOOMES, set_name, CONTROLS)

        async def gone(external_id: str) -> None:
            await self.forget(trip, Vendor.PLOOMES, external_id)

        return await find_beside_living(trip.ploomes, set_name, key, controls, gone)

    async def forget(self, trip: Trip, vendor: Vendor, external_id: str) -> None:
        """Takes a record that is gone out of our index; it is no twin and no control any more."""
        async with self._db.transaction() as session:
            await known.mark_gone(
                session, trip.integration.id, vendor, trip.set_of(vendor), external_id, self._clock.now()
            )

    async def remember(self, trip: Trip, *records: Record) -> None:
        """Puts records just read into our index."""
        async with self._db.transaction() as session:
            await known.upsert(session, trip.integration.id, [known.known_of(r) for r in records], self._clock.now())


def _carries(record: Record, by_id: Key | None) -> bool:
    """Whether a record of Ploomes has an id in the custom field that the key names."""
    return by_id is not None and any(
        row.get("FieldKey") == by_id.within["field"] and str(row.get("StringValue") or "") == by_id.value
        for row in record.data.get("OtherProperties") or ()
    )
