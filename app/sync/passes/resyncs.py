"""What people do with resyncs: ask for one, pause it, go on, cancel, answer its questions, look at it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import Entity, JsonObject
from app.sync import issues
from app.sync.config.document import Config
from app.sync.config.store import ConfigStore
from app.sync.config.window import NEVER, opening_of
from app.sync.intake import RUNNING
from app.sync.models import Integration, Issue
from app.sync.passes import first_load, flight_plan, off_hours, pauses
from app.sync.passes import resync_items as book
from app.sync.passes.models import RECONCILE, REQUESTED, Resync
from app.sync.passes.off_hours import opening_for, unhindered
from app.sync.passes.resync_steps import EXECUTE, ordered

WORKING = ("planning", "scheduled", "running", "paused")
ALONE = (REQUESTED, RECONCILE)
"""Reasons of passes of which an integration has one at a time; one that failed waits for its next try until another
takes its place."""
ENDED = ("completed", "failed", "cancelled")
MISSED = "reconcile_missed"
"""Cause of the issue of an integration whose nightly reconcile is kept waiting."""
RESTS_SECONDS = 600.0
"""A load none of whose writes may go sooner waits for its window."""
ALL = tuple(each.value for each in Entity)


class Resyncs:
    """Every action on passes; REST, the command line and the panel call these."""

    def __init__(self, db: Database, clock: Clock, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs

    async def request(
        self,
        integration_id: int,
        *,
        entities: Sequence[str] | None = None,
        dry_run: bool = False,
        start: str = "window",
        force: bool = False,
        reason: str = REQUESTED,
    ) -> Resync:
        """A new pass. Raises UserError 409 when it may not start now (with `next_window`) or another one is at work,
        422 for an entity that is not kept as pairs or is switched off."""
        config = await self._configs.get(integration_id)
        chosen = ordered(ALL if entities is None else entities, config)
        _refuse_unknown(entities, chosen)
        now = self._clock.now()
        opening = opening_of(config.window.window(), now)
        if start == "now" and opening is not None and not force and not dry_run:
            raise _outside(opening)
        due_at = self._clock.time() if dry_run or force or opening is None else opening
        async with self._db.transaction() as session:
            integration = await session.get(Integration, integration_id, with_for_update=True)
            if integration is None or integration.state not in RUNNING:
                raise UserError(
                    HTTPStatus.CONFLICT, "Integração parada", "Ative a integração antes de pedir uma carga."
                )
            await self._take_turn(session, integration_id)
            row = Resync(
                integration_id=integration_id,
                state="planning" if due_at <= self._clock.time() else "scheduled",
                reason=reason,
                entities=chosen,
                dry_run=dry_run,
                force=force,
                start=start,
                cursor={},
                plan={"entities": {}, "requests": {"omie": {}, "ploomes": {}}, "eta_seconds": None},
                progress={"done": 0, "total": 0},
                written={},
                requests_used={},
                due_at=due_at,
                created_at=now,
            )
            first_load.tell_held(row, due_at)
            session.add(row)
            if reason == RECONCILE:
                await issues.close_cause(session, integration_id, MISSED, now)
        return row

    async def working(self, integration_id: int) -> Resync | None:
        """A pass of the integration, its first load included, that is not over; first one that waits for a person."""
        query = select(Resync).where(Resync.integration_id == integration_id, Resync.state.in_(WORKING))
        async with self._db.read() as session:
            return await session.scalar(query.order_by(Resync.due_at.is_not(None), Resync.id).limit(1))

    async def pause(self, integration_id: int, resync_id: int) -> Resync:
        """Stops a pass until somebody resumes it; what its workers hold in this moment is finished. Idempotent."""
        async with self._db.transaction() as session:
            row = await self._row(session, integration_id, resync_id)
            if row.state not in WORKING:
                raise _not_now(row, "pausada")
            row.state, row.claim, row.due_at = "paused", None, None
            row.progress = {**row.progress, "paused_because": "Pausada por uma pessoa."}
            await book.withdraw(session, row.id, "A carga foi pausada.", self._clock.now())
        return row

    async def resume(self, integration_id: int, resync_id: int, *, force: bool = False) -> Resync:
        """Goes on with a paused pass, or executes a planned dry run. Raises UserError 409."""
        config = await self._configs.get(integration_id)
        async with self._db.transaction() as session:
            await session.get(Integration, integration_id, with_for_update=True)  # one turn is taken at a time
            row = await self._row(session, integration_id, resync_id)
            if row.state == "planned":
                await self._take_turn(session, integration_id, besides=row.id)
                row.dry_run = False
            elif row.state != "paused":
                raise _not_now(row, "retomada")
            await self._refuse_unanswered(session, row)
            if row.reason != first_load.REASON:
                row.plan = {**row.plan, "check_deletes": True}
            row.force = row.force or force
            opening, step = opening_for(row, config, self._clock.now()), str(row.cursor.get("step") or "")
            row.state = "scheduled" if opening is not None else ("running" if step == EXECUTE else "planning")
            row.due_at = opening or self._clock.time()
            first_load.tell_held(row, row.due_at)
            await off_hours.wake(session, row, row.due_at)
            if "work_seconds" in row.plan and not row.written:
                row.plan = {**row.plan, "eta_seconds": self._eta(row, config)}
            row.progress = {name: value for name, value in row.progress.items() if name != "paused_because"}
        return row

    def _eta(self, row: Resync, config: Config) -> int | None:
        """When a plan that begins now will be done, under the limits and the window."""
        window, now = None if unhindered(row) else config.window.window(), self._clock.now()
        end = flight_plan.ends_at(window, now, float(row.plan["work_seconds"]))
        return None if end is None else round((end - now).total_seconds())

    async def cancel(self, integration_id: int, resync_id: int) -> Resync:
        """Ends a pass for good; what its workers hold in this moment is finished. Idempotent."""
        async with self._db.transaction() as session:
            row = await self._row(session, integration_id, resync_id)
            if row.state == "cancelled":
                return row
            if row.state in ENDED and not (row.state == "failed" and row.due_at is not None):
                raise _not_now(row, "cancelada")
            await self._cancel(session, row)
        return row

    async def _cancel(self, session: AsyncSession, row: Resync) -> None:
        await pauses.cancel(session, row, "A carga foi cancelada.", self._clock.now())

    async def answered(self, session: AsyncSession, issue: Issue, choice: str) -> bool:
        """Acts, in the caller's transaction, on the answer to a question of a pass; False when it is none."""
        if issue.cause not in pauses.QUESTIONS:
            return False
        row = await session.get(Resync, int(issue.data.get("resync_id", 0)), with_for_update=True)
        issues.close(issue, self._clock.now())
        if row is None or row.state not in WORKING:
            return True
        proceed = choice == "proceed"
        if issue.cause == pauses.DELETES:
            entity = str(issue.entity)
            if proceed:
                allowed = {**row.plan.get("deletes_allowed", {}), entity: issue.data.get("deletes", 0)}
                row.plan = {**row.plan, "deletes_allowed": allowed}
            else:
                row.plan = {**row.plan, "deletes_refused": [*row.plan.get("deletes_refused", ()), entity]}
                await book.drop_deletes(session, row.id, entity)
        elif issue.cause == pauses.ABOVE_PLAN:
            row.plan = {**row.plan, "above_accepted": proceed}
        elif proceed:
            place = {name: value for name, value in (row.cursor.get("place") or {}).items() if name != "cut"}
            row.cursor = {**row.cursor, "place": {**place, "cut_accepted": True}}
            word, told = ("cut_accepted", "entities") if issue.cause == pauses.CUT else ("empty_accepted", "sets")
            row.plan = {**row.plan, word: [*row.plan.get(word, ()), *issue.data.get(told, ())]}
        if not proceed and issue.cause != pauses.DELETES:
            await self._cancel(session, row)
        elif not await pauses.questions(session, row):
            row.state, row.due_at = "running", self._clock.time()
            row.progress = {name: value for name, value in row.progress.items() if name != "paused_because"}
        return True

    async def look(self, integration_id: int, resync_id: int) -> JsonObject:
        """One pass as people see it. Raises UserError 404."""
        async with self._db.read() as session:
            return await shown(session, await self._row(session, integration_id, resync_id), self._clock.time())

    async def get(self, integration_id: int, resync_id: int) -> Resync:
        """One pass. Raises UserError 404."""
        async with self._db.read() as session:
            return await self._row(session, integration_id, resync_id)

    async def _row(self, session: AsyncSession, integration_id: int, resync_id: int) -> Resync:
        row = await session.get(Resync, resync_id, with_for_update=True)
        if row is None or row.integration_id != integration_id:
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrada", "Esta carga não existe nesta integração.")
        return row

    async def _take_turn(self, session: AsyncSession, integration_id: int, besides: int = 0) -> None:
        """The caller holds the integration's row. Raises UserError 409 while another pass is not over."""
        await pauses.retire(session, integration_id, ALONE, self._clock.now())
        query = select(Resync.id).where(
            Resync.integration_id == integration_id,
            Resync.reason.in_(ALONE),
            Resync.state.in_(WORKING),
            Resync.id != besides,
        )
        other = (await session.execute(query.limit(1))).scalar()
        if other is not None:
            text = f"A carga {other} ainda não terminou; espere por ela ou cancele-a."
            raise UserError(HTTPStatus.CONFLICT, "Já há uma carga", text, resync_id=other)

    async def _refuse_unanswered(self, session: AsyncSession, row: Resync) -> None:
        found = await pauses.questions(session, row)
        if found:
            ids = ", ".join(str(issue.id) for issue in found)
            raise UserError(HTTPStatus.CONFLICT, "Há uma pergunta aberta", f"Responda antes à pendência {ids}.")


