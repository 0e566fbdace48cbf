"""Custom fields that a PATCH does not name: kept, or gone with the list that it replaces (Ploomes reference 3.8 leaves
it open). The one place for the rule.

Whatever is sent along may put back what a person has just typed over, and whatever is left out may be lost. So every
account is watched: a field of our own is left out of a PATCH, and the answer tells. An account that keeps is sent what
is ours to say and nothing else; until that is known, and where lists are replaced, all that the record held goes along.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.core.db import Database
from app.core.errors import Postponed, VendorError
from app.core.log import get_logger
from app.core.ports import Gateway, JsonObject, Written
from app.sync.entities import custom_fields_of
from app.sync.models import Integration

PROPERTIES = "OtherProperties"
COLUMNS = ("StringValue", "BigStringValue", "IntegerValue", "DecimalValue", "DateTimeValue", "BoolValue")
"""Where a custom field keeps its value, one column by type (Ploomes reference 3.7)."""
FACT = "unnamed_fields"
"""Where `integrations.provisioned` keeps what an account does with them; an activation forgets it."""
_log = get_logger(__name__)


class Habit(StrEnum):
    """What is known of an account."""

    ASKED = "asked"
    """The one request that asks was sent; how it was answered is not known (yet)."""
    KEEPS = "keeps"
    REPLACES = "replaces"


def habit_of(integration: Integration) -> Habit | None:
    """What is known of an integration's account."""
    found = integration.provisioned.get(FACT)
    return Habit(found) if found else None


def own_fields(integration: Integration, entity: str) -> list[str]:
    """Keys of the fields that Ponte made on an entity's records, the one that can be missed most easily last."""
    word = custom_fields_of(entity)
    made = integration.provisioned.get("fields") or {}
    return [str(keys[word]) for _, keys in sorted(made.items()) if word in keys]


def values_in(record: JsonObject) -> list[JsonObject]:
    """The custom values of a record as a write names them."""
    rows = [
        {"FieldKey": row["FieldKey"], **{name: row[name] for name in COLUMNS if row.get(name) is not None}}
        for row in record.get(PROPERTIES) or ()
    ]
    return [row for row in rows if len(row) > 1]


def keys_in(record: JsonObject) -> set[str]:
    """Which custom fields a record has a value in, or a body names."""
    return {str(row["FieldKey"]) for row in record.get(PROPERTIES) or ()}


def told_apart(body: JsonObject, record: JsonObject, own: Sequence[str], habit: Habit | None, *, asks: bool) -> str:
    """The one field of ours that may be left out so that the answer tells: not named, but there; or nothing."""
    if not asks or habit is Habit.REPLACES or habit is Habit.KEEPS:
        return ""
    there = {str(row["FieldKey"]) for row in values_in(record)} - keys_in(body)
    return next((key for key in reversed(own) if key in there), "")


def body_over(body: JsonObject, record: JsonObject, habit: Habit | None, spared: str = "") -> JsonObject:
    """A PATCH of a record as the account must be sent it; `spared` is left out of it."""
    if habit is Habit.KEEPS:
        return body
    named = keys_in(body) | {spared}
    return {**body, PROPERTIES: [*body[PROPERTIES], *(r for r in values_in(record) if r["FieldKey"] not in named)]}


def told(body: JsonObject, record: JsonObject, answer: JsonObject, own: Collection[str]) -> Habit | None:
    """What an answer says about a field of ours that the record had and the body did not name."""
    left_out = {str(row["FieldKey"]) for row in values_in(record)} & set(own) - keys_in(body)
    if not left_out:
        return None
    return Habit.KEEPS if left_out & keys_in(answer) else Habit.REPLACES


def mended(body: JsonObject, record: JsonObject, answer: JsonObject) -> JsonObject:
    """What brings back the values that a replaced list has lost."""
    lost = [row for row in values_in(record) if row["FieldKey"] not in keys_in(body) | keys_in(answer)]
    return {PROPERTIES: [*values_in(answer), *lost]}


@dataclass(frozen=True, slots=True)
class Target:
    """A record of Ploomes to be patched, and the way to it."""

    integration: Integration
    gateway: Gateway
    set_name: str
    entity: str
    external_id: str
    hold: Callable[[], Awaitable[None]]
    """Makes sure that the lane outlives one more write; raises LeaseLost."""
    asks: bool = True
    """Whether an account that is not known may be asked by this write: a pass sends what its plan holds, no more."""

    async def patch(self, body: JsonObject) -> Written:
        """One request."""
        return await self.gateway.write(self.set_name, "update", self.external_id, body)


class CustomFields:
    """Patches records, and learns about accounts on the way."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def patch(self, target: Target, body: JsonObject, record: JsonObject | None) -> Written:
        """Patches a record that was read as `record`. Raises Postponed, VendorError, LeaseLost.

        The first write of an account that could tell nothing is followed by a second one that asks; one more brings
        back what a list that was replaced has lost. Neither changes how the write itself ended.
        """
        if PROPERTIES not in body or record is None:
            return await target.patch(body)
        habit, own = habit_of(target.integration), own_fields(target.integration, target.entity)
        spared = told_apart(body, record, own, habit, asks=target.asks)
        sent = body_over(body, record, habit, spared)
        written = await target.patch(sent)
        if written.data is None:
            return written
        found = told(sent, record, written.data, own)
        if found is not None:
            return await self._learn(target, found, written, mended(sent, record, written.data))
        return await self._ask(target, own, written) if habit is None and target.asks else written

    async def _ask(self, target: Target, own: Sequence[str], written: Written) -> Written:
        """Sends once per account what the record holds anyway, less one field of ours."""
        held = written.data or {}
        spared = next((key for key in reversed(own) if key in keys_in(held)), "")
        body = body_over({PROPERTIES: []}, held, None, spared)
        if not spared or not body[PROPERTIES] or not await self._remember(target.integration, Habit.ASKED):
            return written
        answer = await self._extra(target, body)
        found = told(body, held, answer.data, own) if answer is not None and answer.data else None
        if answer is None or answer.data is None or found is None:
            return written
        return await self._learn(target, found, answer, mended(body, held, answer.data))

    async def _learn(self, target: Target, found: Habit, written: Written, mending: JsonObject) -> Written:
        if found is not habit_of(target.integration):
            await self._remember(target.integration, found)
        if found is Habit.KEEPS:
            return written
        return await self._extra(target, mending) or written

    async def _extra(self, target: Target, body: JsonObject) -> Written | None:
        """A request beside the write that was asked for: when it fails, that one has still succeeded. A field of ours
        that is missing then is written by the record's next event."""
        await target.hold()
        try:
            return await target.patch(body)
        except (Postponed, VendorError) as problem:
            _log.warning("custom fields not settled", entity=target.entity, id=target.external_id, why=str(problem))
            return None

    async def _remember(self, integration: Integration, habit: Habit) -> bool:
        """Stores what is known now; False when it is not news."""
        async with self._db.transaction() as session:
            row = await session.get_one(Integration, integration.id, with_for_update=True)
            before = habit_of(row)
            news = before is None if habit is Habit.ASKED else before is not habit
            if news:
                row.provisioned = {**row.provisioned, FACT: habit.value}
        integration.provisioned = {**integration.provisioned, FACT: row.provisioned[FACT]}
        return news
