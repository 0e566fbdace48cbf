"""The report of a reconcile: every linked pair by what our index holds of its two sides, counted, named and signed.

A pair is equal, or an exception with a reason, or `live` (an event saw it after it was read last, or has it in hand,
and answers for it), or a difference, or it was not compared; the last two keep a report from being clean.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import JsonObject, Vendor
from app.core.vault import Vault
from app.sync import links
from app.sync.models import Integration, KnownRecord, Link
from app.sync.passes import certificate
from app.sync.passes import resync_items as book
from app.sync.passes.flight_plan import ACTIONS
from app.sync.passes.models import Certificate, Resync
from app.sync.passes.passes import Turn
from app.sync.passes.resync_absence import touched_pairs
from app.sync.passes.resync_compare import MARGIN
from app.sync.passes.subject import Subject

STOCK = "stock"
SHOWN = 1000
"""Exceptions named in a certificate; all are counted."""
PAGE = 1000


class Reports:
    """Writes and signs the report of a pass."""

    def __init__(self, db: Database, clock: Clock, vault: Vault) -> None:
        self._db = db
        self._clock = clock
        self._vault = vault

    async def certify(self, integration: Integration, visits: Sequence[Subject], resync: Resync, turn: Turn) -> None:
        """The last step of a reconcile."""
        shown: JsonObject = {visit.entity: await self._entity(visit, resync) for visit in visits}
        if STOCK in resync.plan.get("entities", {}):
            shown[STOCK] = _stock(resync.plan["entities"][STOCK])
        clean = bool(resync.plan.get("proven")) and all(
            part["differences"] == part["not_compared"] == 0 for part in shown.values()
        )
        document = {
            "kind": "ponte-reconcile",
            "version": 1,
            "integration": {"id": integration.id, "name": integration.name},
            "resync_id": resync.id,
            "issued_at": self._clock.now().isoformat(timespec="seconds"),
            "rounds": int(resync.plan.get("round", 1)),
            "clean": clean,
            "healed": resync.written,
            "entities": shown,
        }
        text = certificate.signed(self._vault, document)
        async with turn.commit(None) as (session, row):
            made = Certificate(
                integration_id=integration.id, resync_id=row.id, clean=clean, document=text,
                created_at=self._clock.now(),
            )  # fmt: skip
            session.add(made)
            await session.flush()
            row.plan = {**row.plan, "certificate_id": made.id, "clean": clean}
            await book.drop_all(session, row.id)

    async def _entity(self, visit: Subject, resync: Resync) -> JsonObject:
        """Counts, digests and exceptions of one entity; the digests chain every pair in the order of its link."""
        entity = visit.entity
        crawled_at = datetime.fromisoformat(resync.plan["crawls"][entity])
        looked_at = datetime.fromisoformat(resync.plan["looks"][entity])
        told, unnamed = _exceptions_of(resync.plan, entity)
        sums = {vendor: hashlib.sha256() for vendor in Vendor}
        counts = dict.fromkeys(("linked", "equal", "live", "not_compared", "differences"), 0)
        named: list[JsonObject] = []
        after = 0
        while True:
            async with self._db.read() as session:
                rows = await _digests(session, visit, crawled_at, after)
                unequal = [row for row in rows if row.omie is None or row.omie != row.ploomes]
                live = await touched_pairs(session, visit, unequal, looked_at - MARGIN)
            if not rows:
                break
            after = rows[-1].id
            counts["linked"] += len(rows)
            counts["equal"] += len(rows) - len(unequal)
            for row in rows:
                for vendor, digest in ((Vendor.OMIE, row.omie), (Vendor.PLOOMES, row.ploomes)):
                    sums[vendor].update(f"{row.id}:{digest};".encode())
            for row in unequal:
                exception = told.get((row.omie_id, row.ploomes_id))
                if exception is not None:
                    named.append(exception)
                elif row.id in live:
                    counts["live"] += 1
                else:
                    counts["not_compared" if None in (row.omie, row.ploomes) else "differences"] += 1
        beyond = min(unnamed, counts["differences"])
        counts["differences"] -= beyond
        found = resync.plan.get("entities", {}).get(entity, {})
        return {
            **counts,
            "excepted": len(named) + beyond,
            "exceptions": named,
            "without_pair": {name: count for name, count in found.items() if count and name not in ACTIONS},
            "digests": {vendor.value: sums[vendor].hexdigest() for vendor in Vendor},
        }


def excepted(plan: JsonObject, entity: str, found: Sequence[JsonObject]) -> JsonObject:
    """A plan that remembers more exceptions of an entity: the first ones by name, the others by number."""
    if not found:
        return plan
    told, unnamed = _exceptions_of(plan, entity)
    told |= {(each["omie_id"], each["ploomes_id"]): each for each in found}
    kept = {"named": [*told.values()][:SHOWN], "unnamed": unnamed + max(0, len(told) - SHOWN)}
    return {**plan, "exceptions": {**plan.get("exceptions", {}), entity: kept}}


def _exceptions_of(plan: JsonObject, entity: str) -> tuple[dict[tuple[str, str], JsonObject], int]:
    """The named exceptions of an entity by the ids of their pairs, and how many there are besides."""
    kept = plan.get("exceptions", {}).get(entity, {})
    named = {(each["omie_id"], each["ploomes_id"]): each for each in kept.get("named", ())}
    return named, int(kept.get("unnamed", 0))


def _stock(counts: JsonObject) -> JsonObject:
    """Tables of stock: what the last round found, compared with the digest of what Ploomes was told last."""
    equal, differing = int(counts.get("unchanged", 0)), int(counts.get("update_in_ploomes", 0))
    return {
        "linked": equal + differing, "equal": equal, "live": 0, "not_compared": 0, "differences": differing,
        "excepted": 0, "exceptions": [],
    }  # fmt: skip


async def _digests(session: AsyncSession, visit: Subject, since: datetime, after: int) -> Sequence[Any]:
    """The next pairs with the digest of each side; what nothing showed since an instant has none."""
    omie, ploomes = aliased(KnownRecord), aliased(KnownRecord)
    own = visit.integration.id
    query = (
        select(
            Link.id,
            Link.omie_id,
            Link.ploomes_id,
            case((omie.seen_at >= since, omie.digest)).label("omie"),
            case((ploomes.seen_at >= since, ploomes.digest)).label("ploomes"),
        )
        .outerjoin(omie, links.indexed(omie, Vendor.OMIE, visit.index[Vendor.OMIE]))
        .outerjoin(ploomes, links.indexed(ploomes, Vendor.PLOOMES, visit.index[Vendor.PLOOMES]))
        .where(
            Link.integration_id == own,
            Link.entity == visit.entity,
            Link.state.in_(links.LIVING),
            Link.id > after,
        )
        .order_by(Link.id)
        .limit(PAGE)
    )
    return (await session.execute(query)).all()