def as_json(row: Resync) -> JsonObject:
    """The contract's shape of a pass, with its percent, rate and time left."""
    progress: dict[str, Any] = dict(row.progress)
    done, total = int(progress.get("done", 0)), int(progress.get("total", 0))
    progress["percent"] = 100.0 if row.state == "completed" else round(100 * done / total, 1) if total else 0.0
    names: Mapping[str, Any] = {
        name: getattr(row, name)
        for name in (
            "id", "state", "reason", "dry_run", "start", "force", "entities", "plan", "written", "requests_used",
            "created_at", "started_at", "finished_at",
        )
    }  # fmt: skip
    due: float | None = row.due_at if row.state in ("scheduled", "paused") and row.due_at != NEVER else None
    return {**names, "progress": progress, "resumes_at": None if due is None else _moment(due)}


async def shown(session: AsyncSession, row: Resync, now: float) -> JsonObject:
    """The same with what only the book of events knows: a first load, or a refresh of the stock, that has read
    everything is not over before its writes are."""
    document = as_json(row)
    if row.reason not in first_load.WRITES_LATER or row.state not in ("running", "completed"):
        return document
    left = await first_load.left_of(session, row)
    document["written"] = left.written
    if row.state == "running" or left.due_at is None:
        return document
    rests = left.due_at > now + RESTS_SECONDS
    percent = round(100 * (left.total - left.open) / left.total, 1)
    progress = {**document["progress"], "phase": "writing", "records_left": left.open, "percent": percent}
    due = _moment(left.due_at) if rests and left.due_at < NEVER else None
    state = "scheduled" if rests else "running"
    return {**document, "state": state, "progress": progress, "resumes_at": due, "finished_at": None}


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _refuse_unknown(entities: Sequence[str] | None, chosen: Sequence[str]) -> None:
    wrong = [name for name in entities or () if name not in chosen]
    if wrong:
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Entidades inválidas",
            f"Não há carga de: {', '.join(wrong)}.",
            errors=[
                {"field": "entities", "message": f"{name}: sem carga, ou desligada na configuração"} for name in wrong
            ],
        )


def _outside(opening: float) -> UserError:
    never = opening == NEVER
    detail = (
        "A janela de horários configurada nunca abre."
        if never
        else "Fora da janela de horários: espere por ela ou use force."
    )
    return UserError(
        HTTPStatus.CONFLICT,
        "Fora da janela",
        detail,
        next_window=None if never else _moment(opening).isoformat().replace("+00:00", "Z"),
    )


def _not_now(row: Resync, word: str) -> UserError:
    return UserError(
        HTTPStatus.CONFLICT, "Não é possível agora", f"Uma carga no estado {row.state} não pode ser {word}."
    )
