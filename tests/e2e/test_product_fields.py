"""Mapped fields of products, and the switches of the catalogue (F104, F107, F117-F128, F147-F153, F208-F219)."""

from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_hostile_catalogue import poke
from tests.e2e.test_products import product, service, twin
from tests.e2e.test_reconcile import reconcile
from tests.e2e.test_stock import move, shown

#: Mapped field, type of its Ploomes field, what a person types in Omie, what Ploomes then holds.
FIELDS: list[tuple[str, str, JsonObject, Any]] = [
    ("Código EAN", "Texto simples", {"ean": "7891000100103"}, "7891000100103"),
    ("Marca", "Texto simples", {"marca": "Acme & Cia"}, "Acme & Cia"),
    ("Altura", "Número com casas decimais", {"altura": 10.5}, 10.5),
    ("Largura", "Número com casas decimais", {"largura": 0.25}, 0.25),
    ("Profundidade", "Número com casas decimais", {"profundidade": 3}, 3),
    ("Dias de Garantia", "Número inteiro", {"dias_garantia": 90}, 90),
    ("Dias de Crossdocking", "Número inteiro", {"dias_crossdocking": 2}, 2),
    ("Peso Líquido", "Número com casas decimais", {"peso_liq": 0.4999}, 0.4999),
    ("Peso Bruto", "Número com casas decimais", {"peso_bruto": 0.55}, 0.55),
    ("Indicador de Produção em Escala Relevante", "Checkbox", {"recomendacoes_fiscais": {"indicador_escala": "S"}},
     True),
    ("Descrição Detalhada do Produto", "Texto multilinha", {"descr_detalhada": "linha 1\nlinha 2"}, "linha 1\nlinha 2"),
    ("Observações Internas", "Texto multilinha", {"obs_internas": "só para nós"}, "só para nós"),
    ("NCM", "Texto simples", {"ncm": "0901.21.00"}, "0901.21.00"),
    ("Imagens", "Texto multilinha", {"imagens": [{"url_imagem": "https://a.test/1.png"}]}, "https://a.test/1.png"),
    ("Características", "Texto multilinha", {"caracteristicas": [{"cNomeCaract": "Cor", "cConteudo": "Azul"}]},
     "Cor: Azul"),
]  # fmt: skip


async def field(rig: Rig, name: str, kind: str, **more: Any) -> str:
    """A custom field of products, made by a person in Ploomes; answers its key."""
    types = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Fields@Types")}
    type_id = next(key for title, key in types.items() if kind.casefold() in title.casefold())
    body = {"Name": name, "EntityId": 10, "TypeId": type_id, **more}
    return str((await rig.post("/sandbox/ploomes/sandbox-user-key/screen/Fields", body))["Key"])


def held(pair: JsonObject, key: str) -> Any:
    """The value of a custom field, whatever its column."""
    row = next((row for row in pair["OtherProperties"] if row["FieldKey"] == key), {})
    return next((value for name, value in row.items() if name.endswith("Value") and value is not None), None)


@pytest.mark.feature("F110", "F117", "F118", "F119", "F120", "F122", "F123", "F124", "F125", "F126", "F127", "F128",
                     "F208", "F209", "F210", "F211", "F212", "F213", "F214", "F215", "F216", "F217", "F218",
                     "F219")  # fmt: skip
