"""Custom fields that a PATCH does not name: what goes along, what an answer tells, what brings values back."""

from typing import Any

import pytest

from app.sync.custom_fields import Habit, body_over, keys_in, mended, told, told_apart

ID, STATUS, FREIGHT = "order_id", "order_status", "order_freight"
OWN = [ID, STATUS]
PATCH = {"StageId": 3, "OtherProperties": [{"FieldKey": ID, "StringValue": "9"}]}


def record(**values: Any) -> dict[str, Any]:
    """As Ploomes answers: every column, mostly null."""
    return {
        "OtherProperties": [
            {"Id": 1, "FieldKey": key, "StringValue": None, "DecimalValue": None, **_column(value)}
            for key, value in values.items()
        ]
    }


def _column(value: Any) -> dict[str, Any]:
    return {"StringValue": value} if isinstance(value, str) else {"DecimalValue": value}


SALE = record(order_status="aberto", order_freight=5)


@pytest.mark.feature("F003")
@pytest.mark.parametrize(
    ("habit", "spared", "sent"),
    [
        (Habit.KEEPS, "", {ID}),
        (Habit.REPLACES, "", {ID, STATUS, FREIGHT}),
        (None, "", {ID, STATUS, FREIGHT}),
        (None, STATUS, {ID, FREIGHT}),
    ],
)
def test_what_a_patch_carries(habit: Habit | None, spared: str, sent: set[str]) -> None:
    body = body_over(PATCH, SALE, habit, spared)
    assert keys_in(body) == sent
    assert body["StageId"] == 3
    assert all(len(row) == 2 for row in body["OtherProperties"])


@pytest.mark.feature("F003")
@pytest.mark.parametrize(
    ("habit", "asks", "left_out"),
    [(None, True, STATUS), (Habit.ASKED, True, STATUS), (None, False, ""), (Habit.KEEPS, True, "")],
)
def test_only_a_field_of_ours_is_left_out_to_tell(habit: Habit | None, asks: bool, left_out: str) -> None:
    assert told_apart(PATCH, SALE, OWN, habit, asks=asks) == left_out
    assert told_apart(PATCH, record(order_freight=5), OWN, habit, asks=asks) == ""


@pytest.mark.feature("F003")
def test_only_a_field_of_ours_is_a_witness() -> None:
    body = body_over(PATCH, SALE, None, STATUS)
    assert told(body, SALE, record(order_id="9", order_status="aberto"), OWN) is Habit.KEEPS
    assert told(body, SALE, record(order_id="9", order_freight=5), OWN) is Habit.REPLACES
    assert told(body_over(PATCH, SALE, None), SALE, SALE, OWN) is None
    assert told(PATCH, record(order_freight=5), record(order_id="9"), OWN) is None  # a person may have emptied it


@pytest.mark.feature("F003")
def test_what_was_lost_is_brought_back_and_nothing_else() -> None:
    answer = record(order_id="9", order_typed="novo")
    mending = mended(PATCH, record(order_id="8", order_status="aberto", order_freight=5), answer)
    assert {row["FieldKey"]: row.get("StringValue", row.get("DecimalValue")) for row in mending["OtherProperties"]} == {
        ID: "9", "order_typed": "novo", STATUS: "aberto", FREIGHT: 5,
    }  # fmt: skip
