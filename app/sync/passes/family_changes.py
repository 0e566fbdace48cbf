"""Families that were renamed, merged or removed in Omie, where no webhook tells of them: groups in Ploomes follow.

A group is renamed while it stands for one family alone: one that another family, another company of the account or
what has no family shares is nobody's to rename, and differs only by more than case and accents. A family whose group no
longer fits, or that is gone, gets another group: its products lose their agreement about it and are looked at again.
So are those of the group of what has no family, when a person deleted it, and what Ploomes refused meanwhile. A group
that we made for a family and that holds no product any more is deleted.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, JsonObject, Key, Kind, Priority, Vendor
from app.sync import inbox, issues, journal, links
from app.sync.auxiliaries import Auxiliaries
from app.sync.config.sharing import neighbours
from app.sync.config.store import ConfigStore
from app.sync.families import DEFAULT, FAMILY_GROUPS, MADE_GROUPS, group_name
from app.sync.intake import RUNNING
from app.sync.lanes import Lanes
from app.sync.links import LIVING
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.mapping.fields import Values
from app.sync.mapping.places import fold
from app.sync.models import EventSource, Integration, KnownRecord, Link
from app.sync.vendors import Gateways, one_page

SECONDS = 3600.0
"""How often families are looked at: a list of hundreds costs a request per hundred, and a new one is found at once."""
BATCH = 500
TOPIC = "families"
FORGOTTEN_SECONDS = 30.0
"""Until every process has forgotten which group stood for a family."""
EMPTY_SECONDS = 5.0
"""After a list of groups that was empty it is asked for once more."""
FILED = ("products", "services")
"""What lies in groups of Ploomes."""

REFILING = "refiling"
"""Index set: what a vendor's half of the base says of the pairs that are being looked at again."""
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
            begun = await known.of_sets(session, integration.id, [(vendor.value, REFILING) for vendor in Vendor])
            kept = await known.everything(session, integration.id, Vendor.OMIE, FAMILY_GROUPS)
            made = await known.everything(session, integration.id, Vendor.PLOOMES, MADE_GROUPS)
            elsewhere = await _groups_elsewhere(session, integration)
        for row in begun:  # by a process that died
            await self._look_at_filed(integration, Vendor(row.vendor), row.external_id)
        if not (kept or made) or not (config.entities.products or config.entities.services):
            return
        omie, ploomes = self._gateways.open(integration, Priority.BULK)
        groups = await self._groups(integration, ploomes)
        for row in kept:
            if row.external_id.startswith(DEFAULT) and str(row.natural_key) not in groups:
                await self._refile(integration, row, Vendor.PLOOMES, str(row.natural_key))
        if config.entities.products and config.products.groups_from_family:
            await self._follow_families(integration, kept, groups, elsewhere, omie, ploomes)
        await self._retry_refused(integration, groups)
        self._references.forget(integration.id)
        await self._drop_emptied(integration, made, groups, elsewhere, ploomes)

    async def _groups(self, integration: Integration, ploomes: Gateway) -> dict[str, KnownRecord]:
        """The groups of the account by id. That there is none left is believed when Ploomes says so twice."""
        await self._references.read_anew(integration, Vendor.PLOOMES, "groups", ploomes)
        async with self._db.read() as session:
            groups = await _by_id(session, integration.id, Vendor.PLOOMES, "groups")
            read_at = await known.whole_at(session, integration.id, Vendor.PLOOMES, "groups")
        if not groups or read_at is None or any(row.seen_at >= read_at for row in groups.values()):
            return groups
        await self._clock.sleep(EMPTY_SECONDS)
        if (await one_page(ploomes, "groups")).records:
            return groups
        async with self._db.transaction() as session:
            await known.mark_unseen_gone(
                session, integration.id, Vendor.PLOOMES, "groups", seen_before=read_at, at=self._clock.now()
            )
        return {}

    async def _follow_families(
        self,
        integration: Integration,
        kept: Sequence[KnownRecord],
        groups: Mapping[str, KnownRecord],
        elsewhere: Collection[str],
        omie: Gateway,
        ploomes: Gateway,
    ) -> None:
        mine = [row for row in kept if not row.external_id.startswith(DEFAULT)]
        if not mine:
            return
        await self._references.read_anew(integration, Vendor.OMIE, "families", omie)
        async with self._db.read() as session:
            families = await _by_id(session, integration.id, Vendor.OMIE, "families")
        users = Counter(row.natural_key for row in kept) + Counter(elsewhere)
        for row in mine:
            family, group = families.get(row.external_id), groups.get(str(row.natural_key))
            if family is None or group is None or not family.name:
                fits, crowded = False, True
            else:
                crowded = users[row.natural_key] > 1 or _has_namesake(groups, family.name, group)
                fits = _fits(group, family.name, crowded=crowded)
            if not fits and crowded:
                await self._refile(integration, row, Vendor.OMIE, row.external_id)
            elif not fits and family is not None:
                await self._rename(integration, row, str(family.name), ploomes)

    async def _rename(self, integration: Integration, row: KnownRecord, name: str, ploomes: Gateway) -> None:
        group = str(row.natural_key)
        await self._auxiliaries.rename(integration, "groups", group, group_name(name), ploomes)
        async with self._db.transaction() as session:
            fresh = known.Known(Vendor.OMIE, FAMILY_GROUPS, row.external_id, natural_key=group, name=name)
            await known.upsert(session, integration.id, [fresh], self._clock.now())

    async def _refile(self, integration: Integration, row: KnownRecord, vendor: Vendor, held: str) -> None:
        """Forgets which group stood for a family, and has the pairs looked at again whose half of the base says so.

        That they have to be is remembered in the same commit: whatever ends this work midway, the next look goes on.
        """
        async with self._db.transaction() as session:
            now = self._clock.now()
            await known.mark_gone(session, integration.id, Vendor.OMIE, FAMILY_GROUPS, row.external_id, now)
            await known.upsert(session, integration.id, [known.Known(vendor, REFILING, held)], now)
        self._references.forget(integration.id)
        await self._look_at_filed(integration, vendor, held)

    async def _look_at_filed(self, integration: Integration, vendor: Vendor, held: str) -> None:
        """Has every pair looked at again whose half of the base holds a family or group; a second time does no harm."""
        after = 0
        while True:
            async with self._db.read() as session:
                found = await _filed_after(session, integration.id, after)
            for link in found:
                if _base(link, vendor).get("group") == held:
                    await self._agree_anew(link.id, vendor, held)
            if not found:
                break
            after = found[-1].id
        async with self._db.transaction() as session:
            await known.forget_one(session, integration.id, vendor, REFILING, held)

    async def _retry_refused(self, integration: Integration, groups: Collection[str]) -> None:
        """What Ploomes refused when it was told to lie in a group that is gone is looked at again."""
        for entity in FILED:
            async with self._db.transaction() as session:
                for issue in await issues.open_refusals(session, integration.id, entity):
                    omie_id = issue.external_id
                    if issue.vendor == Vendor.PLOOMES:
                        link = await links.find(session, integration.id, entity, Vendor.PLOOMES, str(omie_id))
                        omie_id = link.omie_id if link is not None else None
                    last = omie_id and await journal.refused(session, integration.id, entity, Vendor.OMIE, omie_id)
                    group = last.after.get("group") if last else None
                    if omie_id and group and str(group) not in groups:
                        await self._look_again(session, integration.id, entity, omie_id)

    async def _drop_emptied(
        self,
        integration: Integration,
        made: Sequence[KnownRecord],
        groups: Mapping[str, KnownRecord],
        elsewhere: Collection[str],
        ploomes: Gateway,
    ) -> None:
        """Deletes groups that we made and that no family has needed for a while, unless a product is in them: an empty
        answer counts beside a product known to live."""
        async with self._db.read() as session:
            living = await known.everything(session, integration.id, Vendor.OMIE, FAMILY_GROUPS)
            controls = await known.living(session, integration.id, Vendor.PLOOMES, "products", 1)
        used = {row.natural_key for row in living} | set(elsewhere)
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

    async def _agree_anew(self, link_id: int, vendor: Vendor, held: str) -> None:
        """One pair a transaction, locked: a worker may write another base of it at this moment."""
        async with self._db.transaction() as session:
            link = await session.get_one(Link, link_id, with_for_update=True)
            if _base(link, vendor).get("group") != held:
                return
            link.omie_base = {name: value for name, value in link.omie_base.items() if name != "group"}
            link.ploomes_base = {name: value for name, value in link.ploomes_base.items() if name != "group"}
            link.version += 1
            await self._look_again(session, link.integration_id, link.entity, link.omie_id)

    async def _look_again(self, session: AsyncSession, integration_id: int, entity: str, omie_id: str) -> None:
        now = self._clock.now()
        await inbox.enqueue(
            session, integration_id=integration_id, vendor=Vendor.OMIE.value, entity=entity, external_id=omie_id,
            kind=Kind.CHANGED.value, topic=TOPIC, source=EventSource.DEPENDENCY.value, priority=Priority.BULK,
            due_at=now.timestamp() + FORGOTTEN_SECONDS, now=now,
        )  # fmt: skip


