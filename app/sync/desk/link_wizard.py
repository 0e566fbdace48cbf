"""Pairs that are probably the same thing, for a person to accept: by Omie id, document or code, and e-mail (F111).

Reads our own index only and writes nothing. A pair is certain when nothing else on either side claims the same key;
several on both sides are ambiguous; several on one side with the same key are duplicates.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.core.ports import JsonObject, Vendor
from app.sync import links
from app.sync.entities import set_of
from app.sync.entities.rules import CODE_PREFIX
from app.sync.lookups import known
from app.sync.models import KnownRecord, Link

MOST = 500
"""Groups of each kind that one answer shows."""


def _carried_by_omie(row: KnownRecord) -> str | None:
    """The Ploomes id in Omie's integration code, else what a load read."""
    codes = (str(row.data.get(name) or "") for name in row.data if name.endswith("_integracao"))
    found = next((code.removeprefix(CODE_PREFIX) for code in codes if code.startswith(CODE_PREFIX)), None)
    return found or (row.data.get("load") or {}).get("twin")


def _carried_by_ploomes(row: KnownRecord) -> str | None:
    found = (row.data.get("load") or {}).get("twin")
    return str(found) if found else None


def _email(row: KnownRecord) -> str | None:
    text = str(row.data.get("email") or row.data.get("Email") or "").split(",")[0].strip().lower()
    return text or None


@dataclass(frozen=True, slots=True)
class Clue:
    """One way to recognise a pair, the strongest first."""

    name: str
    key: Callable[[Vendor, KnownRecord], str | None]


def _id_key(vendor: Vendor, row: KnownRecord) -> str | None:
    """Both sides' key is Omie id and Ploomes id together, as far as either record tells."""
    if vendor is Vendor.OMIE:
        carried = _carried_by_omie(row)
        return f"p{carried}" if carried else f"o{row.external_id}"
    carried = _carried_by_ploomes(row)
    return f"o{carried}" if carried else f"p{row.external_id}"


CLUES: Sequence[Clue] = (
    Clue("id", _id_key),
    Clue("key", lambda vendor, row: row.natural_key),
    Clue("email", lambda vendor, row: _email(row)),
)
"""`key`: the document of a client, the code of a product or service."""


@dataclass(slots=True)
class Proposals:
    """What the wizard found. Every record is in one group at most, by its strongest clue."""

    certain: list[JsonObject] = field(default_factory=list)
    ambiguous: list[JsonObject] = field(default_factory=list)
    duplicate: list[JsonObject] = field(default_factory=list)
    read_at: dict[str, datetime | None] = field(default_factory=dict)
    """When each side's list was last read whole; None means that it never was and the proposals are partial."""

    def as_json(self) -> JsonObject:
        """Groups, cut to what one answer shows, with their true sizes."""
        groups = {"certain": self.certain, "ambiguous": self.ambiguous, "duplicate": self.duplicate}
        return {
            **{name: rows[:MOST] for name, rows in groups.items()},
            "counts": {name: len(rows) for name, rows in groups.items()},
            "read_at": self.read_at,
        }


def propose(omie: Iterable[KnownRecord], ploomes: Iterable[KnownRecord]) -> Proposals:
    """Groups of records without a link. Pure."""
    free = {Vendor.OMIE: {row.external_id: row for row in omie}, Vendor.PLOOMES: {r.external_id: r for r in ploomes}}
    found = Proposals()
    for clue in CLUES:
        holders: dict[str, dict[Vendor, list[KnownRecord]]] = {}
        for vendor, rows in free.items():
            for row in rows.values():
                key = clue.key(vendor, row)
                if key:
                    holders.setdefault(key, {side: [] for side in Vendor})[vendor].append(row)
        for key, sides in holders.items():
            _place(found, clue, key, sides, free)
    return found


def _place(
    found: Proposals,
    clue: Clue,
    key: str,
    sides: Mapping[Vendor, list[KnownRecord]],
    free: Mapping[Vendor, dict[str, KnownRecord]],
) -> None:
    omie, ploomes = sides[Vendor.OMIE], sides[Vendor.PLOOMES]
    if clue.name == "id" and not (omie and ploomes):
        return  # a record's own id is nobody else's
    if len(omie) == len(ploomes) == 1:
        found.certain.append({"by": clue.name, "key": key, "omie": _shown(omie[0]), "ploomes": _shown(ploomes[0])})
    elif omie and ploomes:
        found.ambiguous.append(
            {"by": clue.name, "key": key, "omie": [_shown(r) for r in omie], "ploomes": [_shown(r) for r in ploomes]}
        )
    elif clue.name == "key" and max(len(omie), len(ploomes)) > 1:
        side = Vendor.OMIE if omie else Vendor.PLOOMES
        found.duplicate.append(
            {"by": clue.name, "key": key, "vendor": side, "records": [_shown(r) for r in sides[side]]}
        )
    else:
        return
    for vendor, placed in sides.items():
        for row in placed:
            free[vendor].pop(row.external_id, None)


def _shown(row: KnownRecord) -> JsonObject:
    return {"id": row.external_id, "name": row.name, "key": row.natural_key, "active": row.active}


class LinkWizard:
    """Reads what is known and unlinked."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def propose(self, integration_id: int, entity: str) -> Proposals:
        """Proposals for an entity; nothing is written and no vendor is asked."""
        async with self._db.read() as session:
            free = {side: await self._free(session, integration_id, entity, side) for side in Vendor}
            read_at = {
                side.value: await known.whole_at(session, integration_id, side, set_of(entity, side)) for side in Vendor
            }
        found = propose(free[Vendor.OMIE], free[Vendor.PLOOMES])
        found.read_at = read_at
        return found

    async def _free(self, session: AsyncSession, integration_id: int, entity: str, vendor: Vendor) -> list[KnownRecord]:
        column = Link.omie_id if vendor is Vendor.OMIE else Link.ploomes_id
        taken = select(column).where(Link.integration_id == integration_id, Link.entity == entity)
        rows = await session.scalars(
            select(KnownRecord)
            .where(
                KnownRecord.integration_id == integration_id,
                KnownRecord.vendor == vendor.value,
                KnownRecord.entity == set_of(entity, vendor),
                KnownRecord.gone_at.is_(None),
                KnownRecord.external_id.not_in(taken.where(Link.state.in_(links.LIVING))),
            )
            .order_by(KnownRecord.id)
        )
        return list(rows)
