"""The limiter: a call's turn among all budgets it draws on, and what a vendor's refusals teach.

Which budgets: the vendors' rows (`limit_rules.py`). No call leaves while a budget, the redundancy interval, a record's
pause, the error budget or a block forbids it, over all processes together (design section 6). The state is in
`limit_store.py`, what survives a restart in `limit_book.py`.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import SQLAlchemyError

from app.core import forecast
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, Unavailable, VendorError
from app.core.limit_book import RECORD_MARK, LimitBook
from app.core.limit_rules import Budget, Call, Penalty, Rules, scope_of
from app.core.limit_store import FLIGHT_SECONDS, Asker, Check, Form, LimitStore, Outcome, Snapshot, pace_limit

LEASE_SECONDS = 40.0
"""Longer than the longest request, so that only a dead process lets a slot expire."""

STAMP_AHEAD_SECONDS = 10.0
"""The last call of an account is stored this far ahead, so that it costs one commit in ten seconds."""

UNAVAILABLE_SECONDS = 5.0

NEWEST = 0.2
"""The weight of the latest answer in how long answers take."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Slot:
    """A granted turn."""

    call: Call
    reached: bool = True
    """Set to False when the request certainly never left."""
    abandoned: bool = False
    """Set when we gave up waiting for the answer: the vendor may still be at work."""


@dataclass(slots=True)
class _Ticket:
    priority: int
    number: int


