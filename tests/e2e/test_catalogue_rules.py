"""Rules of the catalogue row by row: services live as products do, and what people change in Ploomes comes back."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_product_fields import field, held
from tests.e2e.test_products import names_of, product, service, twin
from tests.e2e.test_reconcile import loaded
from tests.e2e.test_stock import move, shown


async def marked(rig: Rig, pair: JsonObject) -> tuple[list[str], bool]:
    """The markers of a product in Ploomes, and whether it is suspended."""
    lists = await names_of(rig, "Products@Lists")
    return [lists[row["ListId"]] for row in pair["Lists"]], pair["Suspended"]


@pytest.mark.feature("F101", "F105", "F130", "F131")
@EMBEDDED
@at_speed(60.0)
async def test_services_live_as_products_do(rig: Rig) -> None:
    await rig.configure(entities={"clients": False, "orders": False}, products={"create_active": False})
    works = [
        (await service(rig, cCodigo=f"S-{n}", cDescricao=f"Serviço {n}"))["intListar"]["nCodServ"] for n in range(3)
    ]
    await rig.settle()
    pairs = [(await twin(rig, code, "services"))["Id"] for code in works]
    assert await marked(rig, await twin(rig, works[0], "services")) == (["Ativo"], True)
    await rig.ploomes_change("Products", pairs[0], Suspended=False)  # a person releases it
    await rig.omie_change("services", works[0], info={"inativo": "S"}, cabecalho={"cCodigo": "S-9"})
    await rig.settle()
    assert await marked(rig, await twin(rig, works[0], "services")) == (["Inativo"], True)
    await rig.omie_change("services", works[0], info={"inativo": "N"})
    await rig.settle()
    pair = await twin(rig, works[0], "services")
    assert (pair["Code"], await marked(rig, pair)) == ("S-9", (["Ativo"], False))
    contact = await rig.ploomes_new("Contacts", Name="Comprador", TypeId=1)
    sale = await rig.ploomes_new("Orders", ContactId=int(contact))
    await rig.ploomes_new("Orders@Products", OrderId=int(sale), ProductId=pairs[1], Quantity=1, UnitPrice=1)
    await rig.settle()
    for code in works[1:]:
        await rig.omie_remove("services", code)
    await rig.settle()
    left = {row["Id"]: row for row in await rig.ploomes_set("Products")}
    assert set(left) == set(pairs[:2]), "what a sale uses stays, suspended"
    assert await marked(rig, left[pairs[1]]) == (["Inativo"], True)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F004", "F005", "F097", "F098", "F099", "F100", "F101")
@EMBEDDED
@at_speed(60.0)
async def test_every_fixed_row_is_put_back(rig: Rig) -> None:
    family = (await rig.omie_put("families", nomeFamilia="Chás"))["codigo"]
    code = (await product(rig, codigo_familia=family))["codigo_produto"]
    await rig.settle()
    pair = await twin(rig, code)
    [key] = [row["FieldKey"] for row in pair["OtherProperties"] if row.get("StringValue") == str(code)]
    families = {name: each for each, name in (await names_of(rig, "Products@Families")).items()}
    own = int(await rig.ploomes_new("Products@Groups", Name="Meu", FamilyId=pair["FamilyId"]))
    inactive = next(row["Id"] for row in await rig.ploomes_set("Products@Lists") if row["Name"] == "Inativo")
    both = [{"ListId": inactive}, {"ListId": pair["Lists"][0]["ListId"]}]
    edits: list[JsonObject] = [
        {"Code": None}, {"UnitPrice": None}, {"MeasurementUnit": "KG"}, {"GroupId": own}, {"GroupId": None},
        {"FamilyId": families["Serviços"]}, {"FamilyId": None}, {"Lists": []}, {"Lists": both},
        {"OtherProperties": [{"FieldKey": key, "StringValue": None}]},
        {"OtherProperties": [{"FieldKey": key, "StringValue": "77"}]},
    ]  # fmt: skip
    for edit in edits:
        await rig.ploomes_change("Products", pair["Id"], **edit)
        await rig.settle()
        now = await twin(rig, code)
        same = ("Code", "UnitPrice", "MeasurementUnit", "GroupId", "FamilyId", "Suspended", "Name")
        assert {name: now[name] for name in same} == {name: pair[name] for name in same}, edit
        assert [row["ListId"] for row in now["Lists"]] == [row["ListId"] for row in pair["Lists"]], edit
        assert held({"OtherProperties": [r for r in now["OtherProperties"] if r["FieldKey"] == key]}, key) == str(code)
    assert len(await rig.ploomes_set("Products")) == 1
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F117", "F118", "F124", "F127", "F128", "F208", "F209", "F218", "F219")
@EMBEDDED
async def test_what_omie_empties_is_emptied_in_ploomes(rig: Rig) -> None:
    links = [{"url_imagem": f"https://a.test/{n}.png?x=1&y=<2>"} for n in range(2)]
    traits = [{"cNomeCaract": "Cor", "cConteudo": "Azul & <verde>"}, {"cNomeCaract": "Sabor", "cConteudo": "Doce"}]
    rows = {
        "Código EAN": ("Texto simples", "ean", " 07891000100103 ", "07891000100103"),
        "Marca": ("Texto simples", "marca", "M" * 60, "M" * 60),
        "Descrição Detalhada do Produto": ("Texto multilinha", "descr_detalhada", "<p>a</p>\nb &amp; c",
                                           "<p>a</p>\nb & c"),
        "Observações Internas": ("Texto multilinha", "obs_internas", "o", "o"),
        "Altura": ("Número com casas decimais", "altura", 1.5, 1.5),
        "Imagens": ("Texto multilinha", "imagens", links, "https://a.test/0.png?x=1&y=<2>\n"
                                                          "https://a.test/1.png?x=1&y=<2>"),
        "Características": ("Texto multilinha", "caracteristicas", traits, "Cor: Azul & <verde>\nSabor: Doce"),
    }  # fmt: skip
    keys = {name: await field(rig, name, kind) for name, (kind, *_) in rows.items()}
    await rig.configure(
        mappings=[{"omie": f"Produto.{name}", "ploomes": key, "direction": "to_ploomes"} for name, key in keys.items()]
    )
    code = (await product(rig, **{tag: typed for _, tag, typed, _ in rows.values()}))["codigo_produto"]
    await rig.settle()
    pair = await twin(rig, code)
    assert {name: held(pair, keys[name]) for name in rows} == {name: shows for name, (*_, shows) in rows.items()}
    emptied = {
        tag: [] if isinstance(typed, list) else 0 if tag == "altura" else "" for _, tag, typed, _ in rows.values()
    }
    emptied["caracteristicas"] = [{**trait, "cConteudo": ""} for trait in traits]
    await rig.omie_change("products", code, **emptied)
    await rig.settle()
    pair = await twin(rig, code)
    assert [name for name in rows if held(pair, keys[name])] == []
    marca = [{"FieldKey": keys["Marca"], "StringValue": "minha"}]
    await rig.ploomes_change("Products", pair["Id"], OtherProperties=marca)
    await rig.settle()
    assert held(await twin(rig, code), keys["Marca"]) is None, "Omie's master of mapped fields of products too"
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F146")
@EMBEDDED
async def test_the_last_change_is_told_in_the_zone_of_the_integration(rig: Rig) -> None:
    await rig.until(lambda: loaded(rig))
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    assert "Última alteração: " in await shown(rig, code)
    hours = [(await shown(rig, code)).rpartition(" ")[2][:2]]
    await rig.configure(window={"time_zone": "Asia/Tokyo"})
    await rig.settle()
    assert (await shown(rig, code)).rpartition(" ")[2][:2] == hours[0], "another zone alone changes nothing"
    await move(rig, code, 1)
    await rig.settle()
    hours.append((await shown(rig, code)).rpartition(" ")[2][:2])
    assert hours == ["08", "20"], "half past eight in São Paulo"