@EMBEDDED
async def test_every_mapped_field_of_a_product_arrives(rig: Rig) -> None:
    keys = {name: await field(rig, name, kind) for name, kind, _, _ in FIELDS}
    await rig.configure(
        mappings=[{"omie": f"Produto.{name}", "ploomes": key, "direction": "to_ploomes"} for name, key in keys.items()]
    )
    typed: JsonObject = {}
    for _, _, part, _ in FIELDS:
        typed |= part
    made = await product(rig, **typed)
    await rig.settle()
    pair = await twin(rig, made["codigo_produto"])
    assert {name: held(pair, keys[name]) for name, *_ in FIELDS} == {name: value for name, _, _, value in FIELDS}
    assert pair["MeasurementUnit"] == "UN"
    await rig.omie_change("products", made["codigo_produto"], marca="Outra", altura=11)
    await rig.settle()
    pair = await twin(rig, made["codigo_produto"])
    assert (held(pair, keys["Marca"]), held(pair, keys["Altura"])) == ("Outra", 11)
    assert len(rig.tap.of("POST Products")) == 1
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F107")
@EMBEDDED
async def test_a_brand_may_be_an_option_that_is_made_when_it_turns_up(rig: Rig) -> None:
    table = {"OptionsTable": {"Name": "Marcas", "Options": [{"Name": "Acme"}]}}
    key = await field(rig, "Marca", "Opções", **table)
    await rig.configure(
        products={"brand_as": "option"},
        mappings=[{"omie": "Produto.Marca", "ploomes": key, "direction": "to_ploomes"}],
    )
    made = [await product(rig, codigo=f"B-{n}", descricao=f"Item {n}", marca=name)
            for n, name in enumerate(("Acme", "Nova Marca"))]  # fmt: skip
    await rig.settle()
    names = {row["Id"]: row["Name"] for row in await rig.ploomes_set("Fields@OptionsTables@Options")}
    pairs = [await twin(rig, each["codigo_produto"]) for each in made]
    assert [names[held(pair, key)] for pair in pairs] == ["Acme", "Nova Marca"]


@pytest.mark.feature("F107", "F256")
@EMBEDDED
@at_speed(30.0)
async def test_a_brand_that_is_spelt_in_many_ways_is_one_option(rig: Rig) -> None:
    table = {"OptionsTable": {"Name": "Marcas", "Options": [{"Name": "Acme"}, {"Name": "Bela", "ExternalKey": "17"}]}}
    key = await field(rig, "Marca", "Opções", **table)
    await rig.configure(
        products={"brand_as": "option"},
        mappings=[{"omie": "Produto.Marca", "ploomes": key, "direction": "to_ploomes"}],
    )
    wanted = {"ACME": "Acme", "Acme ": "Acme", "bela": "Bela", "Nestlé": "Nestlé", "NESTLE": "Nestlé", "B&B": "B&B"}
    codes = []
    for n, brand in enumerate(wanted):
        codes.append((await product(rig, codigo=f"B-{n}", descricao=f"Item {n}", marca=brand))["codigo_produto"])
        await rig.settle()
    long = (await product(rig, codigo="B-L", descricao="Longa", marca="p"))["codigo_produto"]
    poke(rig, "products", long, marca="M" * 500)
    await rig.omie_change("products", long, valor_unitario=3)
    await rig.settle()
    names = {row["Id"]: row["Name"] for row in await rig.ploomes_set("Fields@OptionsTables@Options")}
    shown_as = [names.get(held(await twin(rig, code), key)) for code in (*codes, long)]
    assert shown_as == [*wanted.values(), "M" * 200]
    assert [name for name in names.values() if name.upper() in ("ACME", "BELA", "NESTLÉ", "NESTLE")] == [
        "Acme", "Bela", "Nestlé",
    ]  # fmt: skip
    writes = await rig.writes()
    _, document, _ = await reconcile(rig)
    assert (document["clean"], document["entities"]["products"]["equal"]) == (True, len(codes) + 1)
    assert await rig.writes() == writes
    await rig.omie_change("products", codes[0], marca="NESTLÉ")
    await rig.settle()
    assert names[held(await twin(rig, codes[0]), key)] == "Nestlé"
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F007", "F008", "F104", "F147", "F149", "F153")
@EMBEDDED
async def test_the_switches_of_products_and_stock(rig: Rig) -> None:
    await rig.configure(stock={"after_product_import": False})
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    assert await shown(rig, code) == ""
    await move(rig, code, 4)  # a movement still shows, through the one address of the webhooks
    await rig.settle()
    assert ">4</td>" in await shown(rig, code)
    await rig.configure(entities={"stock": False, "products": False, "services": False})
    await move(rig, code, 9)
    await rig.omie_change("products", code, valor_unitario=1)
    await service(rig, cCodigo="S-1", cDescricao="Serviço")
    await rig.settle()
    pairs = await rig.ploomes_set("Products")
    assert [pair["UnitPrice"] for pair in pairs] == [19.9]
    assert ">4</td>" in str(pairs)
    refused = await rig.api.post(f"{rig.path}/stock/refresh")
    assert refused.status_code == 409
    assert "desligada" in refused.json()["detail"]
    assert not [name for name, _ in rig.tap.calls if "TabelaPreco" in name or "Quotes" in name]
