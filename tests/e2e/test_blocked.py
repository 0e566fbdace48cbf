"""Half an hour of Omie's block: no call of the blocked method, everything else goes on, and the work drains."""

import pytest

from tests.e2e.rig import EMBEDDED, Rig, at_speed

CNPJS = ("11222333000181", "11444777000161", "33000167000101", "60701190000104")


@pytest.mark.slow
@EMBEDDED
@at_speed(60.0)
@pytest.mark.feature("F268")
async def test_a_blocked_method_is_left_alone_and_its_work_drains(rig: Rig) -> None:
    clients = [
        await rig.omie_new(razao_social=f"Loja {cnpj} Ltda", nome_fantasia=f"Loja {cnpj}", cnpj_cpf=cnpj)
        for cnpj in CNPJS
    ]
    await rig.settle()
    codes = [client["codigo_cliente_omie"] for client in clients]
    contacts = [await rig.pair_of_client(code) for code in codes]
    await rig.fault("block", vendor="omie", match="AlterarCliente", seconds=1800)
    clock = rig.sandbox.clock
    for number, contact in enumerate(contacts[:3]):
        await rig.contact_edit(contact["Id"], Neighborhood=f"Bairro {number}")

    async def blocked() -> bool:
        return (await rig.refusals()).get("omie.block") == 1

    await rig.until(blocked)
    since = clock.time()
    # the other way is open
    await rig.omie_edit(codes[3], bairro="Vila Nova")

    async def travelled() -> bool:
        contact = await rig.contact(contacts[3]["Id"])
        return contact is not None and contact["Neighborhood"] == "Vila Nova"

    await rig.until(travelled)
    assert clock.time() - since < 1500.0, "the block still stands"
    assert len(rig.tap.of("AlterarCliente")) == 1

    async def drained() -> bool:
        return [(await rig.client(code) or {}).get("bairro") for code in codes[:3]] == [
            f"Bairro {number}" for number in range(3)
        ]

    await rig.until(drained, seconds=90.0)
    assert clock.time() - since > 1800.0, "nothing was called before the block ended"
    assert len(rig.tap.of("AlterarCliente")) == 4
    assert await rig.refusals() == {"omie.block": 1}, "only the call that ran into it"
