"""Sales in resyncs and reconciles: compared in bulk, planned, executed exactly, and certified."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from app.core.config import Settings
from app.sync.models import Integration
from tests.e2e.rig import EMBEDDED, SPLIT, Rig, at_speed, running
from tests.e2e.shop import DOCUMENT, Shop, number
from tests.e2e.test_reconcile import reconcile
from tests.e2e.test_resync import act, as_planned, lists_only, rested, resync, silent
from tests.e2e.test_sales_back import typed_order

SALES = ["orders", "service_orders"]
AT_HOME = {"endereco": "Rua A", "endereco_numero": "10", "bairro": "Centro", "cep": "01310100",
           "cidade": "SAO PAULO (SP)", "estado": "SP", "email": "compras@padaria.test"}  # fmt: skip


@pytest.fixture
async def shop(rig: Rig) -> Shop:
    return await Shop(rig).open()


async def sold(shop: Shop) -> list[str]:
    """Three sales with their documents, the third one with two."""
    made = [
        await shop.sale(shop.line("Produto 1", 2), shop.line("Produto 2", 1, "5.00")),
        await shop.sale(shop.line("Produto 1", 1, "7.50")),
        await shop.sale(shop.line("Produto 2", 3), shop.line("Serviço 1", 1, "50.00")),
    ]
    await shop.rig.settle(90)
    return made


@EMBEDDED
@pytest.mark.feature("F260", "F264", "F266")
async def test_equal_sales_cost_lists_only(shop: Shop) -> None:
    rig = shop.rig
    await sold(shop)
    await silent(rig)
    events, calls = len(await rig.items("events", limit=200)), len(rig.tap.calls)
    done = await resync(rig, entities=SALES)
    assert done["state"] == "completed", done
    counts = done["plan"]["entities"]
    assert {name: counts[name]["unchanged"] for name in SALES} == {"orders": 3, "service_orders": 1}
    assert sum(counts[name][word] for name in SALES for word in counts[name] if word != "unchanged") == 0, counts
    made = lists_only(rig, calls)
    assert {"ListarPedidos", "ListarOS", "GET Orders"} <= made
    assert not [name for name in made if not name.startswith(("Listar", "GET "))]
    assert len(await rig.items("events", limit=200)) == events
    done = await as_planned(rig, done["id"])
    assert await rig.refusals() == {}


@SPLIT
@pytest.mark.feature("F168", "F262", "F264", "F266")
async def test_a_plan_of_sales_writes_nothing_and_is_executed_exactly(shop: Shop) -> None:
    rig = shop.rig
    first, second, third = await sold(shop)
    gone = await shop.sale(shop.line("Produto 1"))
    await silent(rig)
    await shop.edit(first, shop.line("Produto 1", 4), shop.line("Produto 2", 1, "5.00"), settle=False)
    order = await shop.order_of(second)
    item = {"ide": {"codigo_item": order["det"][0]["ide"]["codigo_item"]}, "produto": {"quantidade": 9}}
    await shop.screen("orders", "PATCH", {"det": [item]}, str(order["cabecalho"]["codigo_pedido"]))
    cancelled = await shop.order_of(third)
    await shop.act(cancelled["cabecalho"]["codigo_pedido"], "cancel")
    await shop.delete(gone)
    new = await shop.sale(shop.line("Produto 2", 2, "3.00"), settle=False)
    typed = await typed_order(shop)
    await shop.sale({**shop.line("Produto 1", 1), "Total": 99.0}, settle=False)  # it contradicts itself: it waits
    before = await rig.writes()
    plan = await resync(rig, dry_run=True, entities=SALES)
    assert plan["state"] == "planned", plan
    assert await rig.writes() == before
    counts = plan["plan"]["entities"]["orders"]
    expected = {"update_in_omie": 1, "update_in_ploomes": 2, "create_in_omie": 1, "create_in_ploomes": 1,
                "delete_in_omie": 1, "delete_in_ploomes": 0, "conflict": 0, "unchanged": 0, "waiting": 1}  # fmt: skip
    assert {name: counts.get(name) for name in expected} == expected
    assert plan["plan"]["entities"]["service_orders"]["unchanged"] == 1
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], seconds=120)
    assert done["state"] == "completed", done
    # the client's timeline says why the last sale waits, a moment after its issue
    told = len(await rig.until(lambda: rig.ploomes_set("InteractionRecords")))
    assert (await rig.writes() - before - told, told) == (done["plan"]["writes"], 1), done
    done = await as_planned(rig, done["id"])
    sales = await shop.sales()
    assert number((await shop.order_of(first))["det"][0]["produto"]["quantidade"]) == Decimal(4)
    assert number(sales[second]["Products"][0]["Quantity"]) == Decimal(9)
    assert number((await shop.order_of(new))["det"][0]["produto"]["valor_total"]) == Decimal(6)
    assert len(sales) == 6, sales.keys()
    link = (await rig.get_json(f"{rig.path}/records/orders/omie/{typed['cabecalho']['codigo_pedido']}"))["link"]
    assert link["ploomes_id"] in sales
    assert await rig.issues() == ["preflight"]
    assert await rig.refusals() == {}
    row, document, _ = await reconcile(rig)
    assert document["clean"], str(document)
    assert {name: document["entities"][name]["equal"] for name in SALES} == {"orders": 5, "service_orders": 1}
    assert not set(row["written"]) & set(SALES), row["written"]


@EMBEDDED
@pytest.mark.feature("F167", "F264", "F266")
@at_speed(60.0)
async def test_a_sale_that_may_not_follow_is_an_exception_with_its_reason(shop: Shop) -> None:
    rig = shop.rig
    sale_id = await shop.sale(shop.line("Produto 1"))
    await shop.sale(shop.line("Produto 2"))
    order_id = (await shop.order_of(sale_id))["cabecalho"]["codigo_pedido"]
    await shop.act(order_id, "invoice")
    await shop.edit(sale_id, shop.line("Produto 1", 5))
    asked = await rig.issue("document_invoiced")
    await rig.ponte.clock.sleep(10)  # what was touched a moment ago counts as live
    _, document, _ = await reconcile(rig)
    orders = document["entities"]["orders"]
    [exception] = orders["exceptions"]
    assert (exception["omie_id"], exception["ploomes_id"]) == (str(order_id), sale_id)
    assert (exception["reason"], bool(exception["fields"])) == (asked["title"], True), exception
    assert (orders["linked"], orders["equal"], orders["excepted"], orders["differences"]) == (2, 1, 1, 0)
    assert document["clean"], document


async def published(rig: Rig, **history: Any) -> None:
    """Publishes a history and waits for the pass that follows."""
    document = await rig.get_json(f"{rig.path}/config")
    document["history"] |= history
    answer = await rig.api.put(f"{rig.path}/config", json=document, params={"start": "now"})
    assert answer.status_code == 200, answer.text
    assert (await rested(rig, answer.json()["resync_id"], seconds=90))["state"] == "completed"


def lists(rig: Rig) -> Counter[str]:
    """How often Omie's documents were listed."""
    return Counter(name for name, _ in rig.tap.calls if name in ("ListarPedidos", "ListarOS"))


