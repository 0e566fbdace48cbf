"""A create whose answer was lost: whatever befalls its repeats, one record, one link, and a history that tells it."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed

CNPJ = "11222333000181"
BUSY: JsonObject = {
    "kind": "fault",
    "text": "ERROR: Já existe uma requisição desse método !",
    "code": "1880",
}
TORN: JsonObject = {"kind": "disconnect"}


@EMBEDDED
@at_speed(60.0)
@pytest.mark.feature("F003", "F052")
@pytest.mark.parametrize("repeat", [None, BUSY, TORN], ids=["found", "busy", "torn"])
async def test_the_history_tells_a_create_whose_answer_was_lost(rig: Rig, repeat: JsonObject | None) -> None:
    """Applied, not answered; the repeat is found to be a duplicate, or does not get as far at first."""
    await rig.fault("disconnect", vendor="omie", match="IncluirCliente", when="after")
    if repeat is not None:
        await rig.fault(vendor="omie", match="IncluirCliente", **repeat)
    contact = await rig.contact_new(TypeId=1, Name="Loja", Register=CNPJ, Email="a@loja.test")

    async def first_lost() -> bool:
        return len(rig.tap.of("IncluirCliente")) == 1

    await rig.until(first_lost)
    await rig.contact_edit(contact["Id"], Email="b@loja.test")  # between the two tries
    await rig.settle()
    client = await rig.pair_of_contact(contact["Id"])
    assert len(await rig.clients()) == 1
    assert client["email"] == "b@loja.test"
    told = [change for change in await rig.changes() if change["vendor"] == "omie"]
    assert [(change["action"], change["after"].get("email")) for change in told] == [
        ("update", "b@loja.test"),
        ("create", "a@loja.test"),
    ]
    assert all(change["cause"].startswith("event:") for change in told)
