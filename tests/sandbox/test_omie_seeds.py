"""What the seeds hold of Omie's side: a believable shop, the cases that hurt, and a great many on demand."""

import time

import pytest

from app.sandbox.app import Sandbox
from app.sandbox.seeds.deals import Desk

from .conftest import APP_KEY, Bench


def registers(seed: str) -> dict[str, list[dict[str, object]]]:
    company = Sandbox(seed=seed, random_seed=3).world.companies[APP_KEY]
    return {name: [entry.row for entry in entries.values()] for name, entries in company.registers.items()}


def test_demo_sells_a_few_hundred_things_the_same_each_time() -> None:
    shop = registers("demo")
    assert shop["produtos"] == registers("demo")["produtos"]
    assert len(shop["produtos"]) > 200
    assert len(shop["servicos"]) == 30
    assert len(shop["pedidos"]) == 60
    kits = [row for row in shop["produtos"] if row.get("componentes_kit")]
    assert len(kits) == 8
    assert any(row["inativo"] == "S" for row in shop["produtos"])
    assert {row["cabecalho"]["etapa"] for row in shop["pedidos"]} >= {"00", "10", "20", "50", "60"}  # type: ignore[index]
    places = shop["locais"]
    assert [place["dispVenda"] for place in places] == ["S", "S", "N", "S", "N"]
    assert [place["inativo"] for place in places] == ["N", "N", "N", "S", "N"]


@pytest.mark.parametrize("seed", ["small", "demo"])
def test_nobody_sells_or_moves_a_kit(seed: str) -> None:
    sandbox = Sandbox(seed=seed, random_seed=3)
    company = sandbox.world.companies[APP_KEY]
    kits = {entry.id: entry.row["codigo"] for entry in company.registers["produtos"].values()
            if entry.row.get("componentes_kit")}  # fmt: skip
    assert kits
    desk = Desk(company)
    sold = [entry.row for entry in company.registers["pedidos"].values()]
    sold += [desk.form(next(c for c in company.clients.values() if c.row.get("estado"))) for _ in range(300)]
    assert not kits.keys() & {item["produto"]["codigo_produto"] for order in sold for item in order["det"]}
    assert not any(kits.keys() & set(company.stock.moved_in(place)) for place in company.registers["locais"])
    [account] = sandbox.world.accounts.values()
    assert not set(kits.values()) & {row["Code"] for row in account.sets["Products"].values()}


@pytest.mark.parametrize("seed", ["small", "demo"])
def test_awkward_ones_are_there(seed: str) -> None:
    shop = registers(seed)
    names = [str(row["descricao"]) for row in shop["produtos"]]
    assert any("<script>" in name for name in names)
    assert any("&quot;" in name and "Chr(39)" in name for name in names)
    assert max(len(name) for name in names) == 500
    prices = [float(str(row["valor_unitario"])) for row in shop["produtos"]]
    assert min(prices) < 0
    assert 0.0375 in prices
    codes = [row["cabecalho"]["cCodigo"] for row in shop["servicos"]]  # type: ignore[index]
    assert len(set(codes)) < len(codes)
    assert {str(row["codigo"]) for row in shop["produtos"]} & set(codes)
    families = [row["nomeFamilia"] for row in shop["familias"]]
    assert len(set(families)) < len(families)


async def test_few_orders_of_the_small_seed_keep_its_clients_free(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "small"})
    clients = {row["codigo_cliente_omie"]: row for row in await bench.control("GET", f"omie/{APP_KEY}/clients")}
    orders = await bench.control("GET", f"omie/{APP_KEY}/orders")
    assert {clients[row["cabecalho"]["codigo_cliente"]]["exterior"] for row in orders} == {"S"}


async def test_twenty_thousand_products_list_quickly(bench: Bench) -> None:
    await bench.control("POST", "reset", {"seed": "bulk:20000:500"})
    await bench.quirk(omie_limits=False)
    company = bench.sandbox.world.companies[APP_KEY]
    assert (len(company.registers["produtos"]), len(company.clients)) == (20_000, 500)
    started = time.monotonic()
    last = await bench.omie("ListarProdutos", {"pagina": 200, "filtrar_apenas_omiepdv": "N",
                                               "registros_por_pagina": 100}, "geral/produtos")  # fmt: skip
    stock = await bench.omie("ListarPosEstoque", {"nPagina": 600, "nRegPorPagina": 100,
                                                  "lista_local_estoque": "TODOS"}, "estoque/consulta")  # fmt: skip
    assert len(last.json()["produto_servico_cadastro"]) == len(stock.json()["produtos"]) == 100
    # two pages of the longest lists; milliseconds on an idle machine
    assert time.monotonic() - started < 3
    assert (await bench.http.post("/sandbox/reset", json={"seed": "bulk:muitos"})).status_code == 422
