"""A record is gone on one side: mirrored, refused, asked, paused; and nothing comes back by itself (F003)."""

import pytest

from tests.e2e.rig import APP_KEY, EMBEDDED, JsonObject, Rig, at_speed

CNPJ, CNPJ_2, CNPJ_3 = "11222333000181", "11444777000161", "12345678000195"
MANY = ("04252011000110", "33000167000101", "60746948000112", "33592510000154", "00360305000104", "00000000000191")


async def a_pair(rig: Rig, document: str = CNPJ, name: str = "Alfa") -> tuple[str, str]:
    """Ids of a linked client and its contact."""
    client = await rig.omie_new(razao_social=name, nome_fantasia=name, cnpj_cpf=document)
    await rig.settle()
    client_id = str(client["codigo_cliente_omie"])
    return client_id, str((await rig.pair_of_client(client_id))["Id"])


@pytest.mark.feature("F003")
@at_speed(60.0)
async def test_a_delete_that_omie_refuses_inactivates_and_says_so(rig: Rig) -> None:
    client_id, contact_id = await a_pair(rig)
    await rig.post(f"/sandbox/omie/{APP_KEY}/screen/clients/{client_id}/movements", {"movements": True})
    await rig.contact_delete(contact_id)
    await rig.settle()
    client = await rig.client(client_id)
    assert client is not None
    assert client["inativo"] == "S"
    assert len(rig.tap.of("ExcluirCliente")) == 1
    issue = await rig.issue("delete_refused")
    assert "movimentos" in issue["detail"]
    # late edits of the survivor resurrect nothing
    await rig.omie_edit(client_id, email="tarde@a.test")
    await rig.settle()
    assert await rig.contacts() == []
    assert "excluído" in (await rig.events_of("omie", client_id))[0]["reason"]
    # the orders are gone and a person asks again: deleted after all
    await rig.post(f"/sandbox/omie/{APP_KEY}/screen/clients/{client_id}/movements", {"movements": False})
    await rig.retry("delete_refused")
    assert await rig.clients() == []
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F003")
@at_speed(60.0)
async def test_deleted_here_and_edited_there_asks(rig: Rig) -> None:
    first, second = await a_pair(rig), await a_pair(rig, CNPJ_2, "Beta")
    await rig.stop_worker()
    for client_id, contact_id in (first, second):
        await rig.contact_delete(contact_id)
        await rig.omie_edit(client_id, email="editado@a.test")
    rig.start_worker()
    await rig.settle()
    assert await rig.issues() == ["delete_edited", "delete_edited"]
    assert len(await rig.clients()) == 2
    found = {issue["external_id"]: issue for issue in await rig.items("issues")}
    for pair, choice in ((first, "proceed"), (second, "discard")):
        issue = next(found[each] for each in pair if each in found)
        assert issue["asks"] == ["proceed", "discard"]
        assert "E-mail" in issue["detail"]
        answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": choice})
        assert answer.status_code == 202
    await rig.settle()
    assert [str(c["codigo_cliente_omie"]) for c in await rig.clients()] == [second[0]]
    assert await rig.issues() == []
    await rig.omie_edit(second[0], email="depois@a.test")
    await rig.settle()
    assert await rig.contacts() == []  # kept without a link, and it stays so
    assert "pessoa" in (await rig.events_of("omie", second[0]))[0]["reason"]
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F003")
async def test_policies_of_deletion(rig: Rig) -> None:
    client_id, contact_id = await a_pair(rig)
    await rig.configure(deletes={"clients": "inactivate"})
    await rig.omie_delete(client_id)
    await rig.settle()
    contact = await rig.contact(contact_id)
    statuses = {row["Id"]: row["Name"] for row in await rig.ploomes_set("Contacts@Status")}
    assert contact is not None
    assert statuses[contact["StatusId"]] == "Inativo"
    other_id, other_contact = await a_pair(rig, CNPJ_2, "Beta")
    await rig.configure(deletes={"clients": "ignore"})
    writes = await rig.writes()
    await rig.contact_delete(other_contact)
    await rig.settle()
    client = await rig.client(other_id)
    assert client is not None
    assert client["inativo"] == "N"
    await rig.contact_edit(contact_id, Website="tarde.test")
    await rig.omie_edit(other_id, homepage="tarde.test")
    await rig.settle()
    assert await rig.writes() == writes
    assert (len(await rig.clients()), len(await rig.contacts())) == (1, 1)
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F003")
@at_speed(60.0)
async def test_too_many_deletions_in_ten_minutes_are_paused_and_asked(rig: Rig) -> None:
    await rig.configure(deletes={"pause_above_in_ten_minutes": 4})
    pairs: list[JsonObject] = []
    for place, document in enumerate(MANY):
        pairs.append(await rig.omie_new(razao_social=f"N {place}", nome_fantasia=f"N {place}", cnpj_cpf=document))
    await rig.settle()
    contacts = [await rig.pair_of_client(client["codigo_cliente_omie"]) for client in pairs]
    for contact in contacts:
        await rig.contact_delete(contact["Id"])
    await rig.settle()
    assert len(await rig.clients()) == 2
    paused = await rig.items("issues", cause="delete_paused")
    assert len(paused) == 2
    for issue, choice in zip(paused, ("proceed", "discard"), strict=True):
        answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": choice})
        assert answer.status_code == 202
    await rig.settle()
    assert len(await rig.clients()) == 1
    assert await rig.issues() == []
    assert await rig.refusals() == {}
