"""An edit that falls between our read and our write is a change, not part of what we saw."""

import asyncio

import pytest

from app.core.config import Settings
from tests.e2e.rig import EMBEDDED, running


@pytest.mark.feature("F003", "F073")
@EMBEDDED
async def test_an_omie_edit_between_our_read_and_our_write_still_travels(product: Settings, speed: float) -> None:
    """The write to Omie must not make the values we read before it look freshly seen."""
    edits: list[str] = []

    async def edit_once(boundary: str) -> None:
        if boundary == "journaled" and len(edits) == 1:
            edits.append("done")
            await rig.omie_edit(edits[0], homepage="pessoa.test")
            await asyncio.sleep(0.3)  # its webhook is in before our write leaves

    async with running(product, speed=speed, trace=edit_once) as rig:
        await rig.connect()
        client = await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf="11222333000181")
        await rig.settle()
        contact = await rig.pair_of_client(client["codigo_cliente_omie"])
        edits.append(str(client["codigo_cliente_omie"]))
        await rig.contact_edit(contact["Id"], Email="novo@alfa.test")
        await rig.settle()
        contact = await rig.pair_of_client(client["codigo_cliente_omie"])
        edited = await rig.client(client["codigo_cliente_omie"])
        assert edited is not None
        assert (edited["email"], contact["Website"]) == ("novo@alfa.test", "pessoa.test")
        assert await rig.refusals() == {}
