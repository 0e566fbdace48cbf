"""Families that were renamed, merged or removed in Omie, where no webhook tells of them: groups in Ploomes follow.

A group is renamed while it stands for one family alone. A family whose group no longer fits, or that is gone, gets
another group: its products lose their agreement about it and are looked at again. A group that we made for it and that
holds no product any more is deleted.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, JsonObject, Key, Kind, Priority, Vendor
from app.sync import inbox
from app.sync.auxiliaries import Auxiliaries
from app.sync.config.store import ConfigStore
from app.sync.families import DEFAULT, FAMILY_GROUPS, MADE_GROUPS, group_name
from app.sync.intake import RUNNING
from app.sync.lanes import Lanes
from app.sync.links import LIVING
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.models import EventSource, Integration, KnownRecord, Link
from app.sync.vendors import Gateways

SECONDS = 3600.0
"""How often families are looked at: a list of hundreds costs a request per hundred, and a new one is found at once."""
BATCH = 500
TOPIC = "families"
FORGOTTEN_SECONDS = 30.0
"""Until every process has forgotten which group stood for a family."""

UNUSED = "unused"
"""In the data of a group that we made: since when no family needs it, epoch seconds."""

_log = get_logger(__name__)


class FamilyChanges:
    """Looks at the families of every running integration."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        lanes: Lanes,
        gateways: Gateways,
        configs: ConfigStore,
        references: References,
    ) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs
        self._references = references
        self._auxiliaries = Auxiliaries(db, clock, lanes)

    async def sweep(self) -> None:
        """One look at each integration; a vendor in the way is asked again next time."""
        async with self._db.read() as session:
            rows = list(await session.scalars(select(Integration).where(Integration.state.in_(RUNNING))))
        for integration in rows:
            try:
                await self.follow(integration)
            except (Postponed, VendorError, LaneBusy, LeaseLost) as error:
                _log.info("families not followed now", integration=integration.id, problem=type(error).__name__)

    async def follow(self, integration: Integration) -> None:
        """Brings groups and products of one integration in line with Omie's families. Raises Postponed, VendorError,
        LaneBusy."""
        config = await self._configs.get(integration.id)
        async with self._db.read() as session:
            kept = await known.everything(session, integration.id, Vendor.OMIE, FAMILY_GROUPS)
            made = await known.everything(session, integration.id, Vendor.PLOOMES, MADE_GROUPS)
        kept = [row for row in kept if not row.external_id.startswith(DEFAULT)]
        if not (kept or made) or not (config.entities.products and config.products.groups_from_family):
            return
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        await self._references.read_anew(integration, Vendor.OMIE, "families", omie)
        await self._references.read_anew(integration, Vendor.PLOOMES, "groups", ploomes)
        async with self._db.read() as session:
            families = await _by_id(session, integration.id, Vendor.OMIE, "families")
            groups = await _by_id(session, integration.id, Vendor.PLOOMES, "groups")
        for row in kept:
            family, group = families.get(row.external_id), groups.get(str(row.natural_key))
            shared = [other for other in kept if other.natural_key == row.natural_key and other is not row]
            if family is None or group is None or not family.name:
                await self._refile(integration, row)
            elif group.name != group_name(family.name):
                if shared or _is_name_of(groups, family.name, group):
                    await self._refile(integration, row)
                else:
                    await self._rename(integration, row, family.name, ploomes)
        self._references.forget(integration.id)
        await self._drop_emptied(integration, made, groups, ploomes)

    async def _rename(self, integration: Integration, row: KnownRecord, name: str, ploomes: Gateway) -> None:
        group = str(row.natural_key)
        await self._auxiliaries.rename(integration, "groups", group, group_name(name), ploomes)
        async with self._db.transaction() as session:
            fresh = known.Known(Vendor.OMIE, FAMILY_GROUPS, row.external_id, natural_key=group, name=name)
            await known.upsert(session, integration.id, [fresh], self._clock.now())

    async def _refile(self, integration: Integration, row: KnownRecord) -> None:
        """Forgets which group stood for a family, and has its products looked at again."""
        async with self._db.transaction() as session:
            now = self._clock.now()
            await known.mark_gone(session, integration.id, Vendor.OMIE, FAMILY_GROUPS, row.external_id, now)
        self._references.forget(integration.id)
        after = 0
        while True:
            async with self._db.transaction() as session:
                links = await _products_after(session, integration.id, after)
                for link in links:
                    if link.omie_base.get("group") == row.external_id:
                        await self._look_again(session, link)
            if not links:
                return
            after = links[-1].id

    async def _drop_emptied(
        self, integration: Integration, made: Sequence[KnownRecord], groups: dict[str, KnownRecord], ploomes: Gateway
    ) -> None:
        """Deletes groups that we made and that no family has needed for a while, unless a product is in them: an empty
        answer counts beside a product known to live."""
        async with self._db.read() as session:
            living = await known.everything(session, integration.id, Vendor.OMIE, FAMILY_GROUPS)
            controls = await known.living(session, integration.id, Vendor.PLOOMES, "products", 1)
        used = {row.natural_key for row in living}
        for row in made:
            group, since = row.external_id, float(row.data.get(UNUSED) or self._clock.time())
            if group in used:
                await self._note(integration, row, {})
            elif group in groups and (not controls or self._clock.time() - since < 2 * FORGOTTEN_SECONDS):
                await self._note(integration, row, {UNUSED: since})
            elif group not in groups or not await ploomes.find("products", Key("group_id", group), control=controls[0]):
                if group in groups:
                    await self._drop(integration, group, ploomes)
                async with self._db.transaction() as session:
                    await known.forget_one(session, integration.id, Vendor.PLOOMES, MADE_GROUPS, group)

    async def _note(self, integration: Integration, row: KnownRecord, data: JsonObject) -> None:
        """Remembers since when nobody needs a group."""
        if row.data == data:
            return
        fresh = known.Known(Vendor.PLOOMES, MADE_GROUPS, row.external_id, name=row.name, data=data)
        async with self._db.transaction() as session:
            await known.upsert(session, integration.id, [fresh], self._clock.now())

    async def _drop(self, integration: Integration, group: str, ploomes: Gateway) -> None:
        try:
            await self._auxiliaries.remove(integration, "groups", group, ploomes)
        except VendorError as error:
            if not error.permanent:
                raise
            _log.info("empty group kept", integration=integration.id, group=group, problem=error.text)

    async def _look_again(self, session: AsyncSession, link: Link) -> None:
        link.omie_base = {name: value for name, value in link.omie_base.items() if name != "group"}
        link.ploomes_base = {name: value for name, value in link.ploomes_base.items() if name != "group"}
        link.version += 1
        now = self._clock.now()
        await inbox.enqueue(
            session, integration_id=link.integration_id, vendor=Vendor.OMIE.value, entity=link.entity,
            external_id=link.omie_id, kind=Kind.CHANGED.value, topic=TOPIC, source=EventSource.DEPENDENCY.value,
            priority=Priority.BULK, due_at=now.timestamp() + FORGOTTEN_SECONDS, now=now,
        )  # fmt: skip


async def _by_id(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str) -> dict[str, KnownRecord]:
    return {row.external_id: row for row in await known.everything(session, integration_id, vendor, entity)}


async def _products_after(session: AsyncSession, integration_id: int, after: int) -> Sequence[Link]:
    query = select(Link).where(
        Link.integration_id == integration_id, Link.entity == "products", Link.state.in_(LIVING), Link.id > after
    )
    return list(await session.scalars(query.order_by(Link.id).limit(BATCH)))


def _is_name_of(groups: dict[str, KnownRecord], name: str, but: KnownRecord) -> bool:
    """Whether another group of the same family of Ploomes carries a name already: two families became one."""
    return any(
        group.name == group_name(name) and group.data.get("FamilyId") == but.data.get("FamilyId")
        for group in groups.values()
        if group is not but
    )
