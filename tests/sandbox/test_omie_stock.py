"""Omie's stock: locations, positions, movements and what the webhooks say of them (omie-api.md 3.9, 4.5)."""

from datetime import timedelta
from typing import Any

from .conftest import APP_KEY, Bench
from .test_omie_products import HOOK, create

STOCK, PLACES = "estoque/consulta", "estoque/local"


async def places(bench: Bench) -> list[dict[str, Any]]:
    return list((await bench.omie("ListarLocaisEstoque", {"nPagina": 1}, PLACES)).json()["locaisEncontrados"])


async def position(bench: Bench, product: int, **fields: Any) -> dict[str, Any]:
    day = f"{bench.sandbox.clock.brasilia():%d/%m/%Y}"
    answer = await bench.omie("PosicaoEstoque", {"id_prod": product, "data": day, **fields}, STOCK)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def move(bench: Bench, product: int, **fields: Any) -> None:
    await bench.omie_screen("POST", "stock", {"product": product, **fields})


async def test_a_company_is_born_with_a_default_location(bench: Bench) -> None:
    (place,) = await places(bench)
    assert (place["padrao"], place["dispVenda"], place["inativo"], place["tipo"]) == ("S", "S", "N", "1")
    given = {"codigo": "FEIRA", "descricao": "Feira", "dispVenda": "N", "tipo": "2"}
    made = (await bench.omie("IncluirLocalEstoque", given, PLACES)).json()
    assert (made["cCodStatus"], made["codigo"]) == ("0", "FEIRA")
    change = {"codigo_local_estoque": made["codigo_local_estoque"], "padrao": "S", "inativo": "N"}
    await bench.omie("AlterarLocalEstoque", change, PLACES)
    rows = (await bench.omie("ListarLocaisEstoque", {"nPagina": 1, "nRegPorPagina": 9}, PLACES)).json()
    assert [row["padrao"] for row in rows["locaisEncontrados"]] == ["N", "S"]
    assert "5113" in (await bench.omie("ListarLocaisEstoque", {"nPagina": 2}, PLACES)).text


async def test_position_of_the_default_location_with_average_cost(bench: Bench) -> None:
    product = await create(bench)
    await move(bench, product, kind="ENT", quantity=10, cost=2)
    await move(bench, product, kind="ENT", quantity=10, cost=4)
    await move(bench, product, kind="SAI", quantity=22.5, minimum=5)
    row = await position(bench, product)
    assert (row["fisico"], row["saldo"], row["cmc"], row["estoque_minimo"]) == (-2.5, -2.5, 3, 5)
    assert row["codigo_local_estoque"] == (await places(bench))[0]["codigo_local_estoque"]
    await move(bench, product, kind="SLD", quantity=8, reserved=3)
    row = await position(bench, product, codigo_local_estoque=row["codigo_local_estoque"])
    assert (row["fisico"], row["saldo"], row["reservado"]) == (8, 5, 3)


async def test_position_of_an_earlier_day(bench: Bench) -> None:
    product = await create(bench)
    await move(bench, product, kind="ENT", quantity=10, cost=1)
    bench.later(86_400)
    await move(bench, product, kind="SAI", quantity=4)
    yesterday = bench.sandbox.clock.brasilia() - timedelta(days=1)
    row = await position(bench, product, data=f"{yesterday:%d/%m/%Y}")
    assert row["fisico"] == 10


async def test_positions_list_what_moved_or_everything(bench: Bench) -> None:
    moved, _still = await create(bench), await create(bench, "P-2")
    await move(bench, moved, kind="ENT", quantity=1.5, cost=1)
    other = await bench.omie_screen("POST", "locations", {"descricao": "Loja"})
    listed = (await bench.omie("ListarPosEstoque", {"nPagina": 1}, STOCK)).json()
    assert [(row["nCodProd"], row["nSaldo"]) for row in listed["produtos"]] == [(moved, 1.5)]
    everything = {"nPagina": 1, "cExibeTodos": "S", "lista_local_estoque": "TODOS"}
    assert (await bench.omie("ListarPosEstoque", everything, STOCK)).json()["nTotRegistros"] == 4
    one = {"lista_produtos": [{"nCodProd": moved}], "cExibeTodos": "S",
           "codigo_local_estoque": other["codigo_local_estoque"]}  # fmt: skip
    rows = (await bench.omie("ListarPosEstoque", one, STOCK)).json()["produtos"]
    assert [(row["nCodProd"], row["fisico"]) for row in rows] == [(moved, 0)]


