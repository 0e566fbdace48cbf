"""An edit of ours whose answer was lost: what people typed before and after it is not lost with it."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed

pytestmark = [EMBEDDED, at_speed(30.0)]

CNPJ = "11222333000181"


async def pair(rig: Rig) -> tuple[str, str]:
    """A linked client; both ids."""
    client = await rig.omie_new(razao_social="Loja Ltda", nome_fantasia="Loja", cnpj_cpf=CNPJ, homepage="antes.test")
    await rig.settle()
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    await rig.ponte.clock.sleep(61)  # what was read at the making may be read again
    return str(client["codigo_cliente_omie"]), str(contact["Id"])


async def sites(rig: Rig, client: str, contact: str) -> tuple[str, str]:
    """The same field on both sides."""
    omie, ploomes = await rig.client(client), await rig.contact(contact)
    assert omie is not None
    assert ploomes is not None
    return omie["homepage"], ploomes["Website"]


def tells(changes: list[JsonObject], vendor: str, value: str) -> list[JsonObject]:
    """Lines of the history about a value of the field."""
    return [change for change in changes if change["vendor"] == vendor and change["after"].get("website") == value]


@pytest.mark.feature("F003", "F083")
async def test_an_edit_made_after_a_write_without_an_answer_is_no_conflict_with_it(rig: Rig) -> None:
    """The write's own echo comes last of all: it must not pass for a newer edit made in Ploomes."""
    client, contact = await pair(rig)
    await rig.fault("disconnect", vendor="ploomes", match="Contacts", verb="PATCH", when="after")
    await rig.fault("delay", vendor="ploomes", match="Contacts.Update", seconds=20)
    await rig.omie_edit(client, homepage="primeiro.test")

    async def applied() -> bool:
        return (await sites(rig, client, contact))[1] == "primeiro.test"

    await rig.until(applied)
    await rig.omie_edit(client, homepage="segundo.test")
    await rig.settle()
    assert await sites(rig, client, contact) == ("segundo.test", "segundo.test")
    told = await rig.changes()
    assert len(tells(told, "ploomes", "primeiro.test")) == len(tells(told, "ploomes", "segundo.test")) == 1
    assert not tells(told, "omie", "primeiro.test")


@pytest.mark.feature("F003", "F083")
async def test_a_value_that_lost_to_a_write_without_an_answer_is_told(rig: Rig) -> None:
    client, contact = await pair(rig)
    await rig.configure(conflicts={"default": "omie"})
    await rig.stop_worker()
    await rig.contact_edit(contact, Website="vencido.test")
    await rig.omie_edit(client, homepage="vencedor.test")
    await rig.fault("disconnect", vendor="ploomes", match="Contacts", verb="PATCH", when="after")
    rig.start_worker()
    await rig.settle()
    assert await sites(rig, client, contact) == ("vencedor.test", "vencedor.test")
    [told] = tells(await rig.changes(), "ploomes", "vencedor.test")
    assert told["before"]["website"] == "vencido.test"
    assert told["lost"] == {"website": {"vendor": "ploomes", "value": "vencido.test"}}
