"""Ploomes' bodies: every topic of ours, the key in its header, and junk that must never crash the door."""

import json as std
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import wire
from app.core.ports import Kind, Vendor
from app.ploomes import webhooks

PAYLOADS = sorted((Path(__file__).parents[2] / "payloads" / "ploomes").glob("webhook_*.json"))


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_every_topic_is_understood(path: Path) -> None:
    expected = wire.loads(path.read_bytes())
    raw = wire.dumps(expected["body"])
    notice = webhooks.parse(raw)
    assert notice.vendor is Vendor.PLOOMES
    assert (notice.entity, notice.external_id, notice.kind) == (
        expected["entity"],
        expected["external_id"],
        expected["kind"],
    )
    assert (notice.dedupe_key, notice.dedupe_forever) == (wire.body_key(raw), False)
    assert notice.author == "10000002"
    assert not notice.echo


def test_the_topic_is_the_documented_spelling() -> None:
    raw = wire.dumps({"Entity": "contact", "Action": "UPDATE", "New": {"Id": 1}})
    assert webhooks.parse(raw).topic == "Contacts.Update"


def test_the_validation_key_is_the_only_proof() -> None:
    assert webhooks.authentic({"x-ploomes-validation-key": "key-1"}, "key-1")
    for headers in ({}, {"X-Ploomes-Validation-Key": ""}, {"X-Ploomes-Validation-Key": "key-2"}, {"Other": "key-1"}):
        assert not webhooks.authentic(headers, "key-1")
    assert not webhooks.authentic({"X-Ploomes-Validation-Key": "ç"}, "key-1")


def test_a_body_is_shaped_as_the_api_answers() -> None:
    body = wire.loads((PAYLOADS[0].parent / "webhook_contact_changed.json").read_bytes())["body"]
    new, old = webhooks.record_of(body)
    assert new is not None
    assert old is not None
    assert new["LastUpdateDate"] == "2026-02-28T19:00:01.213-03:00"
    assert new["Phones"] == body["New"]["Phones"]
    rows = {row["FieldKey"][-1]: row for row in new["OtherProperties"]}
    assert rows["1"]["StringValue"] == rows["1"]["BigStringValue"] == "4001"
    assert rows["1"]["IntegerValue"] is None
    assert rows["2"]["IntegerValue"] == rows["2"]["ObjectValueId"] == 744747
    assert len(old["OtherProperties"]) == 1


@pytest.mark.parametrize(
    ("value", "column", "expected"),
    [
        (True, "BoolValue", True),
        (Decimal("1.50"), "DecimalValue", Decimal("1.50")),
        (7, "DecimalValue", Decimal(7)),
        ("2026-01-02T00:00:00", "DateTimeValue", "2026-01-02T00:00:00-03:00"),
        ("2018-12-25T00:00:00", "DateTimeValue", "2018-12-25T00:00:00-02:00"),
        ("2026-13-45T00:00:00", "DateTimeValue", None),
        ("texto", "DateTimeValue", None),
    ],
)
def test_a_custom_value_fills_the_columns_it_may_belong_to(value: Any, column: str, expected: Any) -> None:
    new, _ = webhooks.record_of({"New": {"Id": 1, "OtherProperties": {"k": value}}})
    assert new is not None
    assert new["OtherProperties"][0][column] == expected


def test_several_options_are_several_rows() -> None:
    new, _ = webhooks.record_of({"New": {"Id": 1, "OtherProperties": {"k": [1, 2], "gone": None}}})
    assert new is not None
    assert [row["IntegerValue"] for row in new["OtherProperties"]] == [1, 2]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"New":' * 100_000,
        b"[]",
        b"{}",
        b'{"Entity":"Contacts"}',
        b'{"Entity":"Contacts","Action":"Update"}',
        b'{"Entity":"Contacts","Action":"Update","New":[]}',
        b'{"Entity":"Contacts","Action":"Update","New":{"Id":"abc"}}',
        b'{"Entity":"Contacts","Action":"Update","New":{"Id":1e400}}',
        b'{"Entity":["Contacts"],"Action":{"a":1}}',
        b'{"Action":"Update","New":{"Id":1}}',
        b'{"Entity":"Contacts","Action":"Update","New":{"Id":NaN}}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_junk_is_unreadable_and_never_crashes(raw: bytes) -> None:
    notice = webhooks.parse(raw)
    assert (notice.kind, notice.entity) == (Kind.UNREADABLE, None)
    body = webhooks.decode(raw)
    if body is not None:
        webhooks.record_of(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(new=JSON, old=JSON, entity=JSON, action=JSON)
def test_any_json_gives_a_notice(new: Any, old: Any, entity: Any, action: Any) -> None:
    for named in (entity, "Contacts"):
        body = {"New": new, "Old": old, "Entity": named, "Action": action}
        webhooks.parse(std.dumps(body).encode())
        webhooks.record_of(body)
        webhooks.record_of({"New": {"Id": 1, "OtherProperties": new}})
