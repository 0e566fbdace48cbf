"""Links: which two records are the same thing. The only place that finds, makes and ends them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Vendor
from app.core.wire import fitted
from app.sync import sizes
from app.sync.entities import sharing
from app.sync.issues import UNPROVED, Finding
from app.sync.mapping.fields import Values
from app.sync.models import KnownRecord, Link, LinkState

LIVING = (LinkState.ACTIVE, LinkState.SUSPENDED)


def id_of(link: Link, vendor: Vendor) -> str:
    """The id of the linked record on a vendor."""
    return link.omie_id if vendor is Vendor.OMIE else link.ploomes_id


def records(link: Link) -> list[tuple[str, str]]:
    """Both records of a link, as (vendor, id)."""
    return [(vendor.value, id_of(link, vendor)) for vendor in Vendor]


async def find(
    session: AsyncSession, integration_id: int, entity: str, vendor: Vendor, external_id: str, *, living: bool = True
) -> Link | None:
    """The living link of a record, or with `living=False` its latest ended one."""
    column = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    states = LIVING if living else (LinkState.DELETED, LinkState.EXCLUDED)
    query = (
        select(Link)
        .where(
            Link.integration_id == integration_id, Link.entity == entity, column == external_id, Link.state.in_(states)
        )
        .order_by(Link.id.desc())
        .limit(1)
    )
    return (await session.execute(query)).scalars().first()


async def holder(
    session: AsyncSession, integration_id: int, entity: str, vendor: Vendor, external_id: str
) -> Link | None:
    """The living link that a record has as one of an entity, or of another that shares its set there."""
    return (await holders(session, integration_id, entity, vendor, [external_id])).get(external_id)


async def holders(
    session: AsyncSession, integration_id: int, entity: str, vendor: Vendor, external_ids: Sequence[str]
) -> dict[str, Link]:
    """The same for many records, by their id."""
    found: dict[str, Link] = {}
    for one in sharing(entity, vendor):
        found |= await of_ids(session, integration_id, one, vendor, external_ids)
    return found


async def of_ids(
    session: AsyncSession, integration_id: int, entity: str, vendor: Vendor, external_ids: Sequence[str]
) -> dict[str, Link]:
    """Living links of many records of one vendor, by their id there."""
    column = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
    query = select(Link).where(
        Link.integration_id == integration_id, Link.entity == entity, column.in_(external_ids), Link.state.in_(LIVING)
    )
    return {id_of(link, vendor): link for link in (await session.execute(query)).scalars()}


def make(integration_id: int, entity: str, omie_id: str, ploomes_id: str, key: str | None, now: datetime) -> Link:
    """A new living link without a base; the unique indexes refuse a second one for either record."""
    return Link(
        integration_id=integration_id,
        entity=entity,
        omie_id=omie_id,
        ploomes_id=ploomes_id,
        natural_key=shown_key(key),
        state=LinkState.ACTIVE,
        version=1,
        omie_base={},
        ploomes_base={},
        frozen={},
        created_at=now,
    )


def shown_key(key: str | None) -> str | None:
    """A natural key as a link keeps it: to be shown, not to be compared where it was cut."""
    return fitted(key, sizes.LINK_KEY) if key else None


def proved(link: Link) -> bool:
    """Whether both records were ever read as this pair. One that a person only named may hold a wrong id: that a
    record of it is not there is no deletion."""
    told = link.natural_key, link.omie_base, link.ploomes_base, link.omie_seen, link.ploomes_seen
    return any(told)


def unproved(link: Link, gone: Vendor) -> Finding:
    """Why a pair that was never proved ends; shown on the record that is left."""
    text = f"O registro {id_of(link, gone)} não existe no {gone.label}, e o par nunca foi conferido: nada foi excluído."
    return Finding(UNPROVED, text, home=(gone.other.value, id_of(link, gone.other)))


def rebase(link: Link, omie: Values, ploomes: Values) -> None:
    """Gives the named rows new halves; every other row keeps its old ones."""
    if omie:
        link.omie_base = {**link.omie_base, **omie}
    if ploomes:
        link.ploomes_base = {**link.ploomes_base, **ploomes}


def saw(link: Link, vendor: Vendor, values: Values, at: datetime) -> None:
    """Remembers what a vendor held at our last read or write there."""
    if vendor is Vendor.OMIE:
        link.omie_seen, link.omie_seen_at = values, at
    else:
        link.ploomes_seen, link.ploomes_seen_at = values, at


def seen(link: Link, vendor: Vendor) -> tuple[Values | None, datetime | None]:
    """What a vendor held at our last read or write, and when that was."""
    if vendor is Vendor.OMIE:
        return link.omie_seen, link.omie_seen_at
    return link.ploomes_seen, link.ploomes_seen_at


def end(link: Link, state: LinkState, reason: str, now: datetime) -> None:
    """Ends a link; it stays as the memory that nothing may come back by itself."""
    link.state = state
    link.state_reason = reason
    link.ended_at = now
    link.version += 1


def indexed(table: type[KnownRecord], vendor: Vendor, set_name: str) -> ColumnElement[bool]:
    """Joins a link with what our index holds of its record on one side, in a set."""
    return and_(
        table.integration_id == Link.integration_id,
        table.vendor == vendor.value,
        table.entity == set_name,
        table.external_id == (Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id),
    )


async def forget_value(session: AsyncSession, integration_id: int, entity: str, row_id: str, value: str) -> None:
    """Takes a row out of both halves of every living link whose base holds a value: what is read next is filled from
    Omie, as at a first link, and nothing that went missing counts as cleared."""
    found = await session.scalars(
        select(Link)
        .where(
            Link.integration_id == integration_id,
            Link.entity == entity,
            Link.state.in_(LIVING),
            Link.ploomes_base[row_id].as_string() == value,
        )
        .with_for_update()
    )
    for link in found:
        link.omie_base = {name: held for name, held in link.omie_base.items() if name != row_id}
        link.ploomes_base = {name: held for name, held in link.ploomes_base.items() if name != row_id}
        link.version += 1