@dataclass(slots=True)
class _Lane:
    """Calls of one method of one account waiting in this process; the best of them asks the store."""

    tickets: list[_Ticket] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def best(self) -> _Ticket:
        return min(self.tickets, key=lambda ticket: (ticket.priority, ticket.number))

    def place(self, ticket: _Ticket) -> int:
        """How many are to go before it."""
        return sum((one.priority, one.number) < (ticket.priority, ticket.number) for one in self.tickets)

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Limiter:
    """Hands out turns. One per process; processes meet in the store."""

    def __init__(
        self, store: LimitStore, db: Database, clock: Clock, rules: Sequence[Rules], *, patience: float = 1.0
    ) -> None:
        self.store = store
        self._clock = clock
        self._book = LimitBook(db, clock)
        self._rules = {rule.vendor: rule for rule in rules}
        self._patience = patience
        self._lanes: dict[tuple[str, str, str], _Lane] = {}
        self._numbers = 0
        self._ahead: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._altered: dict[str, float] = {}
        self._answers: dict[tuple[str, str], float] = {}
        """Vendor and method -> seconds its answers took lately."""
        self._stamping = asyncio.Lock()
        self._restoring = asyncio.Lock()
        self._restored = 0
        self._begun = False

    @asynccontextmanager
    async def slot(self, call: Call, *, patience: float | None = None) -> AsyncIterator[Slot]:
        """Waits for this call's turn, by priority and at most `patience` seconds, and holds it for the block.

        Raises `Postponed` when the turn is further away, or when the shared state cannot be reached.
        """
        budgets, checks = self._checks(call)
        patience = self._patience if patience is None else patience
        asker = Asker(uuid.uuid4().hex, call.account, int(call.priority), patience, LEASE_SECONDS)
        if not self._begun:
            # before our own first stamp: a first start is no loss and must not look like one
            await self._ask((), asker)
            self._begun = True
        await self._stamp(call)
        await self._turn(call, budgets, checks, asker)
        slot = Slot(call)
        try:
            yield slot
        finally:
            await asyncio.shield(self._end(slot, checks, asker.id))

    async def learn(self, call: Call, error: VendorError) -> None:
        """Closes what a refusal says must stay closed, counts it, and sets `error.wait` to the time it stays so."""
        rules = self._rules[call.vendor]
        named = error.wait
        try:
            if error.status is not None:
                await self._count(rules, call)
            for penalty in rules.penalties:
                scope = scope_of(penalty.scope, call)
                if penalty.fault is error.fault and scope is not None:
                    seconds = (penalty.seconds if named is None else named) + penalty.margin
                    error.wait = max(error.wait or 0.0, seconds)
                    await self._close(penalty, scope, seconds)
        except (Unavailable, SQLAlchemyError, OSError) as problem:
            _log.warning("a refusal of %s could not be remembered: %s", call.method, type(problem).__name__)

    def answered(self, call: Call, seconds: float) -> None:
        """Remembers how long an answer took, for forecasts."""
        key = (call.vendor, call.method)
        known = self._answers.get(key, seconds)
        self._answers[key] = known + NEWEST * (seconds - known)

    async def forecast(self, calls: Sequence[tuple[Call, int]], traffic: Sequence[tuple[Call, float]] = ()) -> float:
        """Seconds that so many calls of one vendor will take at the limits as they are now, beside so many others a
        second. Raises Postponed."""
        if not calls:
            return 0.0
        vendor = calls[0][0].vendor
        rules, paces = self._rules[vendor], dict[str, int | None]()
        try:
            for budget in (each for each in rules.budgets if each.form is Form.PACE):
                for scope in {scope_of(budget.scope, call) for call, _ in calls} - {None}:
                    taught = await self.store.taught(budget.key(str(scope)))
                    paces[budget.key(str(scope))] = pace_limit(budget.limit, *taught) if taught else None
        except Unavailable:
            raise self._unavailable() from None
        mine = [seconds for (name, _), seconds in self._answers.items() if name == vendor]
        usual = sum(mine) / len(mine) if mine else forecast.ANSWER_SECONDS

        def answer(call: Call) -> float:
            return self._answers.get((vendor, call.method), usual)

        loads = [forecast.Load(call, count, answer(call)) for call, count in calls]
        beside = [forecast.Traffic(call, rate, answer(call)) for call, rate in traffic]
        return forecast.seconds(rules, loads, paces, beside)

    async def first_noted(self, key: str, seconds: float) -> float:
        """Seconds since any process first noted `key`; 0 the first time, forgotten after `seconds`."""
        try:
            return await self.store.note(key, seconds)
        except Unavailable:
            raise self._unavailable() from None

    async def forget_note(self, key: str) -> None:
        """Forgets what `first_noted` noted."""
        try:
            await self.store.forget(key)
        except Unavailable:
            raise self._unavailable() from None

    async def close(self) -> None:
        """Stores when each account was last called, so that the next start waits no longer than it must."""
        if self.store.private and self._last:
            await self._book.settle_stamps(self._last)
        await self.store.close()

    def _checks(self, call: Call) -> tuple[list[Budget], list[Check]]:
        drawn = [(budget, check) for budget in self._rules[call.vendor].budgets if (check := budget.check(call))]
        return [budget for budget, _ in drawn], [check for _, check in drawn]

    async def _turn(self, call: Call, budgets: Sequence[Budget], checks: Sequence[Check], asker: Asker) -> None:
        lane = self._lanes.setdefault((call.vendor, call.account, call.method), _Lane())
        self._numbers += 1
        ticket = _Ticket(asker.priority, self._numbers)
        lane.tickets.append(ticket)
        deadline = self._clock.time() + asker.patience
        try:
            while True:
                left = deadline - self._clock.time()
                asker = replace(asker, patience=left)
                outcome = await self._ask(checks, asker) if lane.best() is ticket else None
                if outcome and outcome.granted:
                    return
                if outcome and outcome.wait > left:
                    budget = budgets[outcome.check]
                    raise Postponed(max(outcome.wait, outcome.turn), budget.reason, budget.name)
                if left <= 0:
                    seconds = max(self._patience, FLIGHT_SECONDS * lane.place(ticket))
                    raise Postponed(seconds, "Aguardando a vez entre as chamadas ao mesmo método.", "queue")
                await self._rest(lane, min(left, outcome.wait if outcome else left))
        finally:
            lane.tickets.remove(ticket)
            if lane.tickets:
                lane.wake()

    async def _ask(self, checks: Sequence[Check], asker: Asker) -> Outcome:
        try:
            seen = self._restored
            outcome = await self.store.acquire(checks, asker)
            if outcome.lost:
                await self._restore(seen)
                outcome = await self.store.acquire(checks, asker)
        except (Unavailable, SQLAlchemyError, OSError):
            raise self._unavailable() from None
        if outcome.lost:
            raise self._unavailable()
        return outcome

    async def _rest(self, lane: _Lane, seconds: float) -> None:
        """Waits, but no longer than until something in the lane changes."""
        try:
            async with asyncio.timeout(max(seconds, 0.001) / self._clock.scale):
                await lane.changed.wait()
        except TimeoutError:
            pass

    async def _end(self, slot: Slot, checks: Sequence[Check], call_id: str) -> None:
        call = slot.call
        try:
            await self.store.release(checks, call_id, reached=slot.reached, abandoned=slot.abandoned)
        except Unavailable:
            _log.warning("a turn of %s was not given back; it expires by itself", call.method)
        now = self._clock.time()
        self._last[_account(call)] = now
        if call.write and call.record is not None:
            self._altered[f"{_account(call)}{RECORD_MARK}{call.record}"] = now
        lane = self._lanes.get((call.vendor, call.account, call.method))
        if lane is not None:
            lane.wake()
            if not lane.tickets:
                self._lanes.pop((call.vendor, call.account, call.method), None)

    async def _stamp(self, call: Call) -> None:
        """Makes sure the stored last call of the account lies ahead of this one, with what was altered meanwhile."""
        scope = _account(call)
        if self._ahead.get(scope, 0.0) > self._clock.time():
            return
        async with self._stamping:
            now = self._clock.time()
            if self._ahead.get(scope, 0.0) > now:
                return
            altered, self._altered = self._altered, {}
            try:
                await self._book.stamp({**altered, scope: now + STAMP_AHEAD_SECONDS})
            except (SQLAlchemyError, OSError):
                self._altered = {**altered, **self._altered}
                raise self._unavailable() from None
            self._ahead[scope] = now + STAMP_AHEAD_SECONDS

    async def _count(self, rules: Rules, call: Call) -> None:
        for budget in rules.budgets:
            scope = scope_of(budget.scope, call)
            if budget.form is Form.ERRORS and scope is not None:
                await self.store.log(budget.key(scope), uuid.uuid4().hex, budget.window)
                await self._book.error(scope)

    async def _close(self, penalty: Penalty, scope: str, seconds: float) -> None:
        await self.store.close_gate(f"{Form.GATE}:{scope}", seconds)
        if penalty.slows:
            failed = await self.store.slow_down(f"{Form.PACE}:{scope}", 60.0)
            await self._book.pace(scope, failed)
        if penalty.stored:
            await self._book.block(scope, self._clock.time() + seconds)

    async def _restore(self, seen: int) -> None:
        """Fills a new or wiped store: an account called before stays closed until its windows have run out."""
        async with self._restoring:
            if self._restored != seen:
                return
            remembered = await self._book.load()
            now = self._clock.time()
            snapshot = Snapshot()
            for scope, until in remembered.blocks.items():
                snapshot.gates[f"{Form.GATE}:{scope}"] = until - now
            for scope, (failed, since) in remembered.paces.items():
                snapshot.paces[f"{Form.PACE}:{scope}"] = (failed, max(0.0, now - since))
            for scope, at in remembered.errors:
                # a clock that was set back must not turn an old error into a coming one
                snapshot.logs.setdefault(f"{Form.ERRORS}:{scope}", []).append(max(0.0, now - at))
            for scope, at in remembered.stamps.items():
                if RECORD_MARK in scope:
                    for key in self._record_keys(scope):
                        snapshot.logs.setdefault(key, []).append(max(0.0, now - at))
                else:
                    closed = self._closing_seconds(scope, paced=scope in remembered.paces)
                    # never longer than a stamp can lie ahead: the clock of an earlier process may have run faster
                    left = min(at + closed - now, closed + STAMP_AHEAD_SECONDS)
                    gate = f"{Form.GATE}:{scope}"
                    snapshot.gates[gate] = max(snapshot.gates.get(gate, 0.0), left)
            snapshot.gates = {key: seconds for key, seconds in snapshot.gates.items() if seconds > 0}
            await self.store.restore(snapshot)
            self._restored += 1
            _log.info(
                "limits restored: %d budgets closed, %d errors remembered", len(snapshot.gates), len(remembered.errors)
            )

    def _closing_seconds(self, scope: str, *, paced: bool) -> float:
        rules = self._rules.get(scope.partition(":")[0])
        forms = (Form.WINDOW, Form.PACE) if paced else (Form.WINDOW,)
        return max((row.window for row in rules.budgets if row.form in forms), default=0.0) if rules else 0.0

    def _record_keys(self, scope: str) -> list[str]:
        rules = self._rules.get(scope.partition(":")[0])
        rows = rules.budgets if rules else ()
        return [row.key(scope) for row in rows if row.form is Form.WINDOW and "{record}" in row.scope]

    @staticmethod
    def _unavailable() -> Postponed:
        return Postponed(UNAVAILABLE_SECONDS, "O controle de limites está indisponível; nada é enviado.", "unavailable")


def _account(call: Call) -> str:
    return f"{call.vendor}:{call.account}"
