"""Families of Omie as groups of products in Ploomes: found or made when a product needs one (F093-F095, F098).

Which group stands for which family is kept in our index (`family_groups`): several families may share a name, and so
a group. What changes later is followed by `family_changes.py`.
"""

from collections.abc import Awaitable, Callable

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import Gateway, Vendor
from app.sync.auxiliaries import Auxiliaries, product_group
from app.sync.lookups import known
from app.sync.lookups.living import Search
from app.sync.mapping.fields import Refs
from app.sync.mapping.goods import PRODUCTS_FAMILY
from app.sync.mapping.places import fold
from app.sync.models import Integration, KnownRecord

FAMILY_GROUPS = "family_groups"
"""Index set under Omie: family code -> group id as natural key, and the family's name then."""
MADE_GROUPS = "made_groups"
"""Index set under Ploomes: groups that we made, by id. One that is left empty goes again."""
DEFAULT = "default:"
"""Before the name of a family of Ploomes: the group in it for what has no family in Omie."""
NAME_SIZE = 200
"""Characters that Ploomes takes."""

ReadAnew = Callable[[Integration, Vendor, str, Gateway], Awaitable[None]]


class Families:
    """Answers which group a product belongs to."""

    def __init__(self, db: Database, clock: Clock, auxiliaries: Auxiliaries, read_anew: ReadAnew) -> None:
        self._db = db
        self._clock = clock
        self._auxiliaries = auxiliaries
        self._read_anew = read_anew

    async def default_group(self, search: Search) -> None:
        """The group named like its family of Ploomes; `search.key` names the family."""
        await self._put(search, f"{DEFAULT}{search.key}", search.key, search.key)

    async def group_of_family(self, search: Search) -> None:
        """The group named like a family of Omie; `search.key` is its code. A family that Omie does not know (any
        more) is none."""
        name = await self._family_name(search)
        if name is not None:
            await self._put(search, search.key, name, PRODUCTS_FAMILY)
            return
        if PRODUCTS_FAMILY not in search.refs.default_groups:
            await self._put(search, f"{DEFAULT}{PRODUCTS_FAMILY}", PRODUCTS_FAMILY, PRODUCTS_FAMILY)
        search.refs.group_of_family[search.key] = search.refs.default_groups[PRODUCTS_FAMILY]

    async def _family_name(self, search: Search) -> str | None:
        family = await self._family(search)
        if family is None or family.gone_at is not None:
            await self._read_anew(search.integration, Vendor.OMIE, "families", search.omie)
            family = await self._family(search)
        if family is None:
            await self._ask(search)
            family = await self._family(search)
        return family.name if family is not None and family.gone_at is None else None

    async def _family(self, search: Search) -> KnownRecord | None:
        async with self._db.read() as session:
            return await known.get(session, search.integration.id, Vendor.OMIE, "families", search.key)

    async def _ask(self, search: Search) -> None:
        """A family that no list told of may be newer than the list. What Omie does not know is asked for only once."""
        record = await search.omie.fetch("families", search.key)
        row = known.known_of(record) if record is not None else known.Known(Vendor.OMIE, "families", search.key)
        async with self._db.transaction() as session:
            await known.upsert(session, search.integration.id, [row], self._clock.now(), gone=record is None)

    async def _put(self, search: Search, key: str, name: str, family: str) -> None:
        """Finds or makes a group, and remembers for whom."""
        family_id = search.refs.families.get(family)
        if family_id is None:
            put_group(search.refs, key, "")
            return
        named = product_group(group_name(name), family_id)
        # two families whose names are one but for case or accents: whoever is second finds the group of the first
        async with self._auxiliaries.alone(search.integration, named):
            group, made = await self._known_group(search, name, family_id), False
            if group is None:
                found, made = await self._auxiliaries.ensured(search.integration, named, search.event, search.ploomes)
                group = found.id
            rows = [known.Known(Vendor.OMIE, FAMILY_GROUPS, key, natural_key=group, name=name)]
            if made:
                rows.append(known.Known(Vendor.PLOOMES, MADE_GROUPS, group, name=name))
            async with self._db.transaction() as session:
                await known.upsert(session, search.integration.id, rows, self._clock.now())
        put_group(search.refs, key, group)

    async def _known_group(self, search: Search, name: str, family_id: str) -> str | None:
        await self._read_anew(search.integration, Vendor.PLOOMES, "groups", search.ploomes)
        async with self._db.read() as session:
            groups = await known.everything(session, search.integration.id, Vendor.PLOOMES, "groups")
        mine = [row for row in groups if str(row.data.get("FamilyId")) == family_id]
        return next((row.external_id for row in mine if fold(row.name or "") == fold(group_name(name))), None)


def group_name(family: str) -> str:
    """A family's name as a group has it. Pure."""
    return family[:NAME_SIZE].rstrip()


def put_group(refs: Refs, key: str, group: str) -> None:
    """Puts a group into a snapshot under the key it is kept by. Pure."""
    if key.startswith(DEFAULT):
        refs.default_groups[key.removeprefix(DEFAULT)] = group
    else:
        refs.group_of_family[key] = group
