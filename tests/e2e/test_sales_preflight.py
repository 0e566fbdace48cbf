"""Each condition of the pre-flight, broken alone: its own reason in the issue, and mending it sends the sale (X01)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.sync.sales.gathering import LIST_SECONDS
from app.sync.sales.preflight import CONDITIONS
from tests.e2e.rig import APP_KEY, EMBEDDED, USER_KEY, Rig, at_speed
from tests.e2e.shop import DOCUMENT, PERSON, Shop

Act = Callable[[Shop, str], Awaitable[Any]]


def contact(**fields: Any) -> Act:
    async def act(shop: Shop, sale_id: str) -> None:
        await shop.rig.contact_edit(shop.contact["Id"], **fields)

    return act


def sale(**fields: Any) -> Act:
    async def act(shop: Shop, sale_id: str) -> None:
        await shop.edit(sale_id, settle=False, **fields)

    return act


def lines(**fields: Any) -> Act:
    async def act(shop: Shop, sale_id: str) -> None:
        await shop.edit(sale_id, {**shop.line("Produto 1", 2), **fields}, settle=False)

    return act


async def move_family(shop: Shop, name: str) -> None:
    families = {row["Name"]: row["Id"] for row in await shop.rig.ploomes_set("Products@Families")}
    if name not in families:
        families[name] = int(await shop.rig.ploomes_new("Products@Families", Name=name))
    path = f"/sandbox/ploomes/{USER_KEY}/screen/Products/{shop.products['Produto 1'][1]}"
    assert (await shop.rig.control.patch(path, json={"FamilyId": families[name]})).is_success


def family(name: str) -> Act:
    async def act(shop: Shop, sale_id: str) -> None:
        await move_family(shop, name)

    return act


def account(inactive: str) -> Act:
    async def act(shop: Shop, sale_id: str) -> None:
        code = (await shop.rig.get_json(f"{shop.rig.path}/config"))["orders"]["omie_account"]
        path = f"/sandbox/omie/{APP_KEY}/screen/accounts/{code}"
        assert (await shop.rig.control.patch(path, json={"inativo": inactive}, params=PERSON)).is_success
        await shop.rig.ponte.clock.sleep(LIST_SECONDS)  # a list of Omie counts as read for a while

    return act


async def nothing(shop: Shop, sale_id: str) -> None:
    return None


async def with_owner(shop: Shop, sale_id: str) -> None:
    """The owner gets a seller with the same e-mail."""
    await shop.rig.seller_new(nome="Ana", email="ana@loja.test")


CASES: dict[str, tuple[Act, Act, Act, str]] = {
    "document": (contact(Register=None), nothing, contact(Register=DOCUMENT), "não tem CNPJ/CPF"),
    "city": (contact(CityId=None), nothing, nothing, "não tem cidade"),
    "number": (contact(StreetAddressNumber=None), nothing, contact(StreetAddressNumber="7"), "não tem número"),
    "lines": (nothing, sale(Products=[], Amount=0), lines(), "não tem nenhum produto"),
    "quantity": (nothing, lines(Quantity=0, Total=0), lines(), "Sem quantidade"),
    "price": (nothing, lines(UnitPrice=0, Total=0), lines(), "Sem valor"),
    "amount": (nothing, sale(Amount=0), lines(), "O valor da venda é zero"),
    "family": (family("Outra"), nothing, family("Produtos"), "Fora das famílias"),
    "totals": (nothing, lines(Total=5), lines(), "mostra o total"),
    "account": (account("S"), nothing, account("N"), "inativa"),
}
"""Condition -> how it breaks before the sale, in the sale, how it is mended, and what is told."""


@EMBEDDED
@at_speed(60)
@pytest.mark.slow
@pytest.mark.feature("X01", "F161", "F162", "F163", "F173")
async def test_each_broken_condition_is_told_and_mending_it_sends_the_sale(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0, send_when={"field_key": "Description", "equals": "pronta"})
    await rig.configure(entities={"products": False})  # else a family that was changed by hand is put back
    city = next(row for row in await rig.ploomes_set("Cities") if row["Name"] == "São Paulo")
    back = {"CityId": city["Id"], "StateId": city["StateId"]}
    for count, (name, (before, within, mend, words)) in enumerate(CASES.items(), start=1):
        sale_id = await shop.sale(shop.line("Produto 1", 2))
        await before(shop, sale_id)
        await within(shop, sale_id)
        await shop.edit(sale_id, settle=False, Description="pronta")

        async def told() -> bool:
            return await rig.issues() == ["preflight"]

        await rig.until(told, 60)
        issue = await rig.issue("preflight")
        assert words in issue["detail"], name
        answer = await rig.get_json(f"{rig.path}/records/orders/ploomes/{sale_id}/why")
        titles = {condition.title for condition in CONDITIONS}
        assert len([c for c in answer["conditions"] if c["name"] in titles and not c["ok"]]) == 1, name
        await (contact(**back) if name == "city" else mend)(shop, sale_id)

        async def sent(wanted: int = count) -> bool:
            return len(await shop.orders()) == wanted and await rig.issues() == []

        await rig.until(sent, 60)
