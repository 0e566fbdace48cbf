"""Look-ups the converters need: people, places, markers. Kept in known_records, loaded once, asked for when missing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import select, tuple_

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.ports import Gateway, Key, Record, Vendor
from app.sync.auxiliaries import Auxiliaries, contact_tag
from app.sync.config.document import Config
from app.sync.config.sharing import id_keys, neighbours
from app.sync.families import FAMILY_GROUPS, Families
from app.sync.lanes import Lanes
from app.sync.lookups import known
from app.sync.lookups import mapped as mapped_refs
from app.sync.lookups.living import Search
from app.sync.lookups.sets import Sets
from app.sync.lookups.snapshots import build, city_key
from app.sync.mapping.fields import MissingReference, Refs
from app.sync.mapping.places import fold
from app.sync.models import Event, Integration, KnownRecord
from app.sync.setup.option_tables import ensure_option

SETS: tuple[tuple[Vendor, str], ...] = (
    (Vendor.OMIE, "sellers"),
    (Vendor.OMIE, "countries"),
    (Vendor.PLOOMES, "users"),
    (Vendor.PLOOMES, "statuses"),
    (Vendor.PLOOMES, "phone_types"),
    (Vendor.PLOOMES, "states"),
    (Vendor.PLOOMES, "countries"),
    (Vendor.PLOOMES, "tags"),
)
"""Small sets that are read whole."""
CITIES = ((Vendor.OMIE, "cities"), (Vendor.PLOOMES, "cities"))
"""Asked for one by one: Brazil has thousands."""
GROUPS = ((Vendor.OMIE, FAMILY_GROUPS),)
"""Kept by `families.py`."""

LATELY_SECONDS = 120.0
USERS_SECONDS = 600.0
"""How old the list of Ploomes' users may be: no webhook tells of them. Omie tells of its sellers."""
PEOPLE = {Vendor.OMIE: "sellers", Vendor.PLOOMES: "users"}

_FRESH_SECONDS = 20.0


