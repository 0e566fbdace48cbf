"""A refresh of all stock that cannot be, and a table that shows no place (F025, F145, F148)."""

from http import HTTPStatus

import pytest

from tests.e2e.rig import EMBEDDED, Rig
from tests.e2e.test_products import product
from tests.e2e.test_reconcile import loaded
from tests.e2e.test_stock import move, publish, shown

pytestmark = EMBEDDED


@pytest.mark.feature("F145")
@pytest.mark.parametrize(("entity", "named"), [("products", "produtos"), ("stock", "estoque")])
async def test_a_refresh_of_what_is_switched_off_is_refused_and_says_what(rig: Rig, entity: str, named: str) -> None:
    await rig.until(lambda: loaded(rig))
    await rig.configure(entities={entity: False})
    answer = await rig.api.post(f"{rig.path}/stock/refresh")
    assert answer.status_code == HTTPStatus.CONFLICT, answer.text
    assert f"sincronização de {named} está desligada" in answer.json()["detail"]
    assert "stock_refresh" not in {row["reason"] for row in await rig.items("resyncs")}


@pytest.mark.feature("F025", "F148")
async def test_a_choice_of_no_place_shows_none_and_the_publish_warns(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await move(rig, code, 5)
    await rig.settle()
    document = await rig.get_json(f"{rig.path}/config")
    document["stock"]["locations"] = []
    tried = await rig.api.put(f"{rig.path}/config", json=document, params={"dry_run": True})
    assert [text for text in tried.json()["warnings"] if "stock.locations" in text] != []
    await publish(rig, locations=[])
    assert "Nenhum local de estoque" in await shown(rig, code)
    await publish(rig, locations="all")
    assert ">5</td>" in await shown(rig, code)
    assert (await rig.issues(), await rig.refusals()) == ([], {})
