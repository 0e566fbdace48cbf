"""Nothing in a catalogue stops the rest of it: names, codes, figures, and what goes while others stay."""

from typing import Any

import pytest

from tests.e2e.rig import APP_KEY, EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_products import names_of, product, service, twin
from tests.e2e.test_reconcile import loaded, reconcile
from tests.e2e.test_resync import silent
from tests.e2e.test_stock import move, refreshed, shown

HTML = '<b>Chá</b> & "café" d\'água &lt;1kg&gt; &eacute; <script>alert(1)</script>'
PLAIN = '<b>Chá</b> & "café" d\'água <1kg> é <script>alert(1)</script>'
LONG = "mto longo " * 50
"""500 characters; the cut that Ploomes wants falls behind a space."""
KINDS = {"products": "produtos", "services": "servicos", "families": "familias", "locations": "locais"}


def poke(rig: Rig, name: str, code: Any, **fields: Any) -> None:
    """What Omie's screens would not take, as an import of old data leaves it."""
    row = rig.sandbox.world.companies[APP_KEY].registers[KINDS[name]][code].row
    for path, value in fields.items():
        block, _, tag = path.rpartition("__")
        (row[block] if block else row)[tag] = value


@pytest.mark.feature("F093", "F096", "F097", "F098", "F099", "F103", "F108", "F130", "F135", "F137", "F138")
@at_speed(30.0)
async def test_hostile_names_codes_and_figures_stop_nobody(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    await rig.quirk(omie_family_delete="detached")
    families = [(await rig.omie_put("families", nomeFamilia=name))["codigo"] for name in (HTML, "Longa", "Some")]
    places = [
        (await rig.omie_put("locations", codigo=f"L{n}", descricao=name, dispVenda="S", tipo="2"))[
            "codigo_local_estoque"
        ]
        for n, name in enumerate((HTML, "Longo", "Some", "Vazio"))
    ]
    poke(rig, "families", families[1], nomeFamilia=LONG)
    poke(rig, "locations", places[1], descricao=LONG)
    rows: list[JsonObject] = [
        {"descricao": HTML, "valor_unitario": 0, "codigo_familia": families[0]},
        {"descricao": "Longo", "valor_unitario": -1.5, "codigo_familia": families[1], "codigo": "x" * 60},
        {"descricao": "Fração", "valor_unitario": 0.0001, "codigo_familia": families[2], "unidade": "m²"},
        {"descricao": "Mesmo código", "valor_unitario": 99999999.99},
        {"descricao": "Sai", "valor_unitario": 1},
        {"descricao": "Normal", "valor_unitario": 5},
    ]
    made = [(await product(rig, **{"codigo": f"H-{n}", **row}))["codigo_produto"] for n, row in enumerate(rows)]
    works = [
        (await service(rig, cCodigo=code, cDescricao=name, nPrecoUnit=price))["intListar"]["nCodServ"]
        for code, name, price in (("S-1", HTML, 0), ("S-1", "Mesmo código", -2.25), ("", "Longo", 3), ("S-4", "Sai", 1))
    ]
    await rig.settle(90)
    # renamed beyond what Ploomes takes, one code for two, and gone
    poke(rig, "products", made[1], descricao=LONG)
    poke(rig, "products", made[3], codigo="H-0")
    poke(rig, "services", works[2], cabecalho__cDescricao=LONG)
    for code in (made[1], made[3]):
        await rig.omie_change("products", code, unidade="CX")
    await rig.omie_change("services", works[2], cabecalho={"nPrecoUnit": 4})
    await rig.omie_remove("products", made[4])
    await rig.omie_remove("services", works[3])
    await rig.omie_remove("families", families[2])
    for code, figures in zip(made[:4], ((-7, 0), (0.125, -3.333), (0, 0), (123456789.5, 0.0001)), strict=True):
        await move(rig, code, figures[0], kind="SLD", location=places[0], cost=figures[1], minimum=-1)
    await rig.settle(90)
    await rig.omie_remove("locations", places[3])
    await rig.omie_change("locations", places[2], inativo="S")
    await rig.omie_change("products", made[5], valor_unitario=6)
    await move(rig, made[5], 2.5, location=places[1])

    async def followed() -> bool:
        await rig.ponte.families.sweep()
        groups = await names_of(rig, "Products@Groups")
        return groups.get((await twin(rig, made[2]))["GroupId"]) == "Produtos"

    await rig.until(followed, 60)
    await rig.settle(90)
    await refreshed(rig)

    pairs = [await twin(rig, code) for code in (*made[:4], made[5])]
    assert [pair["UnitPrice"] for pair in pairs] == [0, -1.5, 0.0001, 99999999.99, 6]
    assert [pair["Name"] for pair in pairs] == [PLAIN, LONG[:200].rstrip(), "Fração", "Mesmo código", "Normal"]
    assert [pair["Code"] for pair in pairs] == ["H-0", "x" * 60, "H-2", "H-0", "H-5"]
    services = [await twin(rig, code, "services") for code in works[:3]]
    assert [(pair["Name"], pair["UnitPrice"]) for pair in services] == [
        (PLAIN, 0), ("Mesmo código", -2.25), (LONG[:200].rstrip(), 4),
    ]  # fmt: skip
    assert len(await rig.ploomes_set("Products")) == 8, "what Omie deleted is gone, nothing is there twice"
    groups = await names_of(rig, "Products@Groups")
    assert [groups[pair["GroupId"]] for pair in pairs] == [
        PLAIN,
        LONG[:200].rstrip(),
        "Produtos",
        "Produtos",
        "Produtos",
    ]
    tables = [await shown(rig, code) for code in (*made[:4], made[5])]
    for table, figure in zip(tables, ("-7", "0,125", "0", "123.456.789,5", "2,5"), strict=True):
        assert f">{figure}</td>" in table
        assert "<script" not in table
        assert f">{LONG.strip()}</td>" in table
        assert "Vazio" not in table
        assert "Some" not in table
    _, document, _ = await reconcile(rig)
    assert document["clean"] is True, str(document)
    assert [document["entities"][name]["linked"] for name in ("products", "services", "stock")] == [5, 3, 5]
    assert (await rig.items("events", state="failed"), await rig.issues(), await rig.refusals()) == ([], [], {})


@pytest.mark.feature("F086", "F097", "F103", "F111")
@EMBEDDED
@at_speed(30.0)
async def test_codes_and_ids_beyond_every_column_stop_nobody(rig: Rig) -> None:
    """Ploomes takes any text as a code or as "Id (Omie)", and nobody promises how long Omie's codes are."""
    await rig.until(lambda: loaded(rig))
    key = next(
        row["Key"] for row in await rig.ploomes_set("Fields") if row["Name"] == "Id (Omie)" and row["EntityId"] == 10
    )
    typed = [{"FieldKey": key, "StringValue": "9" * 60}]
    await rig.ploomes_new("Products", Name="Código longo", Code="C" * 500)
    await rig.ploomes_new("Products", Name="Id longo", Code="ID", OtherProperties=typed)
    same = await rig.ploomes_new("Products", Name="Antigo", Code="K" * 500)
    made = [(await product(rig, codigo=f"L-{n}", descricao=f"Item {n}"))["codigo_produto"] for n in range(3)]
    await rig.settle()
    for code, text in zip(made, ("K" * 500, "Z" * 161, "L-2"), strict=True):
        poke(rig, "products", code, codigo=text)
        await rig.omie_change("products", code, valor_unitario=7)
    fresh = (await product(rig, codigo="L-9", descricao="Novo"))["codigo_produto"]
    await rig.settle()
    assert [(await twin(rig, code))["Code"] for code in (*made, fresh)] == ["K" * 500, "Z" * 161, "L-2", "L-9"]
    # the same through a pass: whose webhook was lost is paired by its code, however long
    await silent(rig)
    late = (await product(rig, codigo="L-10", descricao="Tarde"))["codigo_produto"]
    poke(rig, "products", late, codigo="C" * 500)
    await rig.omie_change("products", late, valor_unitario=8)
    await reconcile(rig)
    assert (await twin(rig, late))["Code"] == "C" * 500
    names = sorted(row["Name"] for row in await rig.ploomes_set("Products"))
    assert names == ["Antigo", "Id longo", "Item 0", "Item 1", "Item 2", "Novo", "Tarde"], same
    assert (await rig.items("events", state="failed"), await rig.issues(), await rig.refusals()) == ([], [], {})
