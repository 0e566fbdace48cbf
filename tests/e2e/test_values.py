"""What single fields do on their way: names, phones, places, documents (F052-F070, F074-F076, F081)."""

from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed

pytestmark = EMBEDDED

CNPJ, CNPJ_2, CNPJ_3, CPF = "11222333000181", "11444777000161", "12345678000195", "52998224725"
LETTERS = "12ABC34501DE35"
"""The Receita Federal's own example of an alphanumeric CNPJ."""


def phones(contact: dict[str, Any]) -> list[str]:
    """Digits of a contact's phones, in order."""
    return ["".join(c for c in phone["PhoneNumber"] if c.isdigit()) for phone in contact["Phones"]]


@pytest.mark.feature("F053", "F081")
async def test_the_legal_name_falls_back_to_the_name_until_somebody_gives_one(rig: Rig) -> None:
    contact = await rig.contact_new(TypeId=1, Name="Mercado Sol", Register=CNPJ)
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert (client["razao_social"], client["nome_fantasia"]) == ("Mercado Sol", "Mercado Sol")
    await rig.contact_edit(contact["Id"], Name="Mercado Sol Nascente")
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert (client["razao_social"], client["nome_fantasia"]) == ("Mercado Sol Nascente", "Mercado Sol Nascente")
    await rig.contact_edit(contact["Id"], LegalName="Sol Comércio SA")
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert (client["razao_social"], client["nome_fantasia"]) == ("Sol Comércio SA", "Mercado Sol Nascente")
    await rig.contact_edit(contact["Id"], LegalName=None)
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert client["razao_social"] == "Mercado Sol Nascente"
    again = await rig.contact(contact["Id"])
    assert again is not None
    assert again["LegalName"] is None  # the fallback lives in Omie only
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F057", "F058", "F059", "F075", "F076")
async def test_omie_gets_two_phones_and_the_fax_and_the_others_stay_in_ploomes(rig: Rig) -> None:
    contact = await rig.contact_new(
        TypeId=1, Name="Quatro Fones", Register=CNPJ,
        Phones=[{"PhoneNumber": "(11) 3000-0001", "TypeId": 1}, {"PhoneNumber": "(11) 93000-0002", "TypeId": 2},
                {"PhoneNumber": "(11) 3000-0009", "TypeId": 4}, {"PhoneNumber": "11 3000 0003", "TypeId": 3}],
    )  # fmt: skip
    unfaxed = await rig.contact_new(
        TypeId=1, Name="Sem Fax", Register=CNPJ_2,
        Phones=[{"PhoneNumber": f"(21) 3000-000{n}", "TypeId": 1} for n in (1, 2, 3)],
    )  # fmt: skip
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert (client["telefone1_ddd"], client["telefone1_numero"]) == ("11", "30000001")
    assert (client["telefone2_ddd"], client["telefone2_numero"]) == ("11", "930000002")
    assert (client["fax_ddd"], client["fax_numero"]) == ("11", "30000009")
    assert (await rig.pair_of_contact(unfaxed["Id"]))["fax_numero"] == ""  # a third phone is no fax
    [created] = [c for c in await rig.changes() if c["action"] == "create" and c["after"].get("name") == "Quatro Fones"]
    assert any("1 telefone(s) não enviado(s)" in note for note in created["notes"])

    await rig.omie_edit(client["codigo_cliente_omie"], telefone2_ddd="11", telefone2_numero="944440002")
    await rig.settle()
    again = await rig.pair_of_client(client["codigo_cliente_omie"])
    assert sorted(phones(again)) == ["11" + n for n in ("30000001", "30000003", "30000009", "944440002")]
    types = {"".join(c for c in p["PhoneNumber"] if c.isdigit()): p["TypeId"] for p in again["Phones"]}
    assert (types["1130000009"], types["1130000003"]) == (4, 3)
    assert "11 3000 0003" in [p["PhoneNumber"] for p in again["Phones"]]  # as the person typed it
    await rig.omie_edit(client["codigo_cliente_omie"], telefone1_ddd="", telefone1_numero="")
    await rig.settle()
    again = await rig.pair_of_client(client["codigo_cliente_omie"])
    assert "1130000001" not in phones(again)
    assert {"1130000003", "1130000009", "11944440002"} <= set(phones(again))
    assert await rig.refusals() == {}


