"""Products, services, stock and documents over the sandbox: look-ups, positions, histories and what changed since."""

from decimal import Decimal
from functools import partial

import pytest

from app.core.errors import Fault, VendorError
from app.core.ports import JsonObject, Key
from app.omie.calls import SETS as OMIE_SETS
from tests.contract.cases import CASES, PRODUCT, SERVICE, Case
from tests.contract.rig import Vendors, behind_the_wire, every, patient


def two(number: int) -> JsonObject:
    """Another product."""
    return {
        **PRODUCT, "codigo_produto_integracao": f"X{number}", "codigo": f"PRD-{number}", "descricao": f"Mesa {number}",
    }  # fmt: skip


@pytest.mark.feature("F102", "F108")
async def test_products_are_read_alone_together_and_by_what_people_know(vendors: Vendors) -> None:
    omie = vendors.omie()
    first = await vendors.put("omie", "products", {**two(1), "ean": "7891234567895"})
    second = await vendors.put("omie", "products", {**two(2), "recomendacoes_fiscais": {"cupom_fiscal": "S"}})
    together = await omie.fetch_many("products", [first, second, "999999999"])
    assert sorted(together) == sorted([first, second]), "products without a shop set-up are listed too"
    alone = await omie.consult("products", second)
    assert alone is not None
    assert alone.data["valor_unitario"] == Decimal(10)
    assert "cfop" in alone.data
    assert "cfop" not in together[second].data, "blank in lists, so not known from them"
    for key in (Key("code", "PRD-1"), Key("ean", "7891234567895"), Key("name", "Mesa 1")):
        assert [record.id for record in await omie.find("products", key)] == [first]
    assert await omie.find("products", Key("code", "PRD-9")) == []
    service = await vendors.put("omie", "services", SERVICE)
    for key in (Key("code", "SRV-1"), Key("name", "Instalação")):
        assert [record.id for record in await omie.find("services", key)] == [service]
    assert (await vendors.refusals()) == {}


@pytest.mark.parametrize("entity", ["clients", "products"])
async def test_a_record_reads_the_same_alone_and_in_a_list(vendors: Vendors, entity: str) -> None:
    """What a list left out would look as if somebody had cleared it."""
    omie = vendors.omie()
    typed: JsonObject = {"caracteristicas": [{"campo": "Porte", "conteudo": "Media"}], "observacao": "Pagar dia 5"}
    if entity == "clients":
        body = {**await CASES[0].body(behind_the_wire(vendors, "omie")), **typed}
        one = (await omie.write("clients", "create", None, body)).id
    else:
        one = await vendors.put("omie", "products", {**two(1), "obs_internas": "Frágil", "descr_detalhada": "Longa"})
    alone = await omie.consult(entity, one)
    together = (await omie.fetch_many(entity, [one]))[one]
    crawled = next(record for record in await every(omie, entity) if record.id == one)
    assert alone is not None
    if entity == "clients":
        assert {name: alone.data[name] for name in typed} == typed
    listing = OMIE_SETS[entity].listing
    assert listing is not None
    empty = (None, "", 0, [], {})
    for name, value in alone.data.items():
        if name not in listing.untold and value not in empty:
            assert (together.data.get(name), crawled.data.get(name)) == (value, value), name


