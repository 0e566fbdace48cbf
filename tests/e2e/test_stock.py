"""Stock of a product as a table in Ploomes (F112, F116, F134-F153)."""

from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_products import product, twin
from tests.e2e.test_resync import act, rested, resync, silent


async def move(rig: Rig, code: Any, quantity: float, kind: str = "ENT", **more: Any) -> None:
    """A person moves stock on Omie's screen."""
    await rig.post(
        "/sandbox/omie/1000000000001/screen/stock",
        {"product": code, "kind": kind, "quantity": quantity, **more},
        person="maria@loja.test",
    )


async def shown(rig: Rig, code: Any) -> str:
    """The table in the product's field, as HTML."""
    rows: list[JsonObject] = (await twin(rig, code))["OtherProperties"]
    return next((str(row["BigStringValue"]) for row in rows if row.get("BigStringValue")), "")


@pytest.mark.feature("F116", "F134", "F136", "F137", "F138", "F139", "F140", "F141", "F142", "F143", "F144", "F146")
async def test_a_movement_is_shown_with_every_column(rig: Rig) -> None:
    made = await product(rig)
    code = made["codigo_produto"]
    await rig.settle()
    first = await shown(rig, code)
    assert "Sem estoque" in first, "a new product carries its table in its first write"
    assert len(rig.tap.of("POST Products")) == 1
    assert not rig.tap.of("PATCH Products")
    await move(rig, code, 12.5, cost=1234.5, minimum=20)
    await rig.settle()
    table = await shown(rig, code)
    for title in ("Status do Estoque", "Local de Estoque", "Estoque Disponível", "CMC Unitário", "CMC Total",
                  "Estoque Mínimo", "Previsão de Saída", "Tipo de Local de Estoque"):  # fmt: skip
        assert f">{title}</th>" in table
    assert "Abaixo do mínimo" in table
    assert ">12,5</td>" in table
    assert "1.234,50" in table
    assert "15.431,25" in table
    assert "Última alteração: " in table
    assert (await twin(rig, code))["Name"] == "Café 500 g"
    assert any("tabela de estoque" in note for c in await rig.changes(entity="stock") for note in c["notes"])
    assert await rig.refusals() == {}


@pytest.mark.feature("F113", "F144", "F283")
@EMBEDDED
async def test_a_burst_of_movements_is_two_reads(rig: Rig) -> None:
    made = await product(rig)
    code = made["codigo_produto"]
    await rig.settle()
    rig.tap.calls.clear()
    for quantity in (1, 2, 3, 4, 5, 6):
        await move(rig, code, quantity, kind="SLD")
    await rig.settle(90)
    assert ">6</td>" in await shown(rig, code)
    reads = rig.tap.of("ObterEstoqueProduto", "ListarPosEstoque", "PosicaoEstoque")
    assert len(reads) <= 2, reads
    assert await rig.refusals() == {}


@pytest.mark.feature("F112")
@EMBEDDED
async def test_stock_of_an_unlinked_product_is_skipped_and_says_so(rig: Rig) -> None:
    made = await product(rig)
    await rig.settle()
    await rig.configure(entities={"products": False})
    other = await product(rig, codigo="CAF-2", descricao="Outro")
    await move(rig, other["codigo_produto"], 3)
    await rig.settle()
    [event, *_] = await rig.events_of("omie", other["codigo_produto"])
    assert (event["entity"], event["state"], event["cause"]) == ("stock", "ignored", "unlinked")
    assert "não tem vínculo" in event["reason"]
    assert len(await rig.ploomes_set("Products")) == 1
    assert made