async def _by_id(session: AsyncSession, integration_id: int, vendor: Vendor, entity: str) -> dict[str, KnownRecord]:
    return {row.external_id: row for row in await known.everything(session, integration_id, vendor, entity)}


async def _groups_elsewhere(session: AsyncSession, integration: Integration) -> set[str]:
    """Groups that stand for a family of another company of the account, or for what has none there."""
    ids = [row.id for row in await neighbours(session, integration, integration.ploomes_account_id)]
    if not ids:
        return set()
    query = select(KnownRecord.natural_key).where(
        KnownRecord.integration_id.in_(ids),
        KnownRecord.vendor == Vendor.OMIE,
        KnownRecord.entity == FAMILY_GROUPS,
        KnownRecord.gone_at.is_(None),
    )
    return {group for group in await session.scalars(query) if group}


def _base(link: Link, vendor: Vendor) -> Values:
    return link.omie_base if vendor is Vendor.OMIE else link.ploomes_base


async def _filed_after(session: AsyncSession, integration_id: int, after: int) -> Sequence[Link]:
    query = select(Link).where(
        Link.integration_id == integration_id, Link.entity.in_(FILED), Link.state.in_(LIVING), Link.id > after
    )
    return list(await session.scalars(query.order_by(Link.id).limit(BATCH)))


def _fits(group: KnownRecord, family: str, *, crowded: bool) -> bool:
    """Whether a group carries a family's name. Where others need it too, as a family finds its group."""
    name, wanted = group.name or "", group_name(family)
    return name == wanted or (crowded and fold(name) == fold(wanted))


def _has_namesake(groups: Mapping[str, KnownRecord], family: str, but: KnownRecord) -> bool:
    """Whether another group of the same family of Ploomes carries a name already: two families became one."""
    return any(
        fold(group.name or "") == fold(group_name(family)) and group.data.get("FamilyId") == but.data.get("FamilyId")
        for group in groups.values()
        if group is not but
    )