@pytest.mark.feature("F134", "F136", "F138", "F144")
async def test_stock_is_read_by_product_by_place_and_whole(vendors: Vendors) -> None:
    omie = vendors.omie()
    product, other = [await vendors.put("omie", "products", two(number)) for number in (1, 2)]
    place = await vendors.put("omie", "stock_locations", {"descricao": "Loja", "tipo": "1"})
    for one, quantity, where in ((product, "2.5", None), (product, "4", place), (other, "1", None)):
        move = {"product": int(one), "kind": "ENT", "quantity": Decimal(quantity)}
        await vendors.screen("omie", "stock", {**move, "location": int(where)} if where else move)
    (default,) = [r.id for r in await every(omie, "stock_locations") if r.data["padrao"] == "S"]
    whole = {record.id: record.data["nSaldo"] for record in await every(omie, "stock")}
    everything = {one: held for one, held in whole.items() if one.partition(".")[0] in (product, other)}
    assert everything == {
        f"{product}.{default}": Decimal("2.5"), f"{product}.{place}": 4, f"{other}.{default}": 1,
    }  # fmt: skip
    found = await omie.find("stock", Key("product", product))
    assert {record.id for record in found} == {f"{product}.{default}", f"{product}.{place}"}
    there = [r.id async for page in omie.pages("stock", within={"locations": place}) for r in page.records]
    assert there == [f"{product}.{place}"]
    both = f"{product},{other}"
    some = [r.id async for page in omie.pages("stock", within={"products": both}) for r in page.records]
    assert sorted(some) == sorted(everything)
    position = await omie.fetch("stock_positions", f"{product}.{place}")
    by_default = await omie.fetch("stock_positions", product)
    assert position is not None
    assert by_default is not None
    assert (position.id, position.data["saldo"]) == (f"{product}.{place}", 4)
    assert (str(by_default.data["codigo_local_estoque"]), by_default.data["saldo"]) == (default, Decimal("2.5"))
    summary = await omie.fetch("stock_summaries", product)
    assert summary is not None
    assert {str(row["nIdlocal"]): row["nFisico"] for row in summary.data["listaEstoque"] if row["nFisico"]} == {
        default: Decimal("2.5"), place: 4,
    }  # fmt: skip
    assert (await vendors.refusals()) == {}


DOCUMENTS = [case for case in CASES if case.vendor == "omie" and case.entity in ("orders", "service_orders")]


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case.entity)
@pytest.mark.feature("F009", "F171")
async def test_what_changed_since_is_told_to_the_second(vendors: Vendors, case: Case) -> None:
    """Omie filters documents by the day; the stamps they carry do the rest."""
    omie, entity = vendors.omie(), case.entity
    body = await case.body(behind_the_wire(vendors, "omie"))
    first = await omie.write(entity, "create", None, body)
    block, code = ("cabecalho", "codigo_pedido_integracao") if entity == "orders" else ("Cabecalho", "cCodIntOS")
    await vendors.wait(3600)
    since = vendors.clock.now()
    await vendors.wait(60)
    second = await omie.write(entity, "create", None, {**body, block: {**body[block], code: "PLOOMES-99"}})
    assert [r.id async for page in omie.pages(entity, since=since) for r in page.records] == [second.id]
    (verb, change, _), *_rest = case.verbs
    await vendors.wait(61)
    await patient(partial(omie.write, entity, verb, first.id, change), vendors.clock)
    await vendors.wait(61)
    seen = [r.id async for page in omie.pages(entity, since=since) for r in page.records]
    assert sorted(seen) == sorted([first.id, second.id])
    state = await omie.fetch("order_states" if entity == "orders" else "service_order_states", first.id)
    assert state is not None
    assert "20" in (state.data.get("etapa"), state.data.get("cEtapa"))
    if entity == "orders":
        moves = [r async for page in omie.pages("order_moves", since=since) for r in page.records]
        assert ("20", first.id) in [(move.data["cEtapa"], str(move.data["nCodPed"])) for move in moves]
    assert (await vendors.refusals()) == {}


@pytest.mark.feature("F087")
async def test_a_document_that_names_a_stranger_says_which_tag(vendors: Vendors) -> None:
    body = await DOCUMENTS[0].body(behind_the_wire(vendors, "omie"))
    body["cabecalho"]["codigo_cliente"] = 999999999
    with pytest.raises(VendorError) as refused:
        await vendors.omie().write("orders", "create", None, body)
    assert refused.value.fault is Fault.MISSING_REFERENCE


async def test_options_hang_on_their_table(vendors: Vendors) -> None:
    gateway, clock = vendors.ploomes(), vendors.clock
    tables = [await gateway.write("options_tables", "create", None, {"Name": name}) for name in ("Etapa", "Frete")]
    for table in tables:
        option = {"TableId": int(table.id), "Name": "Dez", "ExternalKey": "10"}
        await patient(partial(gateway.write, "options", "create", None, option), clock)
    table = tables[1].id
    (found,) = await gateway.find("options", Key("external_key", "10", {"table_id": table}))
    assert str(found.data["TableId"]) == table
    assert [r.id async for page in gateway.pages("options", within={"table_id": table}) for r in page.records] == [
        found.id
    ]
