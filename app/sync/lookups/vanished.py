"""Mapped fields and options that vanished from Ploomes: their values are gone with them, which is no clearing.

Before an emptied mapped field is believed, the field is read once: emptied fields are rare, and a customer's data in
Omie must not be wiped because somebody tidied up the fields (design section 4: missing is never empty).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.core.ports import Record, Vendor
from app.sync import issues
from app.sync.entities.sales import Chosen
from app.sync.issues import Finding
from app.sync.lookups import known
from app.sync.mapping.choices import LISTS, Option, choices_of, pair_choices
from app.sync.mapping.decide import Sides, Verdict
from app.sync.mapping.fields import Field
from app.sync.models import Link
from app.sync.trip import Trip

SUSPENDED = "mapping_suspended"
"""Cause of the issue of a row whose field is gone."""
KEY_SIZE = 40
"""An issue's record id is this long; a FieldKey's end is its unique part."""


def emptied(rows: Sequence[Field], sides: Sides, verdict: Verdict) -> list[Field]:
    """Mapped rows that Ploomes held a value of and holds none now, and that are written because of it. Pure."""
    return [
        row
        for row in rows
        if row.field_key is not None
        and (row.id in verdict.to_omie or row.id in verdict.to_ploomes)
        and sides.ploomes.get(row.id) in (None, False)
        and sides.ploomes_base.get(row.id) not in (None, False)
    ]


async def rest_vanished(
    db: Database, now: datetime, trip: Trip, link: Link, sides: Sides, verdict: Verdict, rows: Sequence[Field]
) -> None:
    """Takes rows out of the verdict whose field, or whose option, is in Ploomes no more. Raises Postponed, VendorError.

    The base of a row whose option vanished is dropped: once the option is there again, Omie's value fills it.
    """
    for row in emptied(rows, sides, verdict):
        key = str(row.field_key)
        found = await trip.ploomes.fetch("fields", key)
        async with db.transaction() as session:
            if found is None:
                await suspend(session, trip.integration.id, row.entity, row.label, key, now)
                await known.mark_gone(session, trip.integration.id, Vendor.PLOOMES, "fields", key, now)
            else:
                await known.upsert(session, trip.integration.id, [known.known_of(found)], now)
        if found is None:
            trip.refs.gone_fields |= {key}
        elif not _holds(found, row, sides.ploomes_base[row.id]):
            verdict.resting.add(row.id)
            await _forget_base(db, link, row.id)
        else:
            continue
        for values in (verdict.to_omie, verdict.to_ploomes):
            values.pop(row.id, None)


def options_may_be_old(rows: Sequence[Field], link: Link, verdict: Verdict) -> bool:
    """Whether Ploomes is to be given an option whose row lost its base, as it does when an option vanished: a snapshot
    of before still names that option."""
    return bool(link.ploomes_base) and any(
        isinstance(row.by, Option) and row.id in verdict.to_ploomes and row.id not in link.ploomes_base for row in rows
    )


async def line_fields_gone(db: Database, now: datetime, trip: Trip, rows: Sequence[Field]) -> bool:
    """Whether one of the fields of a sale's lines is in Ploomes no more, looked up in one call; its row rests then."""
    keys = {str(row.field_key): row for row in rows if row.field_key is not None}
    found = await trip.ploomes.fetch_many("fields", sorted(keys))
    gone = keys.keys() - found.keys()
    async with db.transaction() as session:
        for key in sorted(gone):
            row = keys[key]
            await suspend(session, trip.integration.id, row.entity, row.label, key, now)
            await known.mark_gone(session, trip.integration.id, Vendor.PLOOMES, "fields", key, now)
    trip.refs.gone_fields |= gone
    return bool(gone)


async def _forget_base(db: Database, link: Link, row_id: str) -> None:
    """Stored at once: if a write of this event has to wait, the next look must not take the loss for a clearing, for
    the option may have been made again by then."""
    async with db.transaction() as session:
        stored = await session.get_one(Link, link.id, with_for_update=True)
        for each in (stored, link):
            each.omie_base = {name: value for name, value in each.omie_base.items() if name != row_id}
            each.ploomes_base = {name: value for name, value in each.ploomes_base.items() if name != row_id}


async def suspend(session: AsyncSession, integration_id: int, entity: str, label: str, key: str, now: datetime) -> None:
    """Opens the issue of a row whose field is gone; the watch closes it when the field, or another one, is mapped."""
    await issues.open_issue(
        session,
        integration_id=integration_id,
        entity=entity,
        vendor=Vendor.PLOOMES,
        external_id=key[-KEY_SIZE:],
        finding=Finding(SUSPENDED, f"O campo do Ploomes mapeado para “{label}” não existe mais ({key}).", {"key": key}),
        now=now,
    )


def _holds(field: Record, row: Field, value: object) -> bool:
    """False when the option that a row held is in its field no more."""
    if isinstance(row.by, Chosen):
        return str(value) in {choice.id for choice in choices_of(field.data)}
    return not isinstance(row.by, Option) or _stands_for(field, row.by, value)


def _stands_for(field: Record, by: Option, code: object) -> bool:
    """True when an option of the field stands for a code; without a code list of its own the text itself counts."""
    choices = choices_of(field.data)
    paired = pair_choices(choices, {str(code): ""}, any_text=LISTS[by.codes].open)
    return str(code) in paired.values() or any(choice.name.startswith(f"{code} - ") for choice in choices)
