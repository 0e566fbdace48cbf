"""Mapped values out and in as a table (F109)."""

import httpx
import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_mapping import ACTIVITY, held, map_rows
from tests.e2e.test_products import product

CNPJ, CNPJ_2 = "11222333000181", "11444777000161"
IE, LIMIT = "ClienteFornecedor.Inscrição Estadual", "ClienteFornecedor.Limite de Crédito Total"


@pytest.mark.feature("F109")
@EMBEDDED
async def test_values_typed_in_a_spreadsheet_travel_and_a_bad_table_is_refused_whole(rig: Rig) -> None:
    types = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Fields@Types")}
    keys = [
        (await rig.post("/sandbox/ploomes/sandbox-user-key/screen/Fields",
                        {"Name": name, "EntityId": 1, "TypeId": types[kind]}))["Key"]
        for name, kind in (("IE", "Texto simples"), ("Limite", "Moeda"))
    ]  # fmt: skip
    mappings = [{"omie": IE, "ploomes": keys[0]}, {"omie": LIMIT, "ploomes": keys[1]}]
    await rig.configure(mappings=mappings)
    first = await rig.omie_new(razao_social="Alfa", nome_fantasia="Alfa", cnpj_cpf=CNPJ, inscricao_estadual="ISENTO")
    second = await rig.omie_new(razao_social="Beta", nome_fantasia="Beta", cnpj_cpf=CNPJ_2)
    await rig.settle()
    out = await rig.api.get(f"{rig.path}/values/clients")
    assert out.status_code == 200
    assert out.text.splitlines()[0] == f"omie_id,ploomes_id,{IE},{LIMIT}"
    assert any("ISENTO" in line for line in out.text.splitlines())

    async def send(text: str, **params: str) -> dict[str, object]:
        answer = await rig.api.post(
            f"{rig.path}/values/clients/import", content=text.encode(), params=params,
            headers={"content-type": "text/csv"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    codes = [first["codigo_cliente_omie"], second["codigo_cliente_omie"]]
    bad = await send(f"omie_id;{IE};{LIMIT}\n{codes[0]};123;mil\n999;1;1\n")
    assert [row["line"] for row in bad["errors"]] == [2, 3]  # type: ignore[attr-defined]
    assert (bad["records"], bad["resync_id"]) == (0, None)
    doubtful = await send(f"omie_id;{IE};{LIMIT}\n{codes[0]};123;1.500\n")
    assert [(row["line"], row["column"]) for row in doubtful["errors"]] == [(2, LIMIT)]  # type: ignore[attr-defined]
    good = await send(f"omie_id;{IE};{LIMIT}\n{codes[0]};12345;1.500,50\n{codes[1]};777;\n")
    assert good["records"] == 2

    async def arrived() -> bool:
        rows = {row["codigo_cliente_omie"]: row for row in await rig.clients()}
        mine = [(rows[code].get("inscricao_estadual"), rows[code].get("valor_limite_credito", 0)) for code in codes]
        return mine == [("12345", 1500.5), ("777", 0)]

    await rig.until(arrived)
    await rig.settle()
    assert '12345,"1500,5"' in (await rig.api.get(f"{rig.path}/values/clients")).text
    refused = await rig.api.get(f"{rig.path}/values/orders")
    assert refused.status_code == 422
    assert await rig.refusals() == {}


@pytest.mark.feature("F109", "F204")
@EMBEDDED
@at_speed(60.0)
async def test_a_table_says_what_it_means_or_nothing_is_written(rig: Rig) -> None:
    key = (await map_rows(rig, ACTIVITY, IE))[ACTIVITY]
    made = [
        await rig.omie_new(razao_social=name, nome_fantasia=name, cnpj_cpf=document)
        for name, document in (("Alfa", CNPJ), ("Beta", CNPJ_2))
    ]
    await rig.settle()
    codes = [row["codigo_cliente_omie"] for row in made]
    others = [(await rig.link("omie", code))["ploomes_id"] for code in codes]
    names = {o["ExternalKey"]: o for o in await rig.ploomes_set("Fields@OptionsTables@Options")}

    async def send(content: bytes) -> httpx.Response:
        return await rig.api.post(
            f"{rig.path}/values/clients/import", content=content, headers={"content-type": "text/csv"}
        )

    wrong = [
        f"{codes[0]};{others[1]};1;x",  # two records
        f"{codes[0]};;99;x",  # no such option
        f"{codes[1]};;1",  # cut short
    ]
    bad = (await send("\n".join([f"omie_id;ploomes_id;{ACTIVITY};{IE}", *wrong]).encode())).json()
    assert [row["line"] for row in bad["errors"]] == [2, 3, 4], bad
    assert (bad["records"], bad["resync_id"]) == (0, None)
    assert (await send(f"omie_id;{IE}\n{codes[0]};a\x81b\n".encode("latin-1"))).status_code == 422
    # by the option's name and by Omie's code, saved by Excel in Windows-1252
    rows = f"{codes[0]};{others[0]};{names['2']['Name']};Isenção\n{codes[1]};;3;'=1+1\n"
    good = (await send(f"omie_id;ploomes_id;{ACTIVITY};{IE}\n{rows}".encode("cp1252"))).json()
    assert good["records"] == 2, good

    async def arrived() -> bool:
        found = {row["codigo_cliente_omie"]: row for row in await rig.clients()}
        mine = [(found[code].get("tipo_atividade"), found[code].get("inscricao_estadual")) for code in codes]
        return mine == [("2", "Isenção"), ("3", "=1+1")]

    await rig.until(arrived)
    await rig.settle()
    contacts = {str(row["Id"]): row for row in await rig.contacts()}
    assert [held(contacts[other], key, "IntegerValue") for other in others] == [names["2"]["Id"], names["3"]["Id"]]
    out = (await rig.api.get(f"{rig.path}/values/clients")).text
    assert f"{codes[1]},{others[1]},3,'=1+1" in out, "no spreadsheet runs what people typed"
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F109")
@EMBEDDED
@at_speed(60.0)
async def test_a_table_that_comes_back_as_it_went_changes_nothing(rig: Rig) -> None:
    code, brand = "ClienteFornecedor.Código do Cliente (Omie)", "Produto.Marca"
    rows = {"fields": [{"omie": omie} for omie in (IE, code, brand)]}
    made = await rig.api.post(f"{rig.path}/ploomes-fields/batch", json=rows, timeout=120)
    keys = {field["omie"]: field["key"] for field in made.json()}
    client = (await rig.omie_new(razao_social="Alfa", nome_fantasia="Alfa", cnpj_cpf=CNPJ))["codigo_cliente_omie"]
    good = (await product(rig, marca="Forte"))["codigo_produto"]
    await rig.settle()
    # filled in Ploomes before it was mapped: the comparison comes at night, and until then nothing is known of it
    contact = (await rig.link("omie", client))["ploomes_id"]
    await rig.contact_edit(contact, OtherProperties=[{"FieldKey": keys[IE], "StringValue": "110042490114"}])
    await rig.settle()
    ways = {IE: "both", code: "to_ploomes", brand: "to_ploomes"}
    await rig.configure(mappings=[{"omie": o, "ploomes": key, "direction": ways[o]} for o, key in keys.items()])
    await rig.omie_change("products", good, marca="Prática")
    await rig.settle()

    async def send(entity: str, text: str) -> JsonObject:
        answer = await rig.api.post(
            f"{rig.path}/values/{entity}/import", content=text.encode(), headers={"content-type": "text/csv"}
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    for entity in ("clients", "products"):
        out = (await rig.api.get(f"{rig.path}/values/{entity}")).text
        back = await send(entity, out)
        assert (back["errors"], back["records"], back["resync_id"]) == ([], 0, None), out
    refused = await send("products", f"omie_id,{brand}\n{good},Outra\n")
    assert [error["message"] for error in refused["errors"]] == ["este campo só vem do Omie"]
    await rig.settle()
    assert held(await rig.contact(contact) or {}, keys[IE], "StringValue") == "110042490114"
