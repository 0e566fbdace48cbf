"""An edit that falls between our read and our write is a change, not part of what we saw."""

import asyncio
from typing import Any

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


READINGS = pytest.mark.parametrize("reading", ["merge", "replace"])
"""What Ploomes may do with custom fields that a PATCH does not name (reference 3.8, doubtful)."""


def named(body: JsonObject) -> set[str]:
    return {row["FieldKey"] for row in body.get("OtherProperties", ())}


def held(record: JsonObject, key: str) -> Any:
    row = next((row for row in record["OtherProperties"] if row["FieldKey"] == key), {})
    return next((value for name, value in row.items() if name.endswith("Value") and value is not None), None)


@pytest.mark.feature("F009", "F227")
@READINGS
@EMBEDDED
async def test_a_sale_edited_while_its_order_is_made_keeps_what_was_typed(
    product: Settings, speed: float, reading: str
) -> None:
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
        shop = Shop(rig)
        await rig.quirk(ploomes_other_properties=reading)
        await rig.connect()
        key = (await new_field(rig, "Frete", "Moeda"))["Key"]
        await shop.open(products=1, services=0)
        await rig.configure(mappings=[{"omie": "VendaProduto.Valor do Frete", "ploomes": key, "direction": "both"}])
        sale_id = await shop.sale(shop.line("Produto 1"), OtherProperties=freight(12.5))
        sale = (await shop.sales())[sale_id]
        assert held(sale, key) == 0
        assert not number((await shop.order_of(sale_id))["frete"].get("valor_frete") or 0)
        assert await rig.issues() == []


@pytest.mark.feature("F009", "F227")
@EMBEDDED
async def test_an_account_that_keeps_what_is_not_named_gets_no_old_value_back(product: Settings, speed: float) -> None:
    """Learned from the first sale: even an edit that falls between our last read and our PATCH stays."""
    journaled: list[str] = []

    async def edit_once(boundary: str) -> None:
        if journaled and boundary == "journaled":
            journaled.append("")
            if len(journaled) == 3:  # the order is made, the sale is about to be told
                journaled[0] = next(one for one in await shop.sales() if one != first)
                await shop.edit(journaled[0], settle=False, OtherProperties=freight(99))

    def freight(amount: float) -> list[JsonObject]:
        return [{"FieldKey": key, "DecimalValue": amount}]

    async with running(product, speed=speed, trace=edit_once) as rig:
        await rig.connect()
        key = (await new_field(rig, "Frete", "Moeda"))["Key"]
        shop = await Shop(rig).open(products=1, services=0)
        await rig.configure(mappings=[{"omie": "VendaProduto.Valor do Frete", "ploomes": key, "direction": "both"}])
        first = await shop.sale(shop.line("Produto 1"), OtherProperties=freight(10))
        told = len(rig.tap.of("PATCH Orders"))
        journaled.append("armed")
        sale_id = await shop.sale(shop.line("Produto 1"), OtherProperties=freight(12.5))
        assert journaled[0] == sale_id
        assert held((await shop.sales())[sale_id], key) == 99
        assert number((await shop.order_of(sale_id))["frete"]["valor_frete"]) == 99
        later = rig.tap.of("PATCH Orders")[told:]
        assert later
        assert not any(key in named(body) for body in later)
        assert await rig.issues() == []


@pytest.mark.feature("F003", "F073")
@READINGS
@EMBEDDED
async def test_a_field_that_is_none_of_ours_is_never_put_back(product: Settings, speed: float, reading: str) -> None:
    edits: list[str] = []

    async def edit_once(boundary: str) -> None:
        if boundary == "read" and len(edits) == 1:
            edits.append("done")
            await rig.contact_edit(edits[0], OtherProperties=[{"FieldKey": other, "StringValue": "nova"}])

    async with running(product, speed=speed, trace=edit_once) as rig:
        await rig.quirk(ploomes_other_properties=reading)
        await rig.connect()
        other = (await new_field(rig, "Campo da casa", "Texto simples", 1))["Key"]
        mine = (await new_field(rig, "Inscrição Estadual", "Texto simples", 1))["Key"]
        row = {"omie": "ClienteFornecedor.Inscrição Estadual", "ploomes": mine, "direction": "both"}
        await rig.configure(mappings=[row])
        contact = await rig.contact_new(
            TypeId=1, Name="Alfa", Register="11222333000181",
            OtherProperties=[{"FieldKey": other, "StringValue": "antiga"}],
        )  # fmt: skip
        await rig.settle()
        client = (await rig.link("ploomes", contact["Id"]))["omie_id"]
        edits.append(str(contact["Id"]))
        await rig.omie_edit(client, inscricao_estadual="110042490114")
        await rig.settle()
        [after] = await rig.contacts()
        assert (held(after, other), held(after, mine)) == ("nova", "110042490114")
        assert client in [row["StringValue"] for row in after["OtherProperties"]]
        assert await rig.issues() == []
