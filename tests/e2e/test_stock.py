"""Stock of a product as a table in Ploomes (F112, F116, F134-F153)."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update

from app.cli_resync import follow
from app.sync.passes.first_load import remember
from app.sync.passes.models import Watermark
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_products import product, twin
from tests.e2e.test_reconcile import loaded, reconcile
from tests.e2e.test_resync import act, as_planned, rested, resync, silent

READS = ("ListarPosEstoque", "ObterEstoqueProduto", "PosicaoEstoque")


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


async def refreshed(rig: Rig) -> int:
    """A person asks for all stock to be read again, and it is done; answers the pass's id."""
    answer = await rig.api.post(f"{rig.path}/stock/refresh")
    assert answer.status_code == 202, answer.text
    assert (await rested(rig, answer.json()["id"]))["state"] == "completed"
    await rig.settle()
    return int(answer.json()["id"])


async def publish(rig: Rig, **stock: Any) -> JsonObject:
    """New settings of stock, and the pass that they planned once it is over."""
    document = await rig.get_json(f"{rig.path}/config")
    document["stock"] |= stock
    answer = await rig.api.put(f"{rig.path}/config", json=document, params={"start": "now"})
    assert answer.status_code == 200, answer.text
    row = await rested(rig, answer.json()["resync_id"])
    assert row["state"] == "completed", row
    await rig.settle()
    return row


async def edit(rig: Rig, code: Any, text: str | None) -> None:
    """A person types something else into the field of the table in Ploomes."""
    pair = await twin(rig, code)
    [key] = [row["FieldKey"] for row in pair["OtherProperties"] if "Última alteração" in str(row.get("BigStringValue"))]
    await rig.ploomes_change("Products", pair["Id"], OtherProperties=[{"FieldKey": key, "BigStringValue": text}])


def figures(table: str) -> str:
    """A table without the moment of its last change."""
    return table.partition("Última alteração")[0]


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


@pytest.mark.feature("F144")
@EMBEDDED
@at_speed(60.0)
async def test_what_a_movement_carries_is_not_read_again(rig: Rig) -> None:
    await rig.quirk(omie_stock_event="position")
    await rig.fault("drop", match="Produto.AjusteEstoque", times=None)  # it only tells that something moved
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await move(rig, code, 3, cost=2.5, minimum=1)
    await rig.settle()
    assert ">3</td>" in await shown(rig, code)
    heard = [event for event in await rig.events_of("omie", code) if event["topic"] == "Produto.MovimentacaoEstoque"]
    whole = json.loads((await rig.get_json(f"{rig.path}/events/{heard[0]['id']}"))["body"])

    async def told(**figures: Any) -> int:
        """A movement is told again, with some figures changed; how many reads that took."""
        await rig.ponte.clock.sleep(61)
        rig.tap.calls.clear()
        body = {**whole, "messageId": str(uuid4()), "event": {**whole["event"], **figures}}
        address = rig.integration["webhook_urls"]["omie"]
        assert (await rig.api.post(address, json=body)).json()["status"] == "accepted"
        await rig.settle()
        return len(rig.tap.of(*READS))

    assert await told() == 0
    assert await told(nSaldo=2) == 1, "other figures are a hint, and read"
    assert await told(nSaldo=None) == 1, "so is what does not tell them all"
    assert ">3</td>" in await shown(rig, code), "a body never supplies what is written"
    assert await told() == 0
    assert (await rig.issues(), await rig.refusals()) == ([], {})


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


