"""Clients travel both ways: created, edited and deleted on either side (F003, F042, F049-F051, F052-F073)."""

import pytest

from tests.e2e.rig import Rig

CNPJ, CNPJ_2, CPF = "11222333000181", "11444777000161", "52998224725"


@pytest.mark.feature("F003", "F042", "F051", "F052", "F053", "F054", "F055", "F057", "F061", "F063", "F065", "F066")
async def test_a_client_made_on_omies_screen_arrives_in_ploomes(rig: Rig) -> None:
    client = await rig.omie_new(
        razao_social="Padaria Estrela Ltda", nome_fantasia="Padaria Estrela", cnpj_cpf=CNPJ, homepage="estrela.test",
        telefone1_ddd="11", telefone1_numero="30000000", fax_ddd="11", fax_numero="30000009", endereco="Rua A",
        endereco_numero="100", complemento="Loja 2", bairro="Centro", cep="01310100", cidade_ibge="3550308",
        email="contato@estrela.test", cnae="4721102", tags=[{"tag": "VIP"}],
    )  # fmt: skip
    await rig.settle()
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    assert (contact["Name"], contact["LegalName"], contact["Register"]) == (
        "Padaria Estrela",
        "Padaria Estrela Ltda",
        CNPJ,
    )
    assert (contact["TypeId"], contact["Email"], contact["Website"]) == (1, "contato@estrela.test", "estrela.test")
    assert (contact["StreetAddress"], contact["StreetAddressNumber"], contact["ZipCode"]) == ("Rua A", "100", 1310100)
    assert (contact["StreetAddressLine2"], contact["Neighborhood"], contact["CNAECode"]) == (
        "Loja 2",
        "Centro",
        "4721102",
    )
    assert contact["CityId"]
    assert [p["PhoneNumber"] for p in contact["Phones"]] == ["(11) 3000-0000", "(11) 3000-0009"]
    assert contact["Tags"]
    assert await rig.refusals() == {}


@pytest.mark.feature("F003", "F049", "F050", "F052", "F055", "F062", "F064", "F068", "F070")
async def test_a_contact_made_on_ploomes_screen_arrives_in_omie_and_its_id_comes_back(rig: Rig) -> None:
    contact = await rig.contact_new(
        TypeId=1, Name="Mercado Sol", LegalName="Mercado Sol SA", Register="11.444.777/0001-61", Email="a@sol.test",
        StreetAddress="Av. B", StreetAddressNumber="7", ZipCode=20040002,
        Phones=[{"PhoneNumber": "(21) 2222-3333", "TypeId": 1}],
    )  # fmt: skip
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert (client["razao_social"], client["nome_fantasia"]) == ("Mercado Sol SA", "Mercado Sol")
    assert client["cnpj_cpf"] == "11.444.777/0001-61"
    assert client["codigo_cliente_integracao"] == f"PLOOMES-{contact['Id']}"
    assert (client["telefone1_ddd"], client["telefone1_numero"].replace("-", "")) == ("21", "22223333")
    assert {"tag": "Cliente"} in client["tags"]
    again = await rig.contact(contact["Id"])
    assert again is not None
    assert str(client["codigo_cliente_omie"]) in str(again["OtherProperties"])
    assert len(await rig.clients()) == len(await rig.contacts()) == 1
    assert await rig.refusals() == {}


@pytest.mark.feature("F003", "F073", "F060")
async def test_an_edit_on_either_side_reaches_the_other(rig: Rig) -> None:
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ, email="a@alfa.test")
    await rig.settle()
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    await rig.omie_edit(client["codigo_cliente_omie"], email="novo@alfa.test", nome_fantasia="Alfa Dois")
    await rig.settle()
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    assert (contact["Email"], contact["Name"]) == ("novo@alfa.test", "Alfa Dois")
    await rig.contact_edit(contact["Id"], Website="alfa.test", Email=None)
    await rig.settle()
    edited = await rig.client(client["codigo_cliente_omie"])
    assert edited is not None
    assert (edited["homepage"], edited["email"]) == ("alfa.test", "")
    assert await rig.refusals() == {}


@pytest.mark.feature("F003")
async def test_a_deletion_on_either_side_is_mirrored(rig: Rig) -> None:
    first = await rig.omie_new(razao_social="Um Ltda", nome_fantasia="Um", cnpj_cpf=CNPJ)
    second = await rig.omie_new(razao_social="Dois Ltda", nome_fantasia="Dois", cnpj_cpf=CNPJ_2)
    await rig.settle()
    contact = await rig.pair_of_client(second["codigo_cliente_omie"])
    await rig.omie_delete(first["codigo_cliente_omie"])
    await rig.contact_delete(contact["Id"])
    await rig.settle()
    assert await rig.contacts() == []
    assert await rig.clients() == []
    assert await rig.refusals() == {}
