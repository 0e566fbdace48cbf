"""What a vendor refuses: one call, one issue with its words, one note where the person works (F087, F090, F283)."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed

CNPJ, CNPJ_2 = "11222333000181", "11444777000161"


async def told(rig: Rig) -> list[str]:
    """Texts of the interaction records in Ploomes."""
    return [str(row["Content"]) for row in await rig.ploomes_set("InteractionRecords")]


@pytest.mark.feature("F090", "F274", "F283", "F284")
@at_speed(60.0)
async def test_a_refusal_is_one_call_and_is_told_until_it_is_mended(rig: Rig) -> None:
    await rig.quirk(omie_required_client_tags="nome_fantasia,cnpj_cpf,email")
    contact = await rig.contact_new(TypeId=1, Name="Sem E-mail", Register=CNPJ)
    await rig.settle()
    assert len(rig.tap.of("IncluirCliente")) == 1
    issue = await rig.issue("refused")
    assert "[email]" in issue["detail"]
    assert (issue["who"], issue["external_id"]) == ("vendas", str(contact["Id"]))
    assert "[email]" in (await rig.why("ploomes", contact["Id"]))["Nenhuma pendência aberta"]

    async def one_note() -> bool:
        return len(await told(rig)) == 1

    await rig.until(one_note)
    assert "[email]" in (await told(rig))[0]
    # nothing that matters changed: nothing is sent, nothing is told again
    await rig.contact_edit(contact["Id"], Note="só uma anotação")
    await rig.settle()
    assert len(rig.tap.of("IncluirCliente")) == 1
    assert await rig.issues() == ["refused"]
    # something changed, it is refused again: the note is the same one
    await rig.quirk(omie_required_client_tags="nome_fantasia,cnpj_cpf,email,homepage")
    await rig.contact_edit(contact["Id"], Email="a@b.test")
    await rig.settle()

    async def edited() -> bool:
        texts = await told(rig)
        assert len(texts) == 1
        return "[homepage]" in texts[0]

    await rig.until(edited)
    assert len(rig.tap.of("IncluirCliente")) == 2
    # mended in Omie's settings: a person asks for another try
    await rig.quirk(omie_required_client_tags="nome_fantasia,cnpj_cpf")
    await rig.retry("refused")
    assert (await rig.pair_of_contact(contact["Id"]))["email"] == "a@b.test"
    assert await rig.issues() == []

    async def cleared() -> bool:
        return not await told(rig)

    await rig.until(cleared)
    assert len(rig.tap.of("POST InteractionRecords")) == 1
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F090", "F274", "F275")
@at_speed(60.0)
async def test_an_unknown_answer_is_not_retried_and_an_edit_may_be_refused_too(rig: Rig) -> None:
    await rig.fault(
        "fault", vendor="omie", match="IncluirCliente", text="ERROR: Algo que ninguém conhece !", code="x-9"
    )
    contact = await rig.contact_new(TypeId=1, Name="Estranho", Register=CNPJ)
    await rig.settle()
    issue = await rig.issue("unknown_fault")
    assert "Algo que ninguém conhece" in issue["detail"]
    # a busy machine may be sent the same webhook twice: it ends the same way, without another call
    assert {e["state"] for e in await rig.events_of("ploomes", contact["Id"])} == {"failed"}
    assert len(rig.tap.of("IncluirCliente")) == 1
    await rig.contact_edit(contact["Id"], Note="nada")
    await rig.settle()
    assert len(rig.tap.of("IncluirCliente")) == 1
    assert await rig.issues() == ["unknown_fault"]
    await rig.retry("unknown_fault")
    client = await rig.pair_of_contact(contact["Id"])
    assert await rig.issues() == []
    assert len(rig.tap.of("IncluirCliente")) == 2

    # an edit: what Omie refuses stops that record only, and goes once it is mended
    other = await rig.contact_new(TypeId=1, Name="Outro", Register=CNPJ_2)
    await rig.settle()
    refusal = {"vendor": "omie", "match": "AlterarCliente", "code": "SOAP-ENV:Client-1001"}
    await rig.fault("fault", text="ERROR: Preenchimento inválido da tag [homepage]. Informe outro !", **refusal)
    await rig.contact_edit(contact["Id"], Website="ruim")
    await rig.settle()
    await rig.contact_edit(other["Id"], Website="bom.test")
    await rig.settle()
    assert (await rig.pair_of_contact(other["Id"]))["homepage"] == "bom.test"
    assert await rig.issues() == ["refused"]
    await rig.omie_edit(client["codigo_cliente_omie"], nome_fantasia="Mudou no Omie")
    await rig.settle()
    altered = [p for p in rig.tap.of("AlterarCliente") if p.get("homepage") == "ruim"]
    assert len(altered) == 1
    await rig.contact_edit(contact["Id"], Website="certo.test")
    await rig.settle()
    again = await rig.contact(contact["Id"])
    assert again is not None
    assert (await rig.pair_of_contact(contact["Id"]))["homepage"] == "certo.test"
    assert again["Name"] == "Mudou no Omie"
    assert await rig.issues() == []
    assert await rig.refusals() == {}
