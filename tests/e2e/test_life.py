"""An integration at rest and at work: stored while inactive, switched-off entities, the first load, its window."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from app.core.config import Settings
from tests.e2e.rig import APP_KEY, EMBEDDED, Rig, running

CNPJ, CNPJ_2, CNPJ_3 = "11222333000181", "11444777000161", "12345678000195"


@pytest.mark.feature("F002", "F042", "F043", "F045", "F048")
async def test_an_inactive_integration_stores_and_applies_later_and_what_is_switched_off_is_ignored(rig: Rig) -> None:
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ)
    await rig.settle()
    contact_id = (await rig.pair_of_client(client["codigo_cliente_omie"]))["Id"]
    answer = await rig.api.post(f"{rig.path}/deactivate")
    assert answer.status_code == 200
    calls = len(rig.tap.calls)
    await rig.omie_edit(client["codigo_cliente_omie"], email="parado@alfa.test")
    await rig.contact_edit(contact_id, Website="parado.test")
    later = await rig.omie_new(razao_social="Beta", nome_fantasia="Beta", cnpj_cpf=CNPJ_2)
    await rig.settle()
    assert len(rig.tap.calls) == calls
    stored = [e for e in await rig.items("events", state="waiting") if e["cause"] == "inactive"]
    assert {e["external_id"] for e in stored} >= {str(later["codigo_cliente_omie"]), str(client["codigo_cliente_omie"])}
    await rig.activate()
    await rig.settle()
    assert (await rig.pair_of_client(client["codigo_cliente_omie"]))["Email"] == "parado@alfa.test"
    assert (await rig.pair_of_contact(contact_id))["homepage"] == "parado.test"
    assert (await rig.pair_of_client(later["codigo_cliente_omie"]))["Name"] == "Beta"

    await rig.configure(entities={"clients": False})
    await rig.omie_edit(client["codigo_cliente_omie"], email="desligado@alfa.test")
    await rig.settle()
    reasons = {e["topic"]: (e["state"], e["reason"]) for e in reversed(await rig.items("events", limit=5))}
    assert "desligada" in reasons["ClienteFornecedor.Alterado"][1]
    assert (await rig.pair_of_client(client["codigo_cliente_omie"]))["Email"] == "parado@alfa.test"
    assert await rig.issues() == []
    assert await rig.refusals() == {}


async def crm_and_erp(rig: Rig) -> dict[str, Any]:
    """Two accounts with a past: an equal pair, one that differs, and one client on each side only."""
    equal = {"razao_social": "Igual Ltda", "nome_fantasia": "Igual", "cnpj_cpf": CNPJ, "email": "igual@a.test"}
    status = next(row["Id"] for row in await rig.ploomes_set("Contacts@Status") if row["Name"] == "Ativo")
    return {
        "equal": await rig.omie_new(**equal),
        "equal_contact": await rig.contact_new(
            TypeId=1, Name="Igual", LegalName="Igual Ltda", Register="11.222.333/0001-81", Email="igual@a.test",
            StatusId=status, CountryId=76,
        ),
        "differs": await rig.omie_new(razao_social="Muda", nome_fantasia="Muda", cnpj_cpf=CNPJ_2, email="omie@a.test"),
        "differs_contact": await rig.contact_new(TypeId=1, Name="Muda", Register=CNPJ_2, Email="ploomes@a.test"),
        "only_omie": await rig.omie_new(razao_social="Só Omie", nome_fantasia="Só Omie", cnpj_cpf=CNPJ_3),
        "only_ploomes": await rig.contact_new(TypeId=1, Name="Só Ploomes", Register="60746948000112"),
    }  # fmt: skip


@EMBEDDED
@pytest.mark.feature("F086", "F276", "F278")
async def test_the_first_load_links_before_it_creates_and_leaves_equal_pairs_alone(
    product: Settings, speed: float
) -> None:
    async with running(product, speed=speed) as rig:
        made = await crm_and_erp(rig)
        await rig.connect()
        await rig.until(lambda: loaded(rig))
        await rig.settle()
        assert len(await rig.clients()) == len(await rig.contacts()) == 4
        assert len(rig.tap.of("IncluirCliente")) == len(rig.tap.of("POST Contacts")) == 1
        for name in ("equal", "differs"):
            link = await rig.link("omie", made[name]["codigo_cliente_omie"])
            assert link["ploomes_id"] == str(made[f"{name}_contact"]["Id"])
        differs = await rig.contact(made["differs_contact"]["Id"])
        assert differs is not None
        assert differs["Email"] == "omie@a.test"  # both filled and different: Omie wins
        touched = [c for c in await rig.changes() if c["external_id"] == str(made["equal"]["codigo_cliente_omie"])]
        assert touched == []
        given_back = {"OtherProperties", "CountryId"}  # our id, and what Omie adds to a client made there
        assert len([body for body in rig.tap.of("PATCH Contacts") if set(body) - given_back]) == 1  # "Muda"
        [over] = await rig.items("resyncs")
        assert over["state"] == "completed"
        assert over["written"]["clients"]["create_in_omie"] == over["written"]["clients"]["create_in_ploomes"] == 1
        assert await rig.issues() == []
        assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F086")
async def test_a_load_waits_for_the_window_while_live_edits_flow(product: Settings, speed: float) -> None:
    async with running(product, speed=speed) as rig:
        made = await crm_and_erp(rig)
        await rig.create()
        now = rig.ponte.clock.now() - timedelta(hours=3)
        start = (now + timedelta(hours=8)).strftime("%H:00")
        end = (now + timedelta(hours=9)).strftime("%H:00")
        await rig.configure(window={"start": start, "end": end, "all_day": [], "holidays": False})
        await rig.activate("window")
        await rig.post(f"/sandbox/omie/{APP_KEY}/webhooks", {"url": rig.integration["webhook_urls"]["omie"]})
        await rig.until(lambda: linked(rig, made["differs"]["codigo_cliente_omie"]))
        await asyncio.sleep(0.5)
        assert not rig.tap.of("IncluirCliente", "POST Contacts", "PATCH Contacts")
        # a live edit of a linked client, and one of a client the load has not sent yet
        await rig.omie_edit(made["equal"]["codigo_cliente_omie"], email="vivo@a.test")
        await rig.contact_edit(made["only_ploomes"]["Id"], Email="vivo@b.test")
        await rig.until(lambda: arrived(rig, made))
        held = [e for e in await rig.items("events") if e["state"] in ("received", "waiting") and e["due_at"]]
        assert held

        async def writing() -> Any:
            [load] = await rig.items("resyncs")
            return load if load["progress"].get("phase") == "writing" else None

        load = await rig.until(writing)  # everything is read, and nothing of it is over yet
        assert (load["state"], load["finished_at"]) == ("scheduled", None)
        assert load["resumes_at"] is not None
        assert load["progress"]["records_left"] >= 1
        assert len(rig.tap.of("POST Contacts")) == 0  # what nobody touched still waits
        assert await rig.refusals() == {}


async def loaded(rig: Rig) -> bool:
    """True when the first load has read and paired everything."""
    states = [load["state"] for load in await rig.items("resyncs")]
    return states == ["completed"]


async def linked(rig: Rig, client_id: Any) -> bool:
    """True once a client has its link."""
    answer = await rig.api.get(f"{rig.path}/records/clients/omie/{client_id}")
    return answer.status_code == 200 and bool(answer.json()["link"])


async def arrived(rig: Rig, made: dict[str, Any]) -> bool:
    """True when both live edits are on the other side."""
    contact = await rig.contact(made["equal_contact"]["Id"])
    emails = {client["email"] for client in await rig.clients()}
    return contact is not None and contact["Email"] == "vivo@a.test" and "vivo@b.test" in emails
