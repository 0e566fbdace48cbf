"""Linking two crawled records that are the same: equal fields get their base at once, the rest is left to an event."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.ports import Gateway, Record
from app.sync import links
from app.sync.decide import Policy, Sides, decide
from app.sync.entities import FIELDS
from app.sync.fields import MissingReference, Refs, Values
from app.sync.mapping import canonical, only
from app.sync.models import Integration, Link
from app.sync.references import References, learn


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two records to be linked, compared without a base."""

    entity: str
    omie: Record
    ploomes: Record
    omie_values: Values
    ploomes_values: Values
    agreed: frozenset[str]
    differs: bool
    """True when something must be written somewhere; an event does that."""


class Linking:
    """Compares and stores pairs in bulk, on the same rules as the road."""

    def __init__(self, clock: Clock, references: References) -> None:
        self._clock = clock
        self._references = references

    async def compare(
        self,
        integration: Integration,
        refs: Refs,
        omie: Record,
        ploomes: Record,
        gateways: tuple[Gateway, Gateway],
    ) -> Pairing:
        """Compares two records just read; look-ups the values need are fetched. Raises Postponed, VendorError."""
        rows = FIELDS[omie.entity]
        learn(ploomes.data, refs)
        while True:
            try:
                omie_values = canonical(omie.vendor, rows, omie.data, refs)
                ploomes_values = canonical(ploomes.vendor, rows, ploomes.data, refs)
                verdict = decide(rows, Sides(omie_values, ploomes_values, {}, {}), Policy(), refs)
            except MissingReference as missing:
                await self._references.resolve(integration, missing, refs, *gateways)
            else:
                return Pairing(
                    omie.entity, omie, ploomes, omie_values, ploomes_values, frozenset(verdict.agreed), verdict.writes
                )

    def store(self, session: AsyncSession, integration_id: int, pair: Pairing) -> Link:
        """Adds the link with its base to the caller's transaction; the unique indexes refuse a second one."""
        key = pair.omie_values.get("document")
        link = links.make(
            integration_id, pair.entity, pair.omie.id, pair.ploomes.id, str(key) if key else None, self._clock.now()
        )
        links.rebase(link, only(pair.omie_values, pair.agreed), only(pair.ploomes_values, pair.agreed))
        links.saw(link, pair.omie.vendor, pair.omie_values, pair.omie.read_at)
        links.saw(link, pair.ploomes.vendor, pair.ploomes_values, pair.ploomes.read_at)
        session.add(link)
        return link
