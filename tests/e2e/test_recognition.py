"""A record that is new to us: its twin is recognised before anything is created (F086, F279, F280)."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig

pytestmark = EMBEDDED

CNPJ, CNPJ_2, CNPJ_3 = "11222333000181", "11444777000161", "12345678000195"


async def id_field(rig: Rig) -> str:
    """Key of the field "Id (Omie)" of contacts."""
    fields = await rig.ploomes_set("Fields")
    return str(next(f["Key"] for f in fields if f["Name"] == "Id (Omie)" and f["EntityId"] == 1))


@pytest.mark.feature("F086")
async def test_a_twin_is_known_by_our_ids_and_by_its_document(rig: Rig) -> None:
    key = await id_field(rig)
    await rig.fault("drop", vendor="omie", times=None)  # what Omie has is news to us
    await rig.fault("drop", vendor="ploomes", times=None)
    by_id = await rig.omie_new(razao_social="Por Id", nome_fantasia="Por Id", cnpj_cpf=CNPJ, email="id@omie.test")
    by_document = await rig.omie_new(razao_social="Por Doc", nome_fantasia="Por Doc", cnpj_cpf=CNPJ_2)
    silent = await rig.contact_new(TypeId=1, Name="Por Código")
    coded = await rig.omie_new(
        razao_social="Por Código", nome_fantasia="Por Código", cnpj_cpf=CNPJ_3,
        codigo_cliente_integracao=f"PLOOMES-{silent['Id']}",
    )  # fmt: skip
    await rig.control.delete("/sandbox/faults")
    first = await rig.contact_new(
        TypeId=1, Name="Outro Nome", Register=CNPJ,
        OtherProperties=[{"FieldKey": key, "StringValue": str(by_id["codigo_cliente_omie"])}],
    )  # fmt: skip
    second = await rig.contact_new(TypeId=1, Name="Por Doc", Register="11.444.777/0001-61", Website="doc.test")
    await rig.omie_edit(coded["codigo_cliente_omie"], email="c@omie.test")
    await rig.settle()
    for contact, client in ((first, by_id), (second, by_document), (silent, coded)):
        assert (await rig.link("ploomes", contact["Id"]))["omie_id"] == str(client["codigo_cliente_omie"])
        again = await rig.contact(contact["Id"])
        assert again is not None
        ids = [row["StringValue"] for row in again["OtherProperties"] if row["FieldKey"] == key]
        assert ids == [str(client["codigo_cliente_omie"])]
    linked = await rig.contact(first["Id"])
    assert linked is not None
    assert (linked["Name"], linked["Email"]) == ("Por Id", "id@omie.test")  # Omie wins, the empty side is filled
    assert (await rig.pair_of_contact(second["Id"]))["homepage"] == "doc.test"
    assert len(await rig.clients()) == len(await rig.contacts()) == 3
    assert not rig.tap.of("POST Contacts")
    assert not rig.tap.of("ListarClientes")[2:]  # no searches in Omie beyond the first load
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F086")
async def test_a_copy_counts_as_new_and_two_contacts_with_one_document_are_one_link(rig: Rig) -> None:
    key = await id_field(rig)
    contact = await rig.contact_new(TypeId=1, Name="Original", Register=CNPJ)
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    copied = [{"FieldKey": key, "StringValue": str(client["codigo_cliente_omie"])}]
    copy = await rig.contact_new(TypeId=1, Name="Cópia", Register=CNPJ_2, OtherProperties=copied)
    await rig.settle()
    assert (await rig.link("ploomes", contact["Id"]))["omie_id"] == str(client["codigo_cliente_omie"])
    other = await rig.pair_of_contact(copy["Id"])
    assert (other["nome_fantasia"], other["cnpj_cpf"]) == ("Cópia", "11.444.777/0001-61")
    fresh = await rig.contact(copy["Id"])
    assert fresh is not None
    ids = [row["StringValue"] for row in fresh["OtherProperties"] if row["FieldKey"] == key]
    assert ids == [str(other["codigo_cliente_omie"])]

    double = await rig.contact_new(TypeId=1, Name="Repetido", Register="11.222.333/0001-81", OtherProperties=copied)
    await rig.settle()
    issue = await rig.issue("duplicate_document")
    assert issue["external_id"] == str(double["Id"])
    assert len(await rig.clients()) == 2
    cleared = await rig.contact(double["Id"])
    assert cleared is not None
    assert not [row for row in cleared["OtherProperties"] if row["FieldKey"] == key and row["StringValue"]]
    await rig.contact_edit(double["Id"], Register=CNPJ_3)
    await rig.settle()
    assert (await rig.pair_of_contact(double["Id"]))["cnpj_cpf"] == "12.345.678/0001-95"
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F086", "F003")
async def test_a_merge_hands_the_link_to_the_survivor(rig: Rig) -> None:
    contact = await rig.contact_new(TypeId=1, Name="Fica Ligado", Register=CNPJ)
    await rig.settle()
    double = await rig.contact_new(TypeId=1, Name="Sobrevive", Register=CNPJ, Website="sobrevive.test")
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert await rig.issues() == ["duplicate_document"]
    await rig.contact_delete(contact["Id"])
    await rig.settle()
    assert (await rig.pair_of_contact(double["Id"]))["codigo_cliente_omie"] == client["codigo_cliente_omie"]
    assert not rig.tap.of("ExcluirCliente")
    assert await rig.issues() == []
    assert await rig.why("ploomes", double["Id"]) == {}
    assert (await rig.pair_of_contact(double["Id"]))["homepage"] == "sobrevive.test"
    assert await rig.refusals() == {}


@pytest.mark.feature("F086")
@pytest.mark.parametrize("value", ["987654321", "sem cadastro"])
async def test_an_id_that_leads_nowhere_costs_no_error_in_omie(rig: Rig, value: str) -> None:
    stale = [{"FieldKey": await id_field(rig), "StringValue": value}]
    contact = await rig.contact_new(TypeId=1, Name="Importado", Register=CNPJ, OtherProperties=stale)
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert client["nome_fantasia"] == "Importado"
    assert not rig.tap.of("ConsultarCliente")
    assert await rig.issues() == []


@pytest.mark.feature("F086")
async def test_creates_go_on_when_the_contact_last_seen_was_deleted_unheard(rig: Rig) -> None:
    await rig.contact_new(TypeId=1, Name="Fica", Register=CNPJ_3)
    gone = await rig.contact_new(TypeId=1, Name="Some", Register=CNPJ_2)
    await rig.settle()
    await rig.fault("drop", vendor="ploomes", times=None)
    await rig.contact_delete(gone["Id"])
    client = await rig.omie_new(razao_social="Novo", nome_fantasia="Novo", cnpj_cpf=CNPJ)
    await rig.settle()
    assert (await rig.pair_of_client(client["codigo_cliente_omie"]))["Name"] == "Novo"
    assert len(rig.tap.of("POST Contacts")) == 1
