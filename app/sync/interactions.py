"""One interaction record per refused client on its timeline in Ploomes: written once, edited, cleared when solved.

Interaction records have no key, so ours are found again by a mark in their text (F090, F283; design section 5). What
is known of one is kept in its issue's `data`: `told` (the text there), `record_id`, and `asked_at` (epoch seconds of
a create, stored before it leaves).
"""

import html
from typing import Any

from sqlalchemy import or_, select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, LaneBusy, LeaseLost, Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, Key, Priority, Vendor
from app.sync.creating import REPEAT_AFTER
from app.sync.intake import RUNNING
from app.sync.lanes import Lanes, Lease
from app.sync.lookups.living import CONTROLS, find_beside_living
from app.sync.models import Integration, Issue
from app.sync.vendors import Gateways
from app.sync.writing import WRITE_SECONDS

_log = get_logger(__name__)

ENTITY = "interaction_records"
CAUSES = frozenset({"refused", "unknown_fault", "inactive_seller", "preflight"})
"""Causes a person can mend in Ploomes, so they are told there."""


class Interactions:
    """Keeps the timelines in Ploomes in step with the issues."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, lanes: Lanes) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._lanes = lanes

    async def sweep(self) -> None:
        """Posts what is new, edits what changed, clears what is solved. One failure does not stop the others."""
        async with self._db.read() as session:
            wanted = (
                select(Issue, Integration)
                .join(Integration, Integration.id == Issue.integration_id)
                .where(
                    Integration.state.in_(RUNNING),
                    Integration.deleted_at.is_(None),
                    Issue.cause.in_(CAUSES),
                    Issue.data["ploomes_id"].as_string().is_not(None),
                    or_(
                        Issue.open_key.is_not(None),
                        Issue.data["told"].as_string().is_not(None),
                        Issue.data["asked_at"].as_string().is_not(None),
                    ),
                )
            )
            found = [(issue.id, row) for issue, row in await session.execute(wanted) if _is_behind(issue)]
        for issue_id, integration in found:
            try:
                async with self._lanes.hold(f"interaction:{issue_id}") as lease:
                    await self._tell(integration, issue_id, lease)
            except (Postponed, VendorError, LaneBusy, LeaseLost) as error:
                _log.info("interaction record postponed", issue=issue_id, error=str(error))

    async def _tell(self, integration: Integration, issue_id: int, lease: Lease) -> None:
        async with self._db.read() as session:
            issue = await session.get_one(Issue, issue_id)
        if not _is_behind(issue):
            return  # another process was here
        text = _text(issue)
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        try:
            record_id = await self._write(ploomes, issue, text, lease)
        except VendorError as error:
            if not error.permanent or error.fault is Fault.CREDENTIALS:
                raise
            _log.warning("interaction record refused", issue=issue_id, problem=error.text)
            record_id = None  # the same text would be refused again
        await self._note(issue_id, lease, told=text, record_id=record_id, asked_at=None)

    async def _write(self, ploomes: Gateway, issue: Issue, text: str | None, lease: Lease) -> str | None:
        """Brings the timeline to `text` (None: nothing there) and answers the record's id."""
        found = await self._find(ploomes, issue)
        if text is None:
            for record_id in found:
                await self._note(issue.id, lease)
                await ploomes.write(ENTITY, "delete", record_id, {})
            return None
        if found:
            await self._note(issue.id, lease)
            await ploomes.write(ENTITY, "update", found[0], {"Content": text})
            return found[0]
        asked_at = issue.data.get("asked_at")
        wait = 0.0 if asked_at is None else asked_at + REPEAT_AFTER[Vendor.PLOOMES] - self._clock.time()
        if wait > 0:
            raise Postponed(wait, "a resposta de uma inclusão se perdeu; conferindo de novo")
        return await self._create(ploomes, issue, text, lease)

    async def _create(self, ploomes: Gateway, issue: Issue, text: str, lease: Lease) -> str:
        await self._note(issue.id, lease, asked_at=self._clock.time())
        try:
            body = {"ContactId": int(issue.data["ploomes_id"]), "Content": text}
            return (await ploomes.write(ENTITY, "create", None, body)).id
        except (Postponed, VendorError) as error:
            if isinstance(error, Postponed) or not error.sent:
                await self._note(issue.id, lease, asked_at=None)
            raise

    async def _find(self, ploomes: Gateway, issue: Issue) -> list[str]:
        """Ids of the records with an issue's mark, asked for beside a record of another issue."""

        async def gone(record_id: str) -> None:
            async with self._db.transaction() as session:
                told = Issue.data["record_id"].as_string() == record_id
                query = select(Issue).where(Issue.integration_id == issue.integration_id, told).with_for_update()
                for row in await session.scalars(query):
                    row.data = {**row.data, "record_id": None}

        async with self._db.read() as session:
            others = await session.scalars(
                select(Issue.data["record_id"].as_string())
                .where(
                    Issue.integration_id == issue.integration_id,
                    Issue.id != issue.id,
                    Issue.data["record_id"].as_string().is_not(None),
                )
                .order_by(Issue.id.desc())
                .limit(CONTROLS)
            )
            controls = [str(each) for each in others]
        key = Key("content", _mark(issue), {"contact_id": str(issue.data["ploomes_id"])})
        return [record.id for record in await find_beside_living(ploomes, ENTITY, key, controls, gone)]

    async def _note(self, issue_id: int, lease: Lease, **marks: Any) -> None:
        """Stores what is known of the record, while the lane is surely ours until a write would be over."""
        async with self._db.transaction() as session:
            await lease.extend(session, WRITE_SECONDS)
            row = await session.get_one(Issue, issue_id, with_for_update=True)
            row.data = {**row.data, **marks}


def _mark(issue: Issue) -> str:
    return f"[Ponte {issue.id}]"


def _is_behind(issue: Issue) -> bool:
    """Whether the timeline says something else, or may: the answer to a create was lost."""
    return _text(issue) != issue.data.get("told") or issue.data.get("asked_at") is not None


def _text(issue: Issue) -> str | None:
    """What the timeline should say; None once the issue is solved."""
    if issue.open_key is None:
        return None
    return (
        f"<p><b>{html.escape(issue.title)}</b></p><p>{html.escape(issue.detail)}</p>"
        f"<p>{html.escape(issue.fix)}</p><p>{_mark(issue)}</p>"
    )
