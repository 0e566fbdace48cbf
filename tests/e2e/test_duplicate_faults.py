"""Omie names the client it already has: its refusal becomes the link, after exactly one call (F086, F274)."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig

pytestmark = EMBEDDED

CNPJ = "11222333000181"


@pytest.mark.feature("F086", "F274")
@pytest.mark.parametrize(
    "wording",
    [{}, {"omie_fault_without_code": True, "omie_fault_http_200": True}],
    ids=["usual", "code and status off"],
)
async def test_a_duplicate_that_names_an_id_ends_in_a_link(rig: Rig, wording: JsonObject) -> None:
    await rig.quirk(**wording)
    await rig.fault("drop", vendor="omie", times=None)  # what Omie has is news to us
    client = await rig.omie_new(razao_social="Já Existe Ltda", nome_fantasia="Já Existe", cnpj_cpf=CNPJ)
    contact = await rig.contact_new(TypeId=1, Name="Já Existe", Register=CNPJ, Website="existe.test")
    await rig.settle()
    assert len(rig.tap.of("IncluirCliente")) == 1
    assert (await rig.link("ploomes", contact["Id"]))["omie_id"] == str(client["codigo_cliente_omie"])
    assert (await rig.pair_of_contact(contact["Id"]))["homepage"] == "existe.test"
    assert len(await rig.clients()) == len(await rig.contacts()) == 1
    assert await rig.issues() == []
    assert await rig.refusals() == {}
