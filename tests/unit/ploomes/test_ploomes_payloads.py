"""Answers written down from the Ploomes reference, one per set: they parse into records."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core import wire
from app.core.db import Database
from app.core.ports import JsonObject
from app.ploomes.calls import SETS
from tests.vendor_rig import ManualClock, json, ploomes

PAYLOADS = Path(__file__).parents[2] / "payloads" / "ploomes"


def payload(name: str) -> JsonObject:
    return dict(wire.loads((PAYLOADS / f"set_{name}.json").read_bytes()))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


@pytest.mark.parametrize("name", SETS)
async def test_every_set_parses(book: Database, name: str) -> None:
    written = payload(name)
    rig = ploomes(book, ManualClock(), httpx.Response(200, content=wire.dumps(written["body"])), json({"value": []}))
    records = [record async for page in rig.gateway().pages(name) for record in page.records]
    assert [record.id for record in records] == written["ids"]
    assert not any(isinstance(leaf, float) for record in records for leaf in leaves(record.data))


async def test_numbers_keep_their_digits_and_null_is_told(book: Database) -> None:
    body = payload("products")["body"]
    rig = ploomes(book, ManualClock(), httpx.Response(200, content=wire.dumps(body)), json({"value": []}))
    (record,) = [record async for page in rig.gateway().pages("products") for record in page.records]
    assert record.data["UnitPrice"] == Decimal("1234.567891")
    assert record.data["UpdaterId"] is None
    assert "ImageUrl" not in record.data


def test_every_file_belongs_to_a_set() -> None:
    assert {path.stem.removeprefix("set_") for path in PAYLOADS.glob("set_*.json")} == set(SETS)