@pytest.mark.feature("F111", "F112", "F149")
@EMBEDDED
@at_speed(60.0)
async def test_a_product_that_is_linked_shows_its_stock_like_a_new_one(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    there = [await rig.ploomes_new("Products", Name=f"Daqui {n}", Code=f"CAF-{n}") for n in range(3)]
    code = (await product(rig, codigo="CAF-0"))["codigo_produto"]
    await rig.settle()
    assert str((await twin(rig, code))["Id"]) == there[0]
    assert "Sem estoque" in await shown(rig, code)
    await move(rig, code, 3)
    await rig.settle()
    table = await shown(rig, code)
    # by hand to another one, with the same figures and with what moved while nobody looked
    for partner, quantity in ((there[1], 0), (there[2], 4)):
        link = await rig.link("omie", code, "products")
        assert (await rig.api.delete(f"{rig.path}/links/{link['id']}")).is_success
        if quantity:
            await move(rig, code, quantity)
            await rig.settle()
        await rig.ponte.clock.sleep(61)  # Omie is asked about the record again
        made = await rig.api.post(
            f"{rig.path}/links", json={"entity": "products", "omie_id": str(code), "ploomes_id": partner}
        )
        assert made.status_code == 201, made.text
        await rig.settle()
        assert str((await twin(rig, code))["Id"]) == partner
        assert (await shown(rig, code) == table) is (quantity == 0)
    assert ">7</td>" in await shown(rig, code)
    # where stock is not wanted after an import it comes with the first movement
    await rig.configure(stock={"after_product_import": False})
    await rig.ploomes_new("Products", Name="Daqui 9", Code="CAF-9")
    late = (await product(rig, codigo="CAF-9", descricao="Outro café"))["codigo_produto"]
    await rig.settle()
    assert not await shown(rig, late)
    await move(rig, late, 9)
    await rig.settle()
    assert ">9</td>" in await shown(rig, late)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F108", "F145", "F148", "F150", "F135")
@at_speed(60.0)
async def test_a_refresh_reads_pages_per_place_and_writes_only_what_changed(rig: Rig) -> None:
    places = [
        await rig.omie_put("locations", codigo=f"L{n}", descricao=f'Depósito <{n}> & "b"', dispVenda="S", tipo="1")
        for n in (1, 2)
    ]
    await rig.omie_put("locations", codigo="L3", descricao="Só produção", dispVenda="N", tipo="2")
    assert len(await rig.picked_anew("stock_locations")) == 4
    codes = [
        (await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(4)
    ]  # fmt: skip
    await rig.settle()
    await refreshed(rig)  # the first tables may have been drawn before the new places were known
    # movements whose webhooks are lost
    await rig.post("/sandbox/faults", {"kind": "drop", "match": "Produto.MovimentacaoEstoque", "times": None})
    await rig.post("/sandbox/faults", {"kind": "drop", "match": "Produto.AjusteEstoque", "times": None})
    await move(rig, codes[0], 7, location=places[0]["codigo_local_estoque"])
    await move(rig, codes[1], -2.5, kind="SLD", location=places[1]["codigo_local_estoque"])
    await rig.settle()
    rig.tap.calls.clear()
    first_id = await refreshed(rig)
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
    assert await refreshed(rig) != first_id
    assert await rig.writes() == 0
    assert (await shown(rig, codes[0])).endswith(stamp)
    assert await rig.refusals() == {}


@pytest.mark.feature("F145")
@EMBEDDED
async def test_a_refresh_tells_the_requests_that_it_takes(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    codes = [(await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(3)]
    await rig.settle()
    lists = {"ListarLocaisEstoque": 1, "ListarPosEstoque": 1}
    await silent(rig)
    for quantity in (2, 5):  # before any list of stock was read, and after it
        await move(rig, codes[0], quantity)
        rig.tap.calls.clear()
        answer = await rig.api.post(f"{rig.path}/stock/refresh")
        assert answer.json()["plan"]["requests"] == {"omie": lists, "ploomes": {}}
        done = await rested(rig, answer.json()["id"])
        await rig.settle()
        assert done["plan"]["requests"] == {"omie": lists, "ploomes": {"GET Products": 1, "PATCH Products": 1}}
        assert done["plan"]["entities"]["stock"] == {"update_in_ploomes": 1, "unchanged": 2}
        assert done["requests_used"]["omie"] == lists
        assert (len(rig.tap.of("GET Products")), len(rig.tap.of("PATCH Products"))) == (1, 1)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F145", "F264")
@EMBEDDED
@at_speed(10.0)
async def test_a_refresh_is_not_over_before_its_tables_are_written(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    codes = [(await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(3)]
    await rig.settle()
    await silent(rig)
    for code in codes[:2]:
        await move(rig, code, 4)
    await rig.quirk(ploomes_latency_ms=8_000)
    row = await rig.ponte.stock_refresh.request(rig.integration["id"])
    seen: list[JsonObject] = []

    async def over() -> bool:
        seen.append(await rig.get_json(f"{rig.path}/resyncs/{row.id}"))
        return seen[-1]["state"] == "completed"

    followed = asyncio.create_task(follow(rig.ponte, row, wait=True, json_output=True))
    await rig.until(over)
    [*_, done] = seen
    assert [">4</td>" in await shown(rig, code) for code in codes] == [True, True, False]
    writing = [look["progress"] for look in seen if look["progress"].get("phase") == "writing"]
    assert writing[0]["records_left"] == 2, writing
    assert all(look["percent"] < 100 for look in writing)
    assert done["written"] == {"stock": {"update_in_ploomes": 2}}

    async def spent() -> bool:
        used: JsonObject = (await rig.get_json(f"{rig.path}/resyncs/{row.id}"))["requests_used"]
        return used == done["plan"]["requests"]

    await rig.until(spent)
    assert (await followed)["written"] == done["written"], "the command shows the way until the end"
    # what was written is told also when its events are gone
    await rig.ponte.inbox.prune(timedelta(0), remember)
    assert (await rig.get_json(f"{rig.path}/resyncs/{row.id}"))["written"] == done["written"]
    assert (await rig.issues(), await rig.refusals()) == ([], {})


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
    await refreshed(rig)
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
    done = await as_planned(rig, done["id"])
    assert ">7</td>" in await shown(rig, codes[0])
    assert await rig.refusals() == {}


@pytest.mark.feature("F025", "F148", "F150")
@at_speed(60.0)
async def test_a_publish_draws_again_what_is_stored_and_writes_only_what_changed(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    codes = [(await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(3)]
    await rig.settle()
    for code, reserved in zip(codes, (2, 0, 0), strict=True):
        await move(rig, code, 10, reserved=reserved)
    await rig.settle(90)
    assert ">8</td>" in await shown(rig, codes[0])
    rig.tap.calls.clear()
    dry = await rig.api.put(
        f"{rig.path}/config", params={"dry_run": True},
        json={**(await rig.get_json(f"{rig.path}/config")), "stock": {"locations": "all", "balance": "physical"}},
    )  # fmt: skip
    assert dry.json()["effects"]["records"] == 3
    done = await publish(rig, balance="physical")
    assert ">10</td>" in await shown(rig, codes[0])
    assert not rig.tap.of(*READS)
    assert len(rig.tap.of("PATCH Products")) == 1
    counts = done["plan"]["entities"]["stock"]
    assert (counts["update_in_ploomes"], counts["unchanged"]) == (1, 2)
    # a place of which no list was read yet: that place alone
    shop = await rig.omie_put("locations", codigo="LOJA", descricao="Loja do centro", dispVenda="S", tipo="1")
    await move(rig, codes[1], 5, location=shop["codigo_local_estoque"])
    await rig.settle(90)
    rig.tap.calls.clear()
    await publish(rig, locations=[shop["codigo"]])
    [read] = rig.tap.of(*READS)
    assert read["lista_local_estoque"] == str(shop["codigo_local_estoque"])
    tables = [await shown(rig, code) for code in codes]
    assert [table.count("<tr>") for table in tables] == [2, 2, 2], "the head and one place"
    assert [">5</td>" in table for table in tables] == [False, True, False]
    rig.tap.calls.clear()
    await publish(rig, locations="all")
    assert not rig.tap.of(*READS)
    assert len(rig.tap.of("PATCH Products")) == 3
    assert ">10</td>" in await shown(rig, codes[1])
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F005", "F134")
async def test_a_table_that_somebody_edits_is_put_back(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await move(rig, code, 3)
    await rig.settle()
    table = await shown(rig, code)
    rig.tap.calls.clear()
    for text in ("<p>tenho 99 aqui</p>", table.replace(">3</td>", ">99</td>"), None):
        await edit(rig, code, text)
        await rig.settle()
        assert await shown(rig, code) == table, "no figure changed: its stamp is that of the last change"
    assert not rig.tap.of(*READS), "what is known of the stock serves"
    assert len(rig.tap.of("PATCH Products")) == 3
    notes = [note for change in await rig.changes(entity="stock") for note in change["notes"]]
    assert notes.count("A tabela de estoque foi restaurada.") == 3
    # an edit of anything else has the table looked at, and leaves it alone
    await rig.ploomes_change("Products", (await twin(rig, code))["Id"], Name="Outro nome")
    await rig.settle()
    assert len(rig.tap.of("PATCH Products")) == 4
    assert (await twin(rig, code))["Name"] == "Café 500 g"
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F005", "F264")
@EMBEDDED
@at_speed(60.0)
async def test_an_edited_table_whose_webhook_was_lost_is_swept_and_reconciled(rig: Rig) -> None:
    codes = [(await product(rig, codigo=f"P-{n}", descricao=f"Produto {n}"))["codigo_produto"] for n in range(2)]
    await rig.settle()
    await silent(rig)
    table = await shown(rig, codes[0])
    await edit(rig, codes[0], "varrido")
    async with rig.ponte.db.transaction() as session:
        await session.execute(update(Watermark).values(due_at=1.0))
    await rig.ponte.sweep.tick()
    await rig.settle()
    assert figures(await shown(rig, codes[0])) == figures(table)
    await edit(rig, codes[1], "<b>conferido</b>")
    _, document, _ = await reconcile(rig)
    assert figures(await shown(rig, codes[1])) == figures(table)
    stock = document["entities"]["stock"]
    assert (document["clean"], stock["linked"], stock["equal"]) == (True, 2, 2), str(document)
    # a pass over products alone has nobody else to do it
    await edit(rig, codes[1], "de novo")
    await resync(rig, entities=["products"])
    await rig.settle()
    assert figures(await shown(rig, codes[1])) == figures(table)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F135", "F145")
@EMBEDDED
async def test_a_place_deleted_while_stock_is_read_does_not_stop_the_refresh(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    place = await rig.omie_put("locations", codigo="SOME", descricao="Some", dispVenda="S", tipo="1")
    rig.tap.calls.clear()
    await rig.fault("slow", vendor="omie", match="ListarPosEstoque", seconds=25, times=1)
    answer = await rig.api.post(f"{rig.path}/stock/refresh")

    async def asked() -> bool:
        return bool(rig.tap.of("ListarPosEstoque"))

    await rig.until(asked)
    await rig.omie_remove("locations", place["codigo_local_estoque"])
    assert (await rested(rig, answer.json()["id"]))["state"] == "completed"
    await rig.settle()
    assert str(place["codigo_local_estoque"]) in rig.tap.of("ListarPosEstoque")[0]["lista_local_estoque"]
    assert "Some" not in await shown(rig, code)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F005", "F135", "F144", "F145")
@pytest.mark.parametrize("imports", [True, False])
@EMBEDDED
@at_speed(60.0)
async def test_a_place_that_is_enabled_for_sale_later_shows_what_it_holds(rig: Rig, imports: bool) -> None:
    await rig.until(lambda: loaded(rig))
    await rig.configure(stock={"after_product_import": imports})
    back = (await rig.omie_put("locations", codigo="B", descricao="Fundos", dispVenda="N"))["codigo_local_estoque"]
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await silent(rig)
    await move(rig, code, 3)
    await move(rig, code, 5, location=back)
    await refreshed(rig)
    assert "Fundos" not in await shown(rig, code)
    await rig.omie_change("locations", back, dispVenda="S")
    await rig.picked_anew("stock_locations")
    if imports:  # somebody edits the table, which is drawn again from what is known
        assert (await rig.control.delete("/sandbox/faults")).is_success
        await edit(rig, code, "eu sei melhor")
        await rig.settle()
    else:  # at night nothing is read that nobody wants, but what is drawn must be known
        await reconcile(rig)
        await rig.settle()
    table = await shown(rig, code)
    assert "Fundos" in table
    assert (">5</td>" in table, ">3</td>" in table) == (True, True)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F025", "F135", "F145")
@EMBEDDED
@at_speed(60.0)
async def test_what_a_place_held_is_shown_again_after_there_was_none_for_sale(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await move(rig, code, 5)
    await refreshed(rig)
    [place] = await rig.get_json(f"{rig.path}/catalog/stock_locations")
    await rig.omie_change("locations", place["code"], dispVenda="N", descricao="Novo nome")
    await refreshed(rig)
    assert "Nenhum local de estoque" in await shown(rig, code)
    await rig.omie_change("locations", place["code"], dispVenda="S")
    await rig.picked_anew("stock_locations")
    await publish(rig, balance="physical")
    table = await shown(rig, code)
    assert (">5</td>" in table, ">Novo nome</td>" in table) == (True, True)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F135", "F137", "F144")
@EMBEDDED
@at_speed(60.0)
async def test_a_movement_in_a_place_that_is_newer_than_the_list_shows_it(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await move(rig, code, 3)
    await rig.settle()
    place = await rig.omie_put("locations", codigo="LOJA", descricao="Loja do centro", dispVenda="S", tipo="3")
    await move(rig, code, 5, location=place["codigo_local_estoque"])
    await rig.settle()
    table = await shown(rig, code)
    assert [text in table for text in (">3</td>", ">5</td>", ">Loja do centro</td>")] == [True] * 3
    lists = len(rig.tap.of("ListarLocaisEstoque"))
    await move(rig, code, 1, location=place["codigo_local_estoque"])
    await rig.settle()
    assert ">6</td>" in await shown(rig, code)
    assert len(rig.tap.of("ListarLocaisEstoque")) == lists
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F138", "F145")
@EMBEDDED
@at_speed(60.0)
async def test_a_list_that_another_pass_overtakes_loses_no_place(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    await silent(rig)
    for n in range(101):  # one more than fit a page
        place = await rig.omie_put("locations", codigo=f"L{n}", descricao=f"Lugar {n:03}", dispVenda="S")
        await move(rig, code, n + 1, location=place["codigo_local_estoque"])
    rig.tap.calls.clear()
    await rig.fault("slow", vendor="omie", match="ListarPosEstoque", seconds=20, times=1)
    first = (await rig.api.post(f"{rig.path}/stock/refresh")).json()["id"]

    async def asked(times: int) -> bool:
        return len(rig.tap.of("ListarPosEstoque")) == times

    await rig.until(lambda: asked(1))
    await rig.fault("status", vendor="omie", match="ListarPosEstoque", status=500, times=1)
    await rig.until(lambda: asked(2))  # its second page has failed
    await act(rig, first, "pause")
    await refreshed(rig)
    assert await asked(4)
    whole = await shown(rig, code)
    assert [f">Lugar {n:03}<" in whole for n in range(101)] == [True] * 101
    await act(rig, first, "resume")
    assert (await rested(rig, first))["state"] == "completed"
    await rig.settle()
    assert figures(await shown(rig, code)) == figures(whole)
