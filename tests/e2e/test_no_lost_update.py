"""An edit that falls between our read and our write is a change, not part of what we saw."""

import asyncio

import pytest

from app.core.config import Settings
from tests.e2e.rig import EMBEDDED, JsonObject, running
from tests.e2e.shop import Shop, new_field, number


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


@pytest.mark.feature("F009", "F227")
@EMBEDDED
async def test_a_sale_edited_while_its_order_is_made_keeps_what_was_typed(product: Settings, speed: float) -> None:
    """Ploomes may replace the list of custom fields whole: what we write beside it must not bring old values back."""
    typed: list[str] = []

    async def edit_once(boundary: str) -> None:
        if boundary == "written" and not typed and await shop.orders():
            typed.append(next(iter(await shop.sales())))
            await shop.edit(typed[0], settle=False, OtherProperties=freight(0))
            await rig.ponte.clock.sleep(2.0)

    def freight(amount: float) -> list[JsonObject]:
        return [{"FieldKey": key, "DecimalValue": amount}]

    async with running(product, speed=speed, trace=edit_once) as rig:
        await rig.connect()
        key = (await new_field(rig, "Frete", "Moeda"))["Key"]
        shop = await Shop(rig).open(products=1, services=0)
        await rig.configure(mappings=[{"omie": "VendaProduto.Valor do Frete", "ploomes": key, "direction": "both"}])
        sale_id = await shop.sale(shop.line("Produto 1"), OtherProperties=freight(12.5))
        sale = (await shop.sales())[sale_id]
        assert [row["DecimalValue"] for row in sale["OtherProperties"] if row["FieldKey"] == key] == [0]
        assert not number((await shop.order_of(sale_id))["frete"].get("valor_frete") or 0)
        assert await rig.issues() == []
