"""Omie's human pages: a person creates, edits, moves, sells and deletes with a browser's forms."""

from typing import Any

import pytest

from app.sandbox.shop import PAGES

from .conftest import APP_KEY, Bench

BASE = f"/sandbox/screens/omie/{APP_KEY}"


async def newest(bench: Bench, name: str) -> dict[str, Any]:
    return dict((await bench.control("GET", f"omie/{APP_KEY}/{name}"))[-1])


@pytest.mark.parametrize("name", PAGES)
async def test_every_register_has_a_list_and_forms(bench: Bench, name: str) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    page = await bench.http.get(f"{BASE}/{name}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "Salvar" in (await bench.http.get(f"{BASE}/{name}/new")).text
    link = page.text.split(f'<a href="{BASE}/{name}/')[2].split('"')[0]
    assert "Excluir" in (await bench.http.get(f"{BASE}/{name}/{link}")).text


async def test_a_product_is_typed_edited_moved_and_deleted(bench: Bench) -> None:
    data = {"descricao": "Cola <b>forte</b>", "valor_unitario": "12,5", "tipoItem": "00"}
    assert (await bench.http.post(f"{BASE}/products/new", data=data)).status_code == 303
    row = await newest(bench, "products")
    assert (row["descricao"], row["valor_unitario"]) == ("Cola <b>forte</b>", 12.5)
    one = f"{BASE}/products/{row['codigo_produto']}"
    shown = (await bench.http.get(one)).text
    assert "Cola &lt;b&gt;forte" in shown
    await bench.http.post(one, data={"descricao": row["descricao"], "valor_unitario": "13"})
    assert (await newest(bench, "products"))["valor_unitario"] == 13
    assert (await bench.http.post(one, data={"valor_unitario": "caro"})).status_code == 422
    other = await bench.omie_screen("POST", "products", {"descricao": "Outra"})
    await bench.http.post(f"{BASE}/products/{other['codigo_produto']}/stock", data={"kind": "ENT", "quantity": "7"})
    assert ">7<" in (await bench.http.get(f"{BASE}/products/{other['codigo_produto']}")).text
    assert (await bench.http.post(f"{one}/delete")).status_code == 303


async def test_an_order_gets_items_changes_stage_and_is_cancelled(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    orders = await bench.control("GET", f"omie/{APP_KEY}/orders")
    order = next(o for o in orders if "S" not in (o["infoCadastro"]["cancelado"], o["infoCadastro"]["faturado"]))
    one = f"{BASE}/orders/{order['cabecalho']['codigo_pedido']}"
    first = order["det"][0]
    product = first["produto"]["codigo_produto"]
    data = {
        f"{first['ide']['codigo_item']}:produto.quantidade": "77", "new:chosen": str(product),
        "new:produto.quantidade": "2", "new:produto.valor_unitario": "5", "observacoes.obs_venda": "Urgente",
    }  # fmt: skip
    assert (await bench.http.post(one, data=data)).status_code == 303
    row = await bench.control("GET", f"omie/{APP_KEY}/orders/{order['cabecalho']['codigo_pedido']}")
    assert row["det"][0]["produto"]["quantidade"] == 77
    assert row["det"][-1]["produto"]["valor_total"] == 10
    assert row["observacoes"]["obs_venda"] == "Urgente"
    await bench.http.post(one, data={f"{row['det'][-1]['ide']['codigo_item']}:gone": "S"})
    assert (await bench.http.post(f"{one}/stage", data={"etapa": "50"})).status_code == 303
    assert (await bench.http.post(f"{one}/cancel")).status_code == 303
    row = await bench.control("GET", f"omie/{APP_KEY}/orders/{order['cabecalho']['codigo_pedido']}")
    assert (row["cabecalho"]["etapa"], row["infoCadastro"]["cancelado"]) == ("50", "S")
    assert len(row["det"]) == len(order["det"])
    assert (await bench.http.post(f"{one}/cancel")).status_code == 422


async def test_a_service_order_is_typed(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    work = await newest(bench, "service_orders")
    job = str(work["ServicosPrestados"][0]["nCodServico"])
    data = {"Cabecalho.nCodCli": str(work["Cabecalho"]["nCodCli"]), "new:chosen": job, "new:nQtde": "3"}
    assert (await bench.http.post(f"{BASE}/service_orders/new", data=data)).status_code == 303
    assert (await newest(bench, "service_orders"))["ServicosPrestados"][0]["nQtde"] == 3