@at_speed(60.0)
@pytest.mark.feature("F052", "F053", "F071", "F075", "F089")
async def test_what_omie_cannot_hold_survives_ten_round_trips(rig: Rig) -> None:
    stranger = await rig.user_new(Name="Sem Vendedor", Email="sem-vendedor@loja.test")
    legal, name = "Razão Social Comprida de " + "x" * 75, "Nome " + "y" * 145
    contact = await rig.contact_new(
        TypeId=1, Name=name, LegalName=legal, Register=CNPJ, OwnerId=int(stranger),
        Phones=[{"PhoneNumber": f"(11) 3000-000{n}", "TypeId": 1} for n in (1, 2, 3)],
    )  # fmt: skip
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    for trip in range(10):
        await rig.omie_edit(client["codigo_cliente_omie"], email=f"viagem{trip}@loja.test")
        if trip % 2:
            await rig.settle()
        await rig.contact_edit(contact["Id"], Website=f"viagem{trip}.test", Neighborhood=f"Bairro {trip}")
        await rig.settle()
    client, again = await rig.pair_of_contact(contact["Id"]), await rig.contact(contact["Id"])
    assert again is not None
    assert (again["Email"], again["Website"], again["Neighborhood"]) == (
        "viagem9@loja.test",
        "viagem9.test",
        "Bairro 9",
    )
    assert (client["email"], client["homepage"], client["bairro"]) == ("viagem9@loja.test", "viagem9.test", "Bairro 9")
    assert (again["Name"], again["LegalName"], again["OwnerId"]) == (name, legal, int(stranger))
    assert phones(again) == ["1130000001", "1130000002", "1130000003"]
    assert (client["razao_social"], client["nome_fantasia"]) == (legal[:60], name[:100])
    assert client["recomendacoes"].get("codigo_vendedor", 0) == 0
    assert client["fax_numero"] == ""
    wrote = {key for c in await rig.changes(limit=200) if c["action"] == "update" for key in c["after"]}
    assert wrote <= {"omie_id", "email", "website", "district", "status", "country"}, wrote
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F061", "F062", "F063", "F064", "F065", "F066", "F067", "F068")
async def test_places_travel_by_code_and_by_name_and_an_unknown_city_is_left_out(rig: Rig) -> None:
    belem = next(c for c in await rig.ploomes_set("Cities") if c["IBGECode"] == 1501402)
    contact = await rig.contact_new(
        TypeId=1, Name="Norte", Register=CNPJ, StreetAddress="Av. Nazaré", StreetAddressNumber="0", ZipCode=1310100,
        CityId=belem["Id"], StreetAddressLine2="Sala 1", Neighborhood="Nazaré",
    )  # fmt: skip
    client = await rig.omie_new(
        razao_social="Por Nome", nome_fantasia="Por Nome", cnpj_cpf=CNPJ_2, cidade="SANTOS (SP)", cep="01001-000"
    )
    await rig.settle()
    north = await rig.pair_of_contact(contact["Id"])
    assert (north["cep"], north["cidade_ibge"], north["estado"]) == ("01310100", "1501402", "PA")
    assert (north["endereco"], north["endereco_numero"], north["complemento"]) == ("Av. Nazaré", "0", "Sala 1")
    assert north["codigo_pais"] == "1058"
    santos = next(c for c in await rig.ploomes_set("Cities") if c["Name"] == "Santos")
    by_name = await rig.pair_of_client(client["codigo_cliente_omie"])
    assert (by_name["CityId"], by_name["StateId"], by_name["ZipCode"]) == (santos["Id"], santos["StateId"], 1001000)
    assert by_name["CountryId"] == 76

    # a town that somebody added in Ploomes without its code, and one that Omie does not know at all
    sp = santos["StateId"]
    town = await rig.ploomes_new("Cities", Name="São Vicente", StateId=sp, CountryId=76)
    nowhere = await rig.ploomes_new("Cities", Name="Vila Inventada", StateId=sp, CountryId=76)
    await rig.contact_edit(by_name["Id"], CityId=int(nowhere), Neighborhood="Perdido")
    await rig.settle()
    edited = await rig.client(client["codigo_cliente_omie"])
    assert edited is not None
    assert edited["bairro"] == "Perdido"  # the rest of the edit arrives
    assert edited["cidade"] != "SANTOS (SP)"
    notes = [note for c in await rig.changes() for note in c["notes"]]
    assert any("Cidade" in note and "VILA INVENTADA" in note for note in notes), notes
    kept = await rig.contact(by_name["Id"])
    assert kept is not None
    assert kept["CityId"] == int(nowhere)  # and what the person chose stays
    assert town
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F055", "F056", "F065")
async def test_documents_are_equal_with_and_without_mask_and_with_letters(rig: Rig) -> None:
    masked = await rig.contact_new(TypeId=1, Name="Com Máscara", Register="12.345.678/0001-95")
    letters = await rig.contact_new(TypeId=1, Name="Com Letras", Register="12.abc.345/01de-35")
    person = await rig.contact_new(TypeId=2, Name="Ana Souza", CPF="529.982.247-25")
    await rig.settle()
    documents = {c["nome_fantasia"]: c["cnpj_cpf"] for c in await rig.clients()}
    assert documents == {
        "Com Máscara": "12.345.678/0001-95", "Com Letras": "12.ABC.345/01DE-35", "Ana Souza": "529.982.247-25",
    }  # fmt: skip
    assert (await rig.pair_of_contact(person["Id"]))["pessoa_fisica"] == "S"
    writes = await rig.writes()
    await rig.contact_edit(masked["Id"], Register=CNPJ_3)
    await rig.contact_edit(letters["Id"], Register=LETTERS.lower())
    await rig.settle()
    assert await rig.writes() == writes  # another spelling is no change
    new = await rig.omie_new(razao_social="Letras Omie", nome_fantasia="Letras Omie", cnpj_cpf="12.ABD.345/01DE-50")
    await rig.settle()
    assert (await rig.pair_of_client(new["codigo_cliente_omie"]))["Register"] == "12ABD34501DE50"
    assert await rig.refusals() == {}