@EMBEDDED
@pytest.mark.feature("F264")
async def test_an_account_without_orders_costs_one_error_a_day(shop: Shop) -> None:
    rig = shop.rig
    await silent(rig)
    assert (await rig.control.delete("/sandbox/faults")).is_success
    before = lists(rig)
    for _ in range(2):
        done = await resync(rig, entities=SALES)
        assert done["state"] == "completed", done
    assert lists(rig) - before == Counter(ListarPedidos=1, ListarOS=1)
    await shop.sale(shop.line("Produto 1"))
    done = await resync(rig, entities=SALES)
    assert done["plan"]["entities"]["orders"]["unchanged"] == 1
    assert lists(rig) - before == Counter(ListarPedidos=2, ListarOS=1)
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F258", "F259", "F260", "F261")
async def test_history_is_counted_first_and_comes_when_it_is_wished_for(shop: Shop) -> None:
    rig = shop.rig
    await silent(rig)
    sale_id = await shop.sale(shop.line("Produto 1"), settle=False)
    typed = await typed_order(shop)
    now = rig.ponte.clock.now() + timedelta(seconds=1)
    async with rig.ponte.db.transaction() as session:
        await session.execute(update(Integration).values(activated_at=now))
    plan = await resync(rig, entities=SALES)
    counts = plan["plan"]["entities"]["orders"]
    assert (counts["history_in_omie"], counts["history_in_ploomes"], plan["written"]) == (1, 1, {})
    document = await rig.get_json(f"{rig.path}/config")
    document["history"]["omie_orders"] = True
    told = await rig.api.put(f"{rig.path}/config", json=document, params={"dry_run": "true"})
    assert told.json()["effects"]["history"] == {"omie": 1, "ploomes": 1}
    await published(rig, omie_orders=True)
    assert len(await shop.sales()) == 2
    assert len(await shop.orders()) == 1
    link = (await rig.get_json(f"{rig.path}/records/orders/omie/{typed['cabecalho']['codigo_pedido']}"))["link"]
    assert link["ploomes_id"] != sale_id
    await published(rig, ploomes_sales=True, since=(now + timedelta(days=2)).date().isoformat())
    assert len(await shop.orders()) == 1
    await published(rig, since=None)
    assert number((await shop.order_of(sale_id))["det"][0]["produto"]["valor_total"]) == Decimal(10)
    assert len(await shop.sales()) == len(await shop.orders()) == 2
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F258", "F259", "F260", "F261")
@at_speed(30.0)
async def test_an_activation_brings_the_history_that_the_switches_ask_for(product: Settings) -> None:
    """The switches are set before the activation: what was sold before it comes behind clients and products."""
    async with running(product, speed=product.clock_scale) as rig:
        shop = Shop(rig)
        await rig.create()
        await rig.configure(history={"omie_orders": True, "ploomes_sales": False})
        city = next(row for row in await rig.ploomes_set("Cities") if row["Name"] == "São Paulo")
        client = await rig.omie_new(
            razao_social="Padaria Boa Ltda", nome_fantasia="Padaria Boa", cnpj_cpf=DOCUMENT, **AT_HOME
        )
        row = {"codigo": "P-1", "descricao": "Produto 1", "unidade": "UN", "ncm": "19059090", "valor_unitario": 10.0}
        made = await shop.screen("products", "POST", row)
        account = next(row["nCodCC"] for row in await shop.omie("contacorrente") if row["inativo"] == "N")
        order = await shop.screen("orders", "POST", {
            "cabecalho": {"codigo_cliente": client["codigo_cliente_omie"], "data_previsao": "10/12/2030",
                          "etapa": "10", "codigo_parcela": "000"},
            "det": [{"ide": {"codigo_item_integracao": "a"},
                     "produto": {"codigo_produto": made["codigo_produto"], "quantidade": 2, "valor_unitario": 10}}],
            "informacoes_adicionais": {"codigo_categoria": "1.01.03", "codigo_conta_corrente": account,
                                       "consumidor_final": "S"},
        })  # fmt: skip
        old = await rig.contact_new(TypeId=1, Name="Antiga", Register="11444777000161", CityId=city["Id"])
        own = int(await rig.ploomes_new("Products", Name="Avulso", Code="AV-1", UnitPrice=10.0))
        line = {"ProductId": own, "Quantity": 1.0, "UnitPrice": 10.0, "Discount": 0.0, "Total": 10.0}
        await rig.ploomes_new("Orders", ContactId=old["Id"], Amount=10.0, Products=[line])
        await rig.activate("now")

        async def arrived() -> bool:
            passes = await rig.items("resyncs")
            return {row["reason"] for row in passes} == {"first_load", "mapping"} and all(
                row["state"] == "completed" for row in passes
            )

        await rig.until(arrived, 90)
        await rig.settle()
        order_id = order["cabecalho"]["codigo_pedido"]
        link = (await rig.get_json(f"{rig.path}/records/orders/omie/{order_id}"))["link"]
        assert link is not None
        assert str(link["ploomes_id"]) in await shop.sales()
        [history] = [row for row in await rig.items("resyncs") if row["reason"] == "mapping"]
        counts = history["plan"]["entities"]["orders"]
        assert (counts["create_in_ploomes"], counts["history_in_ploomes"]) == (1, 1), counts
        assert len(await shop.orders()) == 1  # the other switch is off
        assert await rig.refusals() == {}
