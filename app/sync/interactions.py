"""One interaction record per refused client on its timeline in Ploomes: written once, edited, cleared when solved.

Interaction records have no key, so ours are found again by a mark in their text (F090, F283; design section 5).
"""

import html

from sqlalchemy import or_, select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, Key, Priority
from app.sync.models import Integration, Issue
from app.sync.vendors import Gateways

_log = get_logger(__name__)

ENTITY = "interaction_records"
CAUSES = frozenset({"refused", "unknown_fault", "inactive_seller"})
"""Causes a person can mend in Ploomes, so they are told there."""


class Interactions:
    """Keeps the timelines in Ploomes in step with the issues."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways

    async def sweep(self) -> None:
        """Posts what is new, edits what changed, clears what is solved. One failure does not stop the others."""
        async with self._db.read() as session:
            wanted = select(Issue).where(
                Issue.cause.in_(CAUSES),
                Issue.data["ploomes_id"].as_string().is_not(None),
                or_(Issue.open_key.is_not(None), Issue.data["told"].as_string().is_not(None)),
            )
            found = [i for i in (await session.execute(wanted)).scalars() if _text(i) != i.data.get("told")]
        for issue in found:
            try:
                await self._tell(issue)
            except (Postponed, VendorError) as error:
                _log.info("interaction record postponed", issue=issue.id, error=str(error))

    async def _tell(self, issue: Issue) -> None:
        async with self._db.read() as session:
            integration = await session.get_one(Integration, issue.integration_id)
        if integration.deleted_at is not None:
            return
        _, ploomes = self._gateways.open(integration, Priority.PERSON)
        text = _text(issue)
        await self._write(ploomes, issue, text)
        async with self._db.transaction() as session:
            row = await session.get_one(Issue, issue.id)
            row.data = {**row.data, "told": text}

    async def _write(self, ploomes: Gateway, issue: Issue, text: str | None) -> None:
        key = Key("content", _mark(issue), {"contact_id": str(issue.data["ploomes_id"])})
        found = await ploomes.find(ENTITY, key)
        if text is None:
            for record in found:
                await ploomes.write(ENTITY, "delete", record.id, {})
        elif found:
            await ploomes.write(ENTITY, "update", found[0].id, {"Content": text})
        else:
            body = {"ContactId": int(issue.data["ploomes_id"]), "Content": text}
            await ploomes.write(ENTITY, "create", None, body)


def _mark(issue: Issue) -> str:
    return f"[Ponte {issue.id}]"


def _text(issue: Issue) -> str | None:
    """What the timeline should say; None once the issue is solved."""
    if issue.open_key is None:
        return None
    return (
        f"<p><b>{html.escape(issue.title)}</b></p><p>{html.escape(issue.detail)}</p>"
        f"<p>{html.escape(issue.fix)}</p><p>{_mark(issue)}</p>"
    )
