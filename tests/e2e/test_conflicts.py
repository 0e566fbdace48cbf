"""Both sides changed: what merges, who wins, what is asked, and automations that fight (F073; design section 4)."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed

CNPJ = "11222333000181"


async def a_pair(rig: Rig, **more: object) -> tuple[str, str]:
    """Ids of a linked client and its contact."""
    client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJ, **more)
    await rig.settle()
    client_id = str(client["codigo_cliente_omie"])
    return client_id, str((await rig.pair_of_client(client_id))["Id"])


async def both(rig: Rig, client_id: str, omie: JsonObject, contact_id: str, ploomes: JsonObject) -> None:
    """A person edits in Omie, another one a moment later in Ploomes, before either was looked at."""
    await rig.stop_worker()
    await rig.omie_edit(client_id, **omie)
    await rig.until(lambda: delivered(rig))
    await rig.contact_edit(contact_id, **ploomes)
    await rig.until(lambda: delivered(rig))
    rig.start_worker()
    await rig.settle()


async def delivered(rig: Rig) -> bool:
    """True when no webhook is on its way."""
    return not (await rig.control.get("/sandbox/deliveries")).json()["pending"]


async def values(rig: Rig, client_id: str, omie: str, contact_id: str, ploomes: str) -> tuple[object, object]:
    """A field of both sides."""
    client, contact = await rig.client(client_id), await rig.contact(contact_id)
    assert client is not None
    assert contact is not None
    return client[omie], contact[ploomes]


@pytest.mark.feature("F073")
@at_speed(60.0)
async def test_disjoint_edits_merge_and_the_newest_value_wins_a_true_conflict(rig: Rig) -> None:
    client_id, contact_id = await a_pair(rig)
    await both(rig, client_id, {"email": "omie@a.test"}, contact_id, {"Website": "ploomes.test"})
    assert await values(rig, client_id, "email", contact_id, "Email") == ("omie@a.test", "omie@a.test")
    assert await values(rig, client_id, "homepage", contact_id, "Website") == ("ploomes.test", "ploomes.test")
    await both(rig, client_id, {"email": "velho@a.test"}, contact_id, {"Email": "novo@a.test"})
    assert await values(rig, client_id, "email", contact_id, "Email") == ("novo@a.test", "novo@a.test")
    lost = [change["lost"] for change in await rig.changes() if change["lost"]]
    assert lost == [{"email": {"vendor": "omie", "value": "velho@a.test"}}]
    # an address is one field: no mixture of two people's streets
    await both(
        rig, client_id, {"endereco": "Rua do Omie", "endereco_numero": "1", "bairro": "Omie"},
        contact_id, {"StreetAddress": "Rua do Ploomes", "StreetAddressLine2": "Sala 2"},
    )  # fmt: skip
    assert await values(rig, client_id, "endereco", contact_id, "StreetAddress") == ("Rua do Ploomes",) * 2
    assert await values(rig, client_id, "complemento", contact_id, "StreetAddressLine2") == ("Sala 2",) * 2
    assert await values(rig, client_id, "endereco_numero", contact_id, "StreetAddressNumber") == ("", None)
    assert await values(rig, client_id, "bairro", contact_id, "Neighborhood") == ("", None)
    lost = [change["lost"] for change in await rig.changes() if "street" in change["lost"]]
    assert lost[0]["street"]["value"] == "Rua do Omie"
    assert lost[0]["number"]["value"] == "1"
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F073")
@at_speed(60.0)
async def test_policies_decide_by_side_or_ask_a_person(rig: Rig) -> None:
    await rig.configure(conflicts={"default": "omie", "fields": {"website": "ploomes", "email": "ask", "name": "ask"}})
    client_id, contact_id = await a_pair(rig)
    await both(
        rig, client_id, {"bairro": "Omie", "homepage": "omie.test", "email": "omie@a.test", "cnae": "4721102"},
        contact_id, {"Neighborhood": "Ploomes", "Website": "ploomes.test", "Email": "ploomes@a.test"},
    )  # fmt: skip
    assert await values(rig, client_id, "bairro", contact_id, "Neighborhood") == ("Omie", "Omie")
    assert await values(rig, client_id, "homepage", contact_id, "Website") == ("ploomes.test", "ploomes.test")
    assert await values(rig, client_id, "cnae", contact_id, "CNAECode") == ("4721102", "4721102")
    assert await values(rig, client_id, "email", contact_id, "Email") == ("omie@a.test", "ploomes@a.test")
    assert await rig.issues() == ["conflict"]
    assert (await rig.issue("conflict"))["asks"] == ["omie", "ploomes"]
    # meanwhile the rest goes on, and the question stays one
    await rig.omie_edit(client_id, complemento="Sala 9")
    await rig.contact_edit(contact_id, LegalName="Alfa SA")
    await rig.settle()
    assert await values(rig, client_id, "razao_social", contact_id, "LegalName") == ("Alfa SA", "Alfa SA")
    assert await rig.issues() == ["conflict"]
    await rig.answer("conflict", "ploomes")
    assert await values(rig, client_id, "email", contact_id, "Email") == ("ploomes@a.test", "ploomes@a.test")
    assert await rig.issues() == []
    assert await rig.why("omie", client_id) == {}
    # a later conflict is a new question
    await both(rig, client_id, {"email": "o2@a.test"}, contact_id, {"Email": "p2@a.test"})
    assert await values(rig, client_id, "email", contact_id, "Email") == ("o2@a.test", "p2@a.test")
    await rig.answer("conflict", "omie")
    assert await values(rig, client_id, "email", contact_id, "Email") == ("o2@a.test", "o2@a.test")
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@at_speed(30.0)
@pytest.mark.feature("F049", "F073", "F282")
async def test_two_automations_that_undo_each_other_are_frozen_until_a_person_retries(rig: Rig) -> None:
    client_id, contact_id = await a_pair(rig, homepage="inicio.test")
    turns = 0

    async def fighting() -> bool:
        nonlocal turns
        client, contact = await rig.client(client_id), await rig.contact(contact_id)
        assert client is not None
        assert contact is not None
        if client["homepage"] != "omie.test":  # Omie's automation wants one value, Ploomes' another
            turns += 1
            await rig.omie_edit(client_id, homepage="omie.test")
        elif contact["Website"] != "ploomes.test" and contact["Website"] == client["homepage"]:
            turns += 1
            await rig.contact_edit(contact_id, Website="ploomes.test")
        return "oscillation" in await rig.issues()

    await rig.until(fighting, 60)
    assert turns <= 8
    assert "Website" in (await rig.issue("oscillation"))["detail"]
    assert "Website" in (await rig.why("omie", client_id))["Nenhum campo congelado"]
    writes = await rig.writes()
    await rig.omie_edit(client_id, email="passa@a.test")  # the other fields go on
    await rig.until(lambda: equal_emails(rig, client_id, contact_id))
    assert await rig.writes() == writes + 1
    client, contact = await rig.client(client_id), await rig.contact(contact_id)
    assert client is not None
    assert contact is not None
    assert client["homepage"] != contact["Website"]
    await rig.retry("oscillation")
    client, contact = await rig.client(client_id), await rig.contact(contact_id)
    assert client is not None
    assert contact is not None
    assert client["homepage"] == contact["Website"]
    assert await rig.issues() == []
    assert await rig.refusals() == {}


async def equal_emails(rig: Rig, client_id: str, contact_id: str) -> bool:
    """True when the e-mail has arrived."""
    omie, ploomes = await values(rig, client_id, "email", contact_id, "Email")
    return omie == ploomes
