"""Our own writes come back as webhooks and cause nothing; other API apps are found by the sweep (F049, F050, F282)."""

import asyncio

import httpx
import pytest

from tests.e2e.rig import APP_KEY, APP_SECRET, EMBEDDED, VENDORS, Rig, at_speed

CNPJ, CNPJ_2 = "11222333000181", "11444777000161"


@pytest.mark.feature("F049", "F050", "F282")
async def test_our_own_writes_cause_no_calls(rig: Rig) -> None:
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ, tags=[{"tag": "VIP"}])
    contact = await rig.contact_new(TypeId=1, Name="Beta", Register=CNPJ_2, Email="a@beta.test")
    await rig.settle()
    contact_id = (await rig.pair_of_client(client["codigo_cliente_omie"]))["Id"]
    await rig.omie_edit(client["codigo_cliente_omie"], email="novo@alfa.test")
    await rig.contact_edit(contact["Id"], Website="beta.test")
    await rig.settle()
    states = {event["state"] for event in await rig.events_of("ploomes", contact_id)}
    assert states == {"echo"}  # every one of them was caused by us
    other = (await rig.pair_of_contact(contact["Id"]))["codigo_cliente_omie"]
    assert {(event["state"], event["cause"]) for event in await rig.events_of("omie", other)} == {
        ("echo", "api_author")
    }
    # one write each: create and its id back, one edit to either side
    names = [name for name, _ in rig.tap.calls]
    after = names[len(names) - names[::-1].index("POST Webhooks") :]
    counted = {name: after.count(name) for name in set(after)}
    assert counted["POST Contacts"] == counted["IncluirCliente"] == counted["AlterarCliente"] == 1
    assert counted["PATCH Contacts"] == 2  # the id of the new client, and the edit of the other
    assert counted.get("ConsultarCliente", 0) + counted.get("ListarClientes", 0) <= 4
    before = len(rig.tap.calls)
    await asyncio.sleep(0.5)
    assert len(rig.tap.calls) == before
    assert await rig.refusals() == {}


@EMBEDDED
@at_speed(60.0)
@pytest.mark.feature("F049", "F050", "F282")
async def test_another_app_writing_through_the_api_is_found_by_the_sweep(rig: Rig) -> None:
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ)
    await rig.settle()
    client_id = client["codigo_cliente_omie"]
    contact_id = (await rig.pair_of_client(client_id))["Id"]
    foreign = {
        "call": "AlterarCliente", "app_key": APP_KEY, "app_secret": APP_SECRET,
        "param": [{"codigo_cliente_omie": client_id, "email": "outro-app@alfa.test"}],
    }  # fmt: skip
    transport = httpx.ASGITransport(app=rig.sandbox.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=VENDORS) as app:
        answer = await app.post("/omie/api/v1/geral/clientes/", json=foreign)
        assert answer.is_success, answer.text

    async def heard() -> bool:
        return any(event["state"] == "echo" for event in await rig.events_of("omie", client_id))

    async def arrived() -> bool:
        contact = await rig.contact(contact_id)
        return contact is not None and contact["Email"] == "outro-app@alfa.test"

    await rig.until(heard)
    assert not await arrived()
    await rig.until(arrived, 40)
    causes = {event["cause"] for event in await rig.events_of("omie", client_id)}
    assert "foreign_api" in causes
    assert await rig.refusals() == {}


@pytest.mark.feature("F048", "F051")
async def test_repeated_and_reordered_webhooks_write_nothing_twice(rig: Rig) -> None:
    for kind in ("duplicate", "reorder"):
        for vendor in ("omie", "ploomes"):
            await rig.fault(kind, vendor=vendor, times=None)
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ)
    contact = await rig.contact_new(TypeId=1, Name="Beta", Register=CNPJ_2)
    await rig.omie_edit(client["codigo_cliente_omie"], email="um@alfa.test")
    await rig.omie_edit(client["codigo_cliente_omie"], email="dois@alfa.test")
    await rig.contact_edit(contact["Id"], Website="um.test")
    await rig.contact_edit(contact["Id"], Website="dois.test")
    await rig.settle()
    assert (await rig.pair_of_client(client["codigo_cliente_omie"]))["Email"] == "dois@alfa.test"
    assert (await rig.pair_of_contact(contact["Id"]))["homepage"] == "dois.test"
    assert len(await rig.clients()) == len(await rig.contacts()) == 2
    assert len(rig.tap.of("IncluirCliente")) == len(rig.tap.of("POST Contacts")) == 1
    # deleted, and an old edit told afterwards
    await rig.control.delete("/sandbox/faults")
    await rig.fault("delay", vendor="omie", match="ClienteFornecedor.Alterado", seconds=30)
    await rig.omie_edit(client["codigo_cliente_omie"], email="antes@alfa.test")
    await rig.omie_delete(client["codigo_cliente_omie"])
    await rig.settle()
    assert [c["Id"] for c in await rig.contacts()] == [contact["Id"]]
    assert len(await rig.clients()) == 1
    assert await rig.issues() == []
    assert await rig.refusals() == {}