async def test_everything_pages_by_fifty(bench: Bench) -> None:
    await bench.quirk(omie_limits=False)
    for number in range(51):
        await create(bench, f"P-{number}")
    answer = await bench.omie("ListarPosEstoque", {"cExibeTodos": "S", "nRegPorPagina": 100}, STOCK)
    assert (answer.json()["nRegistros"], answer.json()["nTotPaginas"]) == (50, 2)


async def test_what_stock_calls_refuse(bench: Bench) -> None:
    both = {"codigo_local_estoque": 1, "lista_local_estoque": "TODOS"}
    assert "1073" in (await bench.omie("ListarPosEstoque", both, STOCK)).text
    unknown = await bench.omie("ListarPosEstoque", {"codigo_local_estoque": 12345}, STOCK)
    assert unknown.json()["faultcode"] == "SOAP-ENV:Client-1070"
    assert unknown.json()["faultstring"] == (
        "ERROR: Local do Estoque não cadastrado para o Código [12345] !\n- tag: [codigo_local_estoque]"
    )
    assert "[ListarEstPosRequest]" in await bench.fault("ListarPosEstoque", {"nCodProd": 1}, STOCK)
    missing = await bench.fault("PosicaoEstoque", {"id_prod": 9, "data": "01/01/2026"}, STOCK)
    assert missing == "ERROR: Produto não cadastrado para o ID [9] !"
    assert "[data] é obrigatório" in await bench.fault("PosicaoEstoque", {"id_prod": 9}, STOCK)


async def test_summary_of_one_product_and_of_a_search(bench: Bench) -> None:
    product = await create(bench, imagens=[{"url_imagem": "https://img.test/1.png"}])
    await create(bench, "P-2")
    await move(bench, product, kind="ENT", quantity=3, cost=1, reserved=1, minimum=2)
    answer = await bench.omie("ObterEstoqueProduto", {"nIdProduto": product, "cExibirImagens": "S"}, "estoque/resumo")
    row = answer.json()["listaEstoque"][0]
    assert (row["nFisico"], row["nReservado"], row["nDisponivel"], row["nEstoqueMinimo"]) == (3, 1, 2, 2)
    assert answer.json()["listaImagens"] == [{"cUrlImagem": "https://img.test/1.png"}]
    hits = (await bench.omie("ObterEstoqueProduto", {"xCodigo": "parafuso"}, "estoque/resumo")).json()
    assert len(hits["listaProduto"]) == 2


async def test_movements_and_locations_are_announced(bench: Bench) -> None:
    product = await create(bench)
    await bench.control("POST", f"omie/{APP_KEY}/webhooks", {"url": HOOK, "topics": None})
    other = await bench.omie_screen("POST", "locations", {"descricao": "Loja"})
    await move(bench, product, kind="TRF", quantity=2, to=other["codigo_local_estoque"])
    posts = (await bench.delivered())[1:]
    assert [post["topic"] for post in posts] == [
        "LocalEstoque.Incluido", *["Produto.MovimentacaoEstoque", "Produto.AjusteEstoque"] * 2,
    ]  # fmt: skip
    assert posts[3]["event"] == {"codigo_local_estoque": other["codigo_local_estoque"], "codigo_produto": product}
    assert set(posts[4]["event"]) == {"codigo_local_estoque", "id_prod", "data"}
    await bench.quirk(omie_stock_event="position")
    await move(bench, product, kind="ENT", quantity=2, location=other["codigo_local_estoque"])
    assert (await bench.delivered())[6]["event"]["nSaldo"] == 4
    refused = await bench.http.delete(f"/sandbox/omie/{APP_KEY}/screen/locations/{other['codigo_local_estoque']}")
    assert refused.status_code == 422
