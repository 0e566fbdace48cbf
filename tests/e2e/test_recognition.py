"""A record that is new to us: its twin is recognised before anything is created (F086, F279, F280)."""

from typing import Any

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig
from tests.e2e.test_products import names_of, product, service, twin

pytestmark = EMBEDDED

CNPJ, CNPJ_2, CNPJ_3 = "11222333000181", "11444777000161", "12345678000195"
CONTACTS, PRODUCTS = 1, 10


async def id_field(rig: Rig, entity: int = CONTACTS) -> str:
    """Key of the field "Id (Omie)" of contacts or products."""
    fields = await rig.ploomes_set("Fields")
    return str(next(f["Key"] for f in fields if f["Name"] == "Id (Omie)" and f["EntityId"] == entity))


def carrying(key: str, omie_id: Any) -> JsonObject:
    """The field "Id (Omie)" with a value, in the body of a record."""
    return {"OtherProperties": [{"FieldKey": key, "StringValue": str(omie_id)}]}


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


@pytest.mark.feature("F086")
async def test_a_contact_that_carries_our_id_needs_no_document(rig: Rig) -> None:
    await rig.contact_new(TypeId=1, Name="Sentinela", Register=CNPJ_3)
    await rig.settle()
    await rig.fault("drop", vendor="omie", times=None)
    await rig.fault("drop", vendor="ploomes", times=None)
    client = await rig.omie_new(razao_social="Novo", nome_fantasia="Novo", cnpj_cpf=CNPJ)
    carried = carrying(await id_field(rig), client["codigo_cliente_omie"])
    contact = await rig.contact_new(TypeId=1, Name="Sem documento", **carried)
    await rig.control.delete("/sandbox/faults")
    await rig.omie_edit(client["codigo_cliente_omie"], email="novo@omie.test")
    await rig.settle()
    pair = await rig.pair_of_client(client["codigo_cliente_omie"])
    assert (pair["Id"], pair["Name"], pair["Register"]) == (contact["Id"], "Novo", CNPJ)
    assert not rig.tap.of("POST Contacts")
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F086", "F103")
@pytest.mark.parametrize("kind", ["products", "services"])
@pytest.mark.parametrize("forbidden", [False, True])
async def test_the_product_that_carries_our_id_goes_before_one_with_the_code(
    rig: Rig, kind: str, forbidden: bool
) -> None:
    await product(rig, codigo="SEN-1", descricao="Sentinela")
    await rig.settle()
    key = await id_field(rig, PRODUCTS)
    families = {name: each for each, name in (await names_of(rig, "Products@Families")).items()}
    inside = {"FamilyId": families["Produtos" if kind == "products" else "Serviços"]}
    for vendor in ("omie", "ploomes"):
        await rig.fault("drop", vendor=vendor, times=None)  # nobody hears of what is there already
    if kind == "products":
        codes = [(await product(rig, codigo=f"CAF-{n}", descricao=f"Café {n}"))["codigo_produto"] for n in range(2)]
    else:
        codes = [(await service(rig, cCodigo=f"CAF-{n}", cDescricao="Café"))["intListar"]["nCodServ"] for n in range(2)]
    coded = [await rig.ploomes_new("Products", Name="Só o código", Code=f"CAF-{n}", **inside) for n in range(2)]
    named = await rig.ploomes_new("Products", Name="Só o Id", Code="OUTRO", **inside, **carrying(key, codes[0]))
    await rig.control.delete("/sandbox/faults")
    await rig.quirk(ploomes_any_forbidden=forbidden)
    for code in codes:
        change = {"valor_unitario": 3} if kind == "products" else {"cabecalho": {"nPrecoUnit": 3}}
        await rig.omie_change(kind, code, **change)
        await rig.settle()
    links = [(await rig.link("omie", code, kind))["ploomes_id"] for code in codes]
    assert links == [coded[0] if forbidden else named, coded[1]]
    searches = [asked["$filter"] for asked in rig.tap.of("GET Products") if "CAF-" in asked.get("$filter", "")]
    together = [searched for searched in searches if "any(" in searched]
    assert (len(searches), len(together)) == ((3, 1) if forbidden else (2, 2)), searches  # asked once in vain
    assert len(await rig.ploomes_set("Products")) == 4
    assert not rig.tap.of("POST Products")[1:]
    assert await rig.issues() == []


@pytest.mark.feature("F086", "F004", "F130")
async def test_a_copy_that_left_its_family_loses_the_id_of_the_service_too(rig: Rig) -> None:
    key = await id_field(rig, PRODUCTS)
    work = (await service(rig, cCodigo="SRV-1", cDescricao="Consultoria"))["intListar"]["nCodServ"]
    await rig.settle()
    original = await twin(rig, work, "services")
    goods = {"FamilyId": {n: each for each, n in (await names_of(rig, "Products@Families")).items()}["Produtos"]}
    copies = [
        await rig.ploomes_new("Products", Name="Cópia", Code="SRV-1", **carrying(key, work)),
        await rig.ploomes_new("Products", Name="Cópia", **carrying(key, work)),
        await rig.ploomes_new("Products", Name="Cópia", **goods, **carrying(key, work)),
    ]
    await rig.settle()
    rows = {str(row["Id"]): row for row in await rig.ploomes_set("Products")}
    assert [held for copy in copies for held in rows[copy]["OtherProperties"] if held.get("StringValue")] == []
    assert (await twin(rig, work, "services"))["Id"] == original["Id"]
    assert not rig.tap.of("ConsultarProduto"), "Omie is not asked for a product of that id"
    assert await rig.issues() == []
