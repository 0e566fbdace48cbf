"""Which records are clients at all, and what a missing or changed document does (F055, F072, F077-F085)."""

import pytest

from app.core.config import Settings
from tests.e2e.rig import EMBEDDED, USER_KEY, Rig, at_speed, running

CNPJ, CNPJ_2, CNPJ_3, CPF = "11222333000181", "11444777000161", "12345678000195", "52998224725"


@EMBEDDED
@pytest.mark.feature("F005", "F072", "F077", "F078")
@at_speed(60.0)
async def test_the_status_follows_omie_and_is_put_back_with_a_note(rig: Rig) -> None:
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ)
    await rig.settle()
    client_id = client["codigo_cliente_omie"]
    statuses = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Contacts@Status")}
    contact = await rig.pair_of_client(client_id)
    assert contact["StatusId"] == statuses["Ativo"]
    await rig.omie_edit(client_id, inativo="S")
    await rig.settle()
    assert (await rig.pair_of_client(client_id))["StatusId"] == statuses["Inativo"]
    await rig.contact_edit(contact["Id"], StatusId=statuses["Ativo"])
    await rig.settle()
    edited = await rig.client(client_id)
    assert edited is not None
    assert edited["inativo"] == "S"
    assert (await rig.pair_of_client(client_id))["StatusId"] == statuses["Inativo"]
    notes = [note for change in await rig.changes() for note in change["notes"]]
    assert any("restaurado" in note for note in notes)
    assert not rig.tap.of("AlterarCliente")
    await rig.omie_edit(client_id, inativo="N")
    await rig.settle()
    await rig.contact_edit(contact["Id"], StatusId=statuses["Prospect"])
    await rig.settle()
    assert (await rig.pair_of_client(client_id))["StatusId"] == statuses["Prospect"]  # not inactive: Ploomes' own
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F082", "F083", "F084")
async def test_a_contact_waits_for_its_document_and_stops_when_it_is_removed(rig: Rig) -> None:
    contact = await rig.contact_new(TypeId=1, Name="Sem Documento")
    wrong = await rig.contact_new(TypeId=1, Name="Errado", Register="11.222.333/0001-99")
    await rig.settle()
    assert await rig.clients() == []
    assert not rig.tap.of("IncluirCliente")
    assert [e["state"] for e in await rig.events_of("ploomes", contact["Id"])] == ["waiting"]
    assert await rig.issues() == []
    assert "Aguardando" in (await rig.why("ploomes", contact["Id"]))["CNPJ/CPF preenchido e válido"]
    assert "11.222.333/0001-99" in (await rig.why("ploomes", wrong["Id"]))["CNPJ/CPF preenchido e válido"]

    await rig.contact_edit(contact["Id"], Register=CNPJ)
    await rig.contact_edit(wrong["Id"], Register="11.222.333/0001-98", Email="novo@errado.test")
    await rig.settle()
    assert [c["cnpj_cpf"] for c in await rig.clients()] == ["11.222.333/0001-81"]
    assert [e["state"] for e in await rig.events_of("ploomes", wrong["Id"])].count("waiting") == 1
    assert await rig.why("ploomes", contact["Id"]) == {}

    # removed: edits of both sides stop, and all of them go when it is back
    await rig.contact_edit(contact["Id"], Register=None, Website="parado.test")
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    await rig.omie_edit(client["codigo_cliente_omie"], email="parado@omie.test")
    await rig.settle()
    client, held = await rig.pair_of_contact(contact["Id"]), await rig.contact(contact["Id"])
    assert held is not None
    assert (client["cnpj_cpf"], client["homepage"], held["Email"]) == ("11.222.333/0001-81", "", None)
    assert "removido" in (await rig.why("ploomes", contact["Id"]))["CNPJ/CPF preenchido e válido"]
    assert await rig.issues() == []
    await rig.contact_edit(contact["Id"], Register="11.222.333/0001-81")
    await rig.settle()
    client, held = await rig.pair_of_contact(contact["Id"]), await rig.contact(contact["Id"])
    assert held is not None
    assert (client["homepage"], held["Email"]) == ("parado.test", "parado@omie.test")
    assert await rig.why("ploomes", contact["Id"]) == {}
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F068", "F082", "F085")
async def test_foreigners_need_no_document_contact_persons_stay_and_types_do_not_change(rig: Rig) -> None:
    abroad = await rig.omie_new(
        razao_social="Del Plata S.A.", nome_fantasia="Del Plata", codigo_pais="0639", estado="EX", cidade="BUENOS AIRES"
    )
    foreign = await rig.contact_new(TypeId=1, Name="Montevideo SA", CountryId=858)
    company = await rig.contact_new(TypeId=1, Name="Empresa", Register=CNPJ)
    person = await rig.contact_new(TypeId=2, Name="Contato da Empresa", CompanyId=company["Id"], Register=CPF)
    consumer = await rig.omie_new(
        razao_social="Cliente Consumidor", nome_fantasia="Cliente Consumidor", cnpj_cpf=CNPJ_3
    )
    await rig.settle()
    assert (await rig.pair_of_client(abroad["codigo_cliente_omie"]))["CountryId"] == 32
    exported = await rig.pair_of_contact(foreign["Id"])
    assert (exported["codigo_pais"], exported["exterior"]) == ("8451", "S")
    assert "contato" in (await rig.events_of("ploomes", person["Id"]))[0]["reason"]
    assert "Consumidor" in (await rig.events_of("omie", consumer["codigo_cliente_omie"]))[0]["reason"]
    assert len(await rig.clients()) == len(await rig.contacts()) == 4
    writes = await rig.writes()
    await rig.omie_edit(abroad["codigo_cliente_omie"], observacao="nada mapeado")
    await rig.contact_edit(foreign["Id"], Note="nada mapeado")
    await rig.settle()
    assert await rig.writes() == writes  # a city abroad makes no loop

    client = await rig.pair_of_contact(company["Id"])
    await rig.omie_edit(client["codigo_cliente_omie"], cnpj_cpf="11144477735", email="agora@pessoa.test")
    await rig.settle()
    kept = await rig.contact(company["Id"])
    assert kept is not None
    assert (kept["TypeId"], kept["Register"], kept["Email"]) == (1, CNPJ, "agora@pessoa.test")
    notes = [note for change in await rig.changes() for note in change["notes"]]
    assert len([note for note in notes if "não se aplica" in note]) == 1
    writes = await rig.writes()
    await rig.contact_edit(company["Id"], Note="outra vez")
    await rig.settle()
    assert await rig.writes() == writes
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F072", "F077")
async def test_an_account_without_an_inactive_status_is_told_and_nothing_empty_is_sent(product: Settings) -> None:
    async with running(product, speed=20.0) as rig:
        for status in await rig.ploomes_set("Contacts@Status"):
            if status["Name"] == "Inativo":
                path = f"/sandbox/ploomes/{USER_KEY}/screen/Contacts@Status/{status['Id']}"
                assert (await rig.control.patch(path, json={"Name": "Adormecido"})).is_success
        await rig.connect()
        client = await rig.omie_new(razao_social="Alfa", nome_fantasia="Alfa", cnpj_cpf=CNPJ)
        await rig.settle()
        contact = await rig.pair_of_client(client["codigo_cliente_omie"])
        before = len(rig.tap.of("PATCH Contacts"))
        await rig.omie_edit(client["codigo_cliente_omie"], inativo="S")
        await rig.settle()
        assert "Inativo" in (await rig.issue("missing_status"))["detail"]
        assert len(rig.tap.of("PATCH Contacts")) == before
        await rig.omie_edit(client["codigo_cliente_omie"], email="a@b.test")
        await rig.settle()
        assert (await rig.pair_of_client(client["codigo_cliente_omie"]))["Email"] == "a@b.test"
        assert await rig.issues() == ["missing_status"]
        assert (await rig.contact(contact["Id"]) or {})["StatusId"] == contact["StatusId"]
