"""A test record walks through a live integration and leaves nothing behind (F267)."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop

pytestmark = EMBEDDED


async def run(rig: Rig, **wanted: bool) -> JsonObject:
    """A whole self-test."""
    started = await rig.api.post(f"{rig.path}/self-test", **({"json": wanted} if wanted else {}))
    assert started.status_code == 202, started.text

    async def over() -> JsonObject | None:
        row = dict(await rig.get_json(f"{rig.path}/resyncs/{started.json()['id']}"))
        return row if row["state"] in ("completed", "failed") else None

    return dict(await rig.until(over, 90))


@pytest.mark.feature("F113", "F267")
async def test_a_test_client_is_made_arrives_and_is_removed(rig: Rig) -> None:
    done = await run(rig)
    checks = {check["name"]: check for check in done["progress"]["checks"]}
    assert [name for name, check in checks.items() if not check["ok"]] == []
    assert {"Cliente criado no Ploomes", "Cliente chegou ao Omie", "Webhook do Omie", "Cliente de teste removido"} <= (
        checks.keys()
    )
    await rig.settle()
    assert await rig.clients() == []
    assert await rig.contacts() == []
    assert await rig.refusals() == {}


@at_speed(30)
@pytest.mark.feature("F113", "F267")
async def test_one_record_of_each_entity_walks_through_and_nothing_of_it_stays(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=1)
    before = {str(contact["Id"]) for contact in await rig.contacts()}
    done = await run(rig, sales=True)
    checks = {check["name"]: check for check in done["progress"]["checks"]}
    assert [(name, check["detail"]) for name, check in checks.items() if not check["ok"]] == []
    assert list(checks) == [
        "Produto", "Serviço", "Estoque de um produto", "Cliente criado no Ploomes", "Cliente chegou ao Omie",
        "Webhook do Omie", "Venda criada no Ploomes", "Venda chegou ao Omie", "Edição da venda chegou ao Omie",
        "Venda de teste removida", "Cliente de teste removido",
    ]  # fmt: skip
    assert done["progress"]["done"] == done["progress"]["total"]
    assert "pedido" in checks["Venda chegou ao Omie"]["detail"]
    assert "ordem de serviço" in checks["Venda chegou ao Omie"]["detail"]
    amounts = [float(line["Quantity"]) for body in rig.tap.of("PATCH Orders") for line in body.get("Products", ())]
    assert amounts == [2, 2]
    assert len(rig.tap.of("CancelarPedidoVenda")) == len(rig.tap.of("CancelarOS")) == 1
    await rig.settle()
    assert (await shop.orders(), await shop.service_orders(), await shop.sales()) == ([], [], {})
    assert {str(contact["Id"]) for contact in await rig.contacts()} == before
    assert len(await rig.clients()) == len(before)
    assert await rig.issues() == []


@at_speed(30)
@pytest.mark.feature("F267")
async def test_a_test_sale_that_the_pre_flight_stops_says_why_and_leaves_nothing(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    await rig.configure(orders={"omie_account": None})  # the company has more than one
    done = await run(rig, sales=True)
    [failed] = [check for check in done["progress"]["checks"] if not check["ok"]]
    assert failed["name"] == "Venda chegou ao Omie"
    assert "conta corrente" in failed["detail"], failed
    await rig.settle()
    assert (await shop.orders(), await shop.sales()) == ([], {})
    assert len(await rig.clients()) == len(await rig.contacts()) == 1
    assert await rig.issues() == []


async def test_a_test_sale_that_cannot_be_made_says_why_and_leaves_nothing(rig: Rig) -> None:
    done = await run(rig, sales=True)
    [failed] = [check for check in done["progress"]["checks"] if not check["ok"]]
    assert (failed["name"], "Nenhum produto" in failed["detail"]) == ("Venda de teste", True)
    await rig.settle()
    assert (await rig.clients(), await rig.contacts()) == ([], [])
