"""What an account does with custom fields that a PATCH does not name is learned by at most one request, once."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import Gateway, JsonObject, Written
from app.sync.custom_fields import CustomFields, Habit, Target, habit_of, keys_in
from app.sync.models import Integration
from tests.factories import add_integration

FIELDS = {"ponte_omie_id": {"orders": "order_id"}, "ponte_omie_status": {"orders": "order_status"}}
NAMED = [{"FieldKey": "order_id", "StringValue": "9"}, {"FieldKey": "order_status", "StringValue": "aberto"}]


@dataclass
class Account:
    """One sale of an account that keeps what is not named, or replaces the list."""

    replaces: bool
    held: dict[str, Any] = field(default_factory=lambda: {"order_freight": "5"})
    sent: list[set[str]] = field(default_factory=list)
    refuses: int = 0
    """Which request it refuses, counted from one."""

    @property
    def record(self) -> JsonObject:
        return {"Id": 7, "OtherProperties": [{"FieldKey": k, "StringValue": v} for k, v in self.held.items()]}

    async def write(self, entity: str, verb: str, external_id: str, body: JsonObject) -> Written:
        self.sent.append(keys_in(body))
        if len(self.sent) == self.refuses:
            raise VendorError(Fault.TRANSIENT, "503", vendor="ploomes")
        kept = {} if self.replaces else self.held
        self.held = {**kept, **{row["FieldKey"]: row["StringValue"] for row in body["OtherProperties"]}}
        return Written("7", self.record, datetime.now(UTC))


async def patch(
    db: Database, integration: Integration, account: Account, *named: JsonObject, asks: bool = True
) -> None:
    async def hold() -> None: ...

    async with db.read() as session:
        row = await session.get_one(Integration, integration.id)
    target = Target(row, cast(Gateway, account), "orders", "orders", "7", hold, asks)
    await CustomFields(db).patch(target, {"OtherProperties": list(named)}, account.record)


async def habit(db: Database, integration: Integration) -> Habit | None:
    async with db.read() as session:
        return habit_of(await session.get_one(Integration, integration.id))


@pytest.mark.feature("F003")
@pytest.mark.parametrize(
    ("replaces", "requests", "known", "then"),
    [
        (False, 2, Habit.KEEPS, {"order_status"}),
        (True, 3, Habit.REPLACES, {"order_status", "order_id", "order_freight"}),
    ],
)
async def test_the_first_write_of_an_account_asks_once_and_loses_nothing(
    book: Database, replaces: bool, requests: int, known: Habit, then: set[str]
) -> None:
    integration, account = await add_integration(book, provisioned={"fields": FIELDS}), Account(replaces)
    await patch(book, integration, account, *NAMED)
    assert len(account.sent) == requests  # where lists are replaced, one more brings the missing field back
    assert await habit(book, integration) is known
    assert account.held == {"order_freight": "5", "order_id": "9", "order_status": "aberto"}
    await patch(book, integration, account, {"FieldKey": "order_status", "StringValue": "faturado"})
    assert account.sent[requests:] == [then]
    assert account.held == {"order_freight": "5", "order_id": "9", "order_status": "faturado"}


@pytest.mark.feature("F003")
@pytest.mark.parametrize(("replaces", "requests"), [(False, 1), (True, 2)])
async def test_a_write_that_can_tell_asks_nothing_more(book: Database, replaces: bool, requests: int) -> None:
    integration = await add_integration(book, provisioned={"fields": FIELDS})
    account = Account(replaces, {"order_freight": "5", "order_id": "9"})
    await patch(book, integration, account, NAMED[1])
    assert account.sent[0] == {"order_status", "order_freight"}
    assert len(account.sent) == requests
    assert await habit(book, integration) is (Habit.REPLACES if replaces else Habit.KEEPS)
    assert account.held == {"order_freight": "5", "order_id": "9", "order_status": "aberto"}


@pytest.mark.feature("F003", "F264")
async def test_a_pass_asks_nothing_and_a_question_without_an_answer_is_not_put_again(book: Database) -> None:
    integration, account = await add_integration(book, provisioned={"fields": FIELDS}), Account(replaces=False)
    await patch(book, integration, account, *NAMED, asks=False)
    assert account.sent == [{"order_id", "order_status", "order_freight"}]
    account.held = {"order_freight": "5"}
    account.refuses = 3
    await patch(book, integration, account, *NAMED)
    assert await habit(book, integration) is Habit.ASKED
    account.held = {"order_freight": "5"}
    await patch(book, integration, account, *NAMED)
    assert len(account.sent) == 4
    await patch(book, integration, account, NAMED[1])
    assert await habit(book, integration) is Habit.KEEPS
    assert len(account.sent) == 5


@pytest.mark.feature("F003")
async def test_an_account_that_begins_to_replace_gets_back_what_it_lost(book: Database) -> None:
    integration, account = await add_integration(book, provisioned={"fields": FIELDS}), Account(replaces=False)
    await patch(book, integration, account, *NAMED)
    account.replaces = True
    await patch(book, integration, account, {"FieldKey": "order_status", "StringValue": "faturado"})
    assert account.held == {"order_freight": "5", "order_id": "9", "order_status": "faturado"}
    assert await habit(book, integration) is Habit.REPLACES