class References:
    """Snapshots of look-ups by integration, and the way to mend a missing one."""

    def __init__(self, db: Database, clock: Clock, lanes: Lanes) -> None:
        self._db = db
        self._clock = clock
        self._lanes = lanes
        self._sets = Sets(db, clock)
        self._auxiliaries = Auxiliaries(db, clock, lanes)
        self._families = Families(db, clock, self._auxiliaries, self.read_anew)
        self._cache: dict[int, tuple[float, int, Refs]] = {}
        self._config: dict[int, Config] = {}
        """The configuration each snapshot was last asked for with."""
        self._turns: dict[int, asyncio.Lock] = {}
        self._forgotten: dict[int, int] = {}
        """How often each was forgotten: a snapshot read before the last time is not kept."""
        self._finders: Mapping[str, Callable[[Search], Awaitable[None]]] = {
            "seller": self._seller,
            "user": self._user,
            "city_id": self._city_of_id,
            "city": self._city_of_key,
            "omie_city": self._city_in_omie,
            "tag_id": self._tag_name,
            "tag": self._tag,
            "group": self._families.default_group,
            "family": self._families.group_of_family,
            "option": self._option,
            "option_id": self._option_id,
        }
        """How each kind of missing look-up is found, and put into the search's `refs`."""

    def forget(self, integration_id: int) -> None:
        """Makes the next snapshot a fresh one (a seller changed, a crawl ended)."""
        self._cache.pop(integration_id, None)
        self._forgotten[integration_id] = self._forgotten.get(integration_id, 0) + 1

    async def of(
        self,
        integration: Integration,
        config: Config,
        omie: Gateway,
        ploomes: Gateway,
        custom_fields: str | None = None,
    ) -> Refs:
        """A snapshot for one record's road; a set that was never read is read now. `custom_fields` says whose keys of
        custom fields it holds, in the words of `integrations.provisioned`."""
        self._config[integration.id] = config
        async with self._turns.setdefault(integration.id, asyncio.Lock()):  # one load, however many ask
            cached = self._cache.get(integration.id)
            version = integration.config_version  # pairs made by hand are in the configuration
            if cached is None or cached[1] != version or self._clock.time() - cached[0] >= _FRESH_SECONDS:
                before = self._forgotten.get(integration.id, 0)
                cached = (self._clock.time(), version, await self._fresh(integration, config, omie, ploomes))
                if self._forgotten.get(integration.id, 0) == before:
                    self._cache[integration.id] = cached
        made = integration.provisioned
        return replace(
            cached[2],
            field_keys={
                name: by_set[custom_fields]
                for name, by_set in made.get("fields", {}).items()
                if custom_fields is not None and by_set.get(custom_fields)
            },
            groups_from_family=config.products.groups_from_family,
            families={name: str(family) for name, family in made.get("families", {}).items()},
            product_markers={word: str(marker) for word, marker in made.get("markers", {}).items()},
        )

    async def _fresh(self, integration: Integration, config: Config, omie: Gateway, ploomes: Gateway) -> Refs:
        rows = await self._rows(integration.id)
        if not any(row.entity == "statuses" for row in rows):
            await self.load(integration, omie, ploomes)
            rows = await self._rows(integration.id)
        elif not await self._sets.lately(integration.id, Vendor.PLOOMES, "users", USERS_SECONDS):
            with suppress(Postponed, VendorError):  # those we know will do until the next look
                await self._sets.read(integration.id, Vendor.PLOOMES, "users", ploomes)
                rows = await self._rows(integration.id)
        refs = build(rows, config)
        await self._read_mapped(integration, config, omie, ploomes)
        await self._put_mapped(integration.id, config, refs)
        async with self._db.read() as session:
            rivals = await neighbours(session, integration, integration.ploomes_account_id)
        refs.rival_keys = frozenset().union(*(id_keys(rival) for rival in rivals))
        return refs

    async def _read_mapped(self, integration: Integration, config: Config, omie: Gateway, ploomes: Gateway) -> None:
        """What mapped fields look up, anew where it is old; what we know will do while a vendor does not answer."""
        for vendor, entity, seconds in mapped_refs.sets_of(config):
            if not await self._sets.lately(integration.id, vendor, entity, seconds):
                with suppress(Postponed, VendorError):
                    await self._sets.read(integration.id, vendor, entity, omie if vendor is Vendor.OMIE else ploomes)

    async def _put_mapped(self, integration_id: int, config: Config, refs: Refs) -> None:
        sets = [(vendor.value, entity) for vendor, entity, _ in mapped_refs.sets_of(config)]
        if not sets:
            return
        async with self._db.read() as session:
            whole = await known.whole_at(session, integration_id, Vendor.PLOOMES, "fields")
            rows = await known.of_sets(session, integration_id, sets)
        mapped_refs.apply(rows, config, refs, whole=whole is not None)

    async def load(
        self,
        integration: Integration,
        omie: Gateway,
        ploomes: Gateway,
        sets: Sequence[tuple[Vendor, str]] = SETS,
    ) -> None:
        """Reads small sets of both vendors (all of them, unless told) into known_records, except those read whole a
        moment ago: a limit in the middle postpones the rest, and Omie would refuse the same lists again within a
        minute."""
        for vendor, entity in sets:
            await self.read_anew(integration, vendor, entity, omie if vendor is Vendor.OMIE else ploomes)
        self.forget(integration.id)

    async def read_anew(self, integration: Integration, vendor: Vendor, entity: str, gateway: Gateway) -> None:
        """Reads a small set whole, unless that was just done. Raises Postponed, VendorError."""
        if not await self._sets.lately(integration.id, vendor, entity, LATELY_SECONDS):
            await self._sets.read(integration.id, vendor, entity, gateway)

    async def options_anew(self, integration: Integration, refs: Refs) -> None:
        """Puts the options of mapped fields into a snapshot as they are known now, by any process."""
        await self._put_mapped(integration.id, self._config[integration.id], refs)
        self.forget(integration.id)

    async def seek_user(self, integration: Integration, seller: str, ploomes: Gateway) -> None:
        """Asks Ploomes for the user with a seller's e-mail: he may be newer than our list, and no webhook tells."""
        async with self._db.read() as session:
            row = await known.get(session, integration.id, Vendor.OMIE, "sellers", seller)
        if row is not None and row.natural_key:
            await self._store(integration.id, *await ploomes.find("users", Key("email", row.natural_key)))
            self.forget(integration.id)

    async def resolve(
        self,
        integration: Integration,
        missing: MissingReference,
        refs: Refs,
        omie: Gateway,
        ploomes: Gateway,
        event: Event | None = None,
    ) -> None:
        """Finds (or, for a marker or an option, creates) what a converter missed and puts it into `refs`; not there
        is None. `event` is the cause of what has to be created."""
        await self._finders[missing.kind](Search(integration, missing.key, refs, omie, ploomes, event))

    async def _seller(self, search: Search) -> None:
        search.refs.sellers[search.key] = await self._person(search, "sellers", search.omie)

    async def _user(self, search: Search) -> None:
        search.refs.users[search.key] = await self._person(search, "users", search.ploomes)

    async def _person(self, search: Search, entity: str, gateway: Gateway) -> bool:
        """Whether somebody is active; a person just met is paired too."""
        record = await self._fetch(search.integration, gateway, entity, search.key)
        person = known.known_of(record) if record is not None else None
        if person is not None:
            await self._pair(search.integration.id, person, search.refs)
        self.forget(search.integration.id)
        return person is not None and person.active

    async def _option(self, search: Search) -> None:
        await self._read_options(search)
        field, _, value = search.key.partition(":")
        search.refs.options.setdefault(field, {}).setdefault(value, None)

    async def _option_id(self, search: Search) -> None:
        """A code that Omie lists and no option stands for gets one."""
        await self._read_options(search)
        field, _, value = search.key.partition(":")
        if search.refs.option_ids.get(field, {}).get(value) is None:
            integration, config = search.integration, self._config[search.integration.id]
            name = await self._name_of_code(integration.id, config, field, value)
            if name is not None:
                event_id = search.event.id if search.event is not None else None
                await ensure_option(
                    self._clock,
                    self._db,
                    self._lanes,
                    integration,
                    config,
                    search.ploomes,
                    field,
                    value,
                    name,
                    event_id,
                )
                await self._put_mapped(integration.id, config, search.refs)
        search.refs.option_ids.setdefault(field, {}).setdefault(value, None)

    async def _read_options(self, search: Search) -> None:
        """An option nobody told us of: the field's table, and Omie's list, are read again if that was not just done."""
        integration = search.integration
        config = self._config[integration.id]
        for vendor, entity, _ in mapped_refs.sets_of(config):
            gateway = search.omie if vendor is Vendor.OMIE else search.ploomes
            await self.read_anew(integration, vendor, entity, gateway)
        await self._put_mapped(integration.id, config, search.refs)
        self.forget(integration.id)

    async def _name_of_code(self, integration_id: int, config: Config, field: str, code: str) -> str | None:
        """What Omie calls a code of a field's list; None when it lists no such code."""
        sets = [(vendor.value, entity) for vendor, entity, _ in mapped_refs.sets_of(config)]
        async with self._db.read() as session:
            rows = await known.of_sets(session, integration_id, sets)
        return mapped_refs.name_of_code(rows, config, field, code)

    async def _city_of_id(self, search: Search) -> None:
        record = await self._fetch(search.integration, search.ploomes, "cities", search.key)
        self._learn_city(record, search.key, search.refs)

    async def _city_of_key(self, search: Search) -> None:
        found = await self._city(search.integration, search.key, search.refs, search.ploomes)
        search.refs.city_ids[search.key] = found

    async def _city_in_omie(self, search: Search) -> None:
        search.refs.omie_cities[search.key] = await self._omie_city(search.integration, search.key, search.omie)

    async def _tag_name(self, search: Search) -> None:
        record = await self._fetch(search.integration, search.ploomes, "tags", search.key)
        search.refs.tag_names[search.key] = str(record.data.get("Name") or "") or None if record else None

    async def _tag(self, search: Search) -> None:
        named = contact_tag(search.key)
        marker = await self._auxiliaries.ensure(search.integration, named, search.event, search.ploomes)
        search.refs.tag_ids[search.key.casefold()] = marker.id
        self.forget(search.integration.id)

    async def _pair(self, integration_id: int, person: known.Known, refs: Refs) -> None:
        """Takes somebody just met into the pairs of a snapshot; pairs by hand are in it already."""
        if not person.natural_key:
            return
        other = person.vendor.other
        async with self._db.read() as session:
            found = await known.find(session, integration_id, other, PEOPLE[other], person.natural_key)
        for row in sorted(found, key=lambda row: not row.active)[:1]:
            pair = {person.vendor: person.external_id, other: row.external_id}
            refs.user_of_seller.setdefault(pair[Vendor.OMIE], pair[Vendor.PLOOMES])
            refs.seller_of_user.setdefault(pair[Vendor.PLOOMES], pair[Vendor.OMIE])

    async def _city(self, integration: Integration, key: str, refs: Refs, ploomes: Gateway) -> str | None:
        if key.isdigit():
            found = await ploomes.find("cities", Key("ibge", key))
        else:
            name, _, uf = key.rpartition("/")
            within = {"state_id": refs.states[uf]} if uf in refs.states else {}
            found = [
                r
                for r in await ploomes.find("cities", Key("name", name, within))
                if fold(str(r.data.get("Name"))) == fold(name)
            ]
        if not found:
            return None
        # people may add a city twice; the one with an IBGE code is the official one (reference 3.9)
        best = max(found, key=lambda r: (bool(r.data.get("IBGECode")), -int(r.id)))
        await self._store(integration.id, best)
        self._learn_city(best, best.id, refs)
        return best.id

    async def _omie_city(self, integration: Integration, key: str, omie: Gateway) -> str | None:
        """The IBGE code of `NAME/UF` in Omie. The answer is kept for good, above all "not there": asking counts there
        as an error each time."""
        name, _, uf = key.rpartition("/")
        found = await omie.find("cities", Key("name", name, {"uf": uf}))
        code = next((str(r.data["nCodIBGE"]) for r in found if r.data.get("nCodIBGE")), None)
        async with self._db.transaction() as session:
            row = known.Known(Vendor.OMIE, "cities", key[:80], natural_key=code, name=key)
            await known.upsert(session, integration.id, [row], self._clock.now())
        return code

    async def _fetch(self, integration: Integration, gateway: Gateway, entity: str, key: str) -> Record | None:
        record = await gateway.fetch(entity, key)
        if record is not None:
            await self._store(integration.id, record)
        return record

    async def _store(self, integration_id: int, *records: Record) -> None:
        async with self._db.transaction() as session:
            await known.upsert(session, integration_id, [known.known_of(r) for r in records], self._clock.now())

    async def _rows(self, integration_id: int) -> list[KnownRecord]:
        wanted = tuple((vendor.value, entity) for vendor, entity in (*SETS, *CITIES, *GROUPS))
        query = (
            select(KnownRecord)
            .where(
                KnownRecord.integration_id == integration_id,
                tuple_(KnownRecord.vendor, KnownRecord.entity).in_(wanted),
                KnownRecord.gone_at.is_(None),
            )
            .order_by(KnownRecord.id)
        )
        async with self._db.read() as session:
            return list((await session.execute(query)).scalars())

    @staticmethod
    def _learn_city(record: Record | None, key: str, refs: Refs) -> None:
        place = (
            city_key(record.data.get("IBGECode"), record.data.get("Name"), record.data.get("StateId"), refs)
            if record
            else None
        )
        refs.city_keys[key] = place
        if place and record:
            refs.city_ids[place] = record.id
