"""Products and services that Omie deleted while they were used: suspended then, deleted when nothing uses them.

Nothing tells when the last sale, proposal or kit that uses one goes, so each is looked at once a day; what is free gets
an event, and the road of deletions decides on fresh reads (design section 8).
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Kind, Priority, Vendor
from app.sync import inbox, links
from app.sync.deletion import RETIRED, RETIRED_TOPIC, is_used
from app.sync.entities import RULES
from app.sync.intake import RUNNING
from app.sync.models import EventSource, Integration, Link, LinkState
from app.sync.vendors import Gateways

SECONDS = 3600.0
"""How often somebody looks which are due."""
AGAIN_SECONDS = 86400.0
"""How often one record is looked at."""
BATCH = 100
"""Records looked at in one go."""
ENTITIES = tuple(name for name, rules in RULES.items() if rules.USED_IN)

_log = get_logger(__name__)


class Retired:
    """Looks after what waits for its last use to go."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways

    async def sweep(self) -> None:
        """One look at each integration; a vendor in the way is asked again next time."""
        async with self._db.read() as session:
            rows = list(await session.scalars(select(Integration).where(Integration.state.in_(RUNNING))))
        for integration in rows:
            try:
                await self.look(integration)
            except (Postponed, VendorError) as error:
                _log.info("retired records not looked at", integration=integration.id, problem=type(error).__name__)

    async def look(self, integration: Integration) -> None:
        """The next records of one integration that are due. Raises Postponed, VendorError."""
        now = self._clock.time()
        async with self._db.read() as session:
            due = await _due(session, integration.id, now)
        _, ploomes = self._gateways.open(integration, Priority.BULK)
        for link in due:
            async with self._db.read() as session:
                partner = await links.holder(session, link.integration_id, link.entity, Vendor.PLOOMES, link.ploomes_id)
            # another record of Omie may have found it meanwhile
            used = partner is not None or await is_used(ploomes, RULES[link.entity].USED_IN, link.ploomes_id)
            async with self._db.transaction() as session:
                if await _looks_again(session, link, now + AGAIN_SECONDS) and not used:
                    await self._event(session, link)

    async def _event(self, session: AsyncSession, link: Link) -> None:
        now = self._clock.now()
        await inbox.enqueue(
            session, integration_id=link.integration_id, vendor=Vendor.OMIE.value, entity=link.entity,
            external_id=link.omie_id, kind=Kind.DELETED.value, topic=RETIRED_TOPIC,
            source=EventSource.DEPENDENCY.value, priority=Priority.BULK, due_at=now.timestamp(), now=now,
        )  # fmt: skip


async def _due(session: AsyncSession, integration_id: int, now: float) -> Sequence[Link]:
    query = select(Link).where(
        Link.integration_id == integration_id,
        Link.entity.in_(ENTITIES),
        Link.state == LinkState.DELETED,
        Link.document[RETIRED].as_float() <= now,
    )
    return list(await session.scalars(query.order_by(Link.id).limit(BATCH)))


async def _looks_again(session: AsyncSession, link: Link, at: float) -> bool:
    """Notes the next look; False for a link that is no retired one any more: it may have been restored while Ploomes
    was asked."""
    row = await session.get_one(Link, link.id, with_for_update=True, populate_existing=True)
    if row.state != LinkState.DELETED or RETIRED not in row.document:
        return False
    row.document = {**row.document, RETIRED: at}
    return True
