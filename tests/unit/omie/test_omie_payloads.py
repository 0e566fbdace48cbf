"""Answers written down from the Omie reference, one per list and look-up of every set: they parse into records."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core import wire
from app.core.db import Database
from app.core.ports import JsonObject
from app.omie.calls import SETS
from tests.vendor_rig import ManualClock, omie

PAYLOADS = Path(__file__).parents[2] / "payloads" / "omie"


def payload(kind: str, name: str) -> JsonObject:
    return dict(wire.loads((PAYLOADS / f"{kind}_{name}.json").read_bytes()))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


def check_leaves(data: JsonObject) -> None:
    """Numbers keep their digits, texts are as people typed them, and empty is not null."""
    for leaf in leaves(data):
        assert not isinstance(leaf, float)
        if isinstance(leaf, str):
            assert leaf == leaf.strip()
            assert not any(entity in leaf for entity in ("&quot;", "&amp;", "&apos;", "Chr(39)"))


@pytest.mark.parametrize("name", [name for name, row in SETS.items() if row.listing])
@pytest.mark.feature("F276", "F277")
async def test_every_list_parses(book: Database, name: str) -> None:
    written = payload("list", name)
    rig = omie(book, ManualClock(), httpx.Response(200, content=wire.dumps(written["body"])))
    pages = [page async for page in rig.gateway().pages(name, within=written.get("within"))]
    assert [record.id for page in pages for record in page.records] == written["ids"]
    assert [page.complete for page in pages] == [True]
    assert pages[0].cursor is None
    row, listing = SETS[name], SETS[name].listing
    for record in pages[0].records:
        check_leaves(record.data)
        assert row.id_of(record.data) == record.id
        assert listing is not None
        assert not listing.untold & set(record.data), "blank in the list is not known"
    (body,) = rig.vendor.bodies()
    assert len(body["param"]) == 1
    assert body["param"][0], "an empty object is refused"


@pytest.mark.parametrize("name", [name for name, row in SETS.items() if row.consult])
async def test_every_look_up_parses(book: Database, name: str) -> None:
    written = payload("consult", name)
    rig = omie(book, ManualClock(), httpx.Response(200, content=wire.dumps(written["body"])))
    (wanted,) = written["ids"]
    record = await rig.gateway().consult(name, wanted)
    assert record is not None
    assert record.id == wanted
    check_leaves(record.data)


async def test_absent_null_and_empty_stay_apart(book: Database) -> None:
    rig = omie(book, ManualClock(), httpx.Response(200, content=wire.dumps(payload("consult", "products")["body"])))
    record = await rig.gateway().consult("products", "5366578297")
    assert record is not None
    data = record.data
    assert (data["videos"], data["imagens"], data["modelo"]) == (None, [], "")
    assert "veiculo" not in data
    assert data["valor_unitario"] == Decimal("1234.567891")
    assert data["combustivel"]["codigo_anp"] == "", "padding is no value"
    assert data["cfop"] == "5.102", "the look-up tells the shop taxes"


def test_every_file_belongs_to_a_set() -> None:
    for kind in ("list", "consult"):
        assert {path.stem.removeprefix(f"{kind}_") for path in PAYLOADS.glob(f"{kind}_*.json")} <= set(SETS)
