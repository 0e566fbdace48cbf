"""Sales of an account that several Omie companies share: which one has a sale already."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.sync.config.sharing import SALES, neighbours
from app.sync.links import LIVING
from app.sync.mapping.fields import carries_any
from app.sync.models import EventState, Integration, Link
from app.sync.sales.choices import wanted_now
from app.sync.sales.status import Status
from app.sync.sales.visit import Visit
from app.sync.trip import Outcome, ignored, waits

OTHER_COMPANY = "other_company"
"""Cause of the wait, and of the issue, of a sale that another company has."""
LINKED_SOON_SECONDS = 10.0


class Companies:
    """One sale must never become two orders in two companies (F290)."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def other(self, visit: Visit) -> Outcome | None:
        """How the event of a sale ends that another company has; None when none has it, or no longer: a cancelled
        document is shown on the sale, and that notice lets this company have it."""
        trip, sale = visit.trip, visit.sale
        async with self._db.read() as session:
            rows = await _links(session, trip.integration, visit.sale_id)
        for link, name in rows:
            if link.state not in LIVING or _is_cancelled(link):
                continue
            text = f"A venda já é o documento {link.omie_id} da integração “{name}”."
            finding = visit.found(OTHER_COMPANY, text)
            return waits(finding.cause, text, finding)
        if not rows and sale is not None and carries_any(sale.raw, trip.refs.rival_keys):
            text = "A venda acaba de ser feita por outra integração desta conta."
            return Outcome(EventState.WAITING, OTHER_COMPANY, text, self._clock.time() + LINKED_SOON_SECONDS)
        return None

    def moved(self, visit: Visit) -> Outcome | None:
        """How the event of a sale ends that went to another company once its documents here were cancelled. Pure."""
        assert visit.sale is not None
        over = visit.links and all(_is_cancelled(link) for link in visit.links.values())
        if not over or wanted_now(visit.trip.config.scope.orders, visit.sale.raw, visit.trip.refs):
            return None
        return ignored("out_of_scope", "A venda passou para outra empresa; o documento cancelado fica como está.")


def _is_cancelled(link: Link) -> bool:
    return (link.omie_seen or {}).get("status") == Status.CANCELLED.value


async def _links(session: AsyncSession, integration: Integration, sale_id: str) -> list[tuple[Link, str]]:
    """Links of a sale in other integrations of the account, with their names."""
    others = {row.id: row.name for row in await neighbours(session, integration, integration.ploomes_account_id)}
    if not others:
        return []
    found = await session.scalars(
        select(Link)
        .where(Link.integration_id.in_(others), Link.entity.in_(SALES), Link.ploomes_id == sale_id)
        .order_by(Link.id)
    )
    return [(link, others[link.integration_id]) for link in found]