@pytest.mark.feature("F108", "F145", "F148", "F150", "F135")
@at_speed(60.0)
async def test_a_refresh_reads_pages_per_place_and_writes_only_what_changed(rig: Rig) -> None:
    places = [
        await rig.omie_put("locations", codigo=f"L{n}", descricao=f'Depósito <{n}> & "b"', dispVenda="S", tipo="1")
        for n in (1, 2)
    ]
    await rig.omie_put("locations", codigo="L3", descricao="Só produção", dispVenda="N", tipo="2")
    codes = [
        (await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(4)
    ]  # fmt: skip
    await rig.settle()
    # movements whose webhooks are lost
    await rig.post("/sandbox/faults", {"kind": "drop", "match": "Produto.MovimentacaoEstoque", "times": None})
    await rig.post("/sandbox/faults", {"kind": "drop", "match": "Produto.AjusteEstoque", "times": None})
    await move(rig, codes[0], 7, location=places[0]["codigo_local_estoque"])
    await move(rig, codes[1], -2.5, kind="SLD", location=places[1]["codigo_local_estoque"])
    await rig.settle()
    rig.tap.calls.clear()
    answer = await rig.api.post(f"{rig.path}/stock/refresh")
    assert answer.status_code == 202, answer.text

    async def ended() -> bool:
        return (await rig.get_json(f"{rig.path}/resyncs/{answer.json()['id']}"))["state"] == "completed"

    await rig.until(ended)
    await rig.settle()
    assert not rig.tap.of("ObterEstoqueProduto")
    assert len(rig.tap.of("ListarPosEstoque")) == 1, "all places in one list"
    assert len(rig.tap.of("PATCH Products")) == 2
    first, second = await shown(rig, codes[0]), await shown(rig, codes[1])
    assert ">7</td>" in first
    assert ">-2,5</td>" in second
    assert "Depósito &lt;1&gt; &amp; &#34;b&#34;" in first
    assert "Só produção" not in first
    stamp = first[first.index("Última alteração") :]
    rig.tap.calls.clear()
    again = await rig.api.post(f"{rig.path}/stock/refresh")
    assert again.json()["id"] != answer.json()["id"]

    async def ended_again() -> bool:
        return (await rig.get_json(f"{rig.path}/resyncs/{again.json()['id']}"))["state"] == "completed"

    await rig.until(ended_again)
    await rig.settle()
    assert await rig.writes() == 0
    assert (await shown(rig, codes[0])).endswith(stamp)
    assert await rig.refusals() == {}


@pytest.mark.feature("F144", "F145", "F150")
@EMBEDDED
async def test_what_one_product_was_told_is_what_the_pages_tell(rig: Rig) -> None:
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await rig.configure(stock={"balance": "physical"})
    await move(rig, code, 10.25, cost=3.5, minimum=4, reserved=2)
    await rig.settle()
    assert ">10,25</td>" in await shown(rig, code)
    assert rig.tap.of("ObterEstoqueProduto")
    rig.tap.calls.clear()
    answer = await rig.api.post(f"{rig.path}/stock/refresh")

    async def ended() -> bool:
        return (await rig.get_json(f"{rig.path}/resyncs/{answer.json()['id']}"))["state"] == "completed"

    await rig.until(ended)
    await rig.settle()
    assert len(rig.tap.of("ListarPosEstoque")) == 1
    assert await rig.writes() == 0


@pytest.mark.feature("F145", "F262", "F264")
@EMBEDDED
async def test_a_plan_tells_of_stock_and_is_executed_exactly(rig: Rig) -> None:
    codes = [(await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(3)]
    await rig.settle()
    await move(rig, codes[1], 3)
    await rig.settle()
    await silent(rig)
    before = len(rig.tap.of("PATCH Products"))
    await move(rig, codes[0], 7)
    plan = await resync(rig, entities=["stock"], dry_run=True)
    counts = plan["plan"]["entities"]["stock"]
    assert (counts["update_in_ploomes"], counts["unchanged"], plan["plan"]["writes"]) == (1, 2, 1)
    assert len(rig.tap.of("PATCH Products")) == before
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"])
    assert (done["state"], done["written"]) == ("completed", {"stock": {"update_in_ploomes": 1}})
    assert done["requests_used"] == done["plan"]["requests"]
    assert ">7</td>" in await shown(rig, codes[0])
    assert await rig.refusals() == {}
