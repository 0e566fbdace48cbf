"""What changes in Omie's registers is told before a sale fails on it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.sync.lookups import duties, known
from app.sync.models import KnownRecord
from tests.e2e.rig import EMBEDDED, Rig, at_speed
from tests.e2e.shop import Shop
from tests.e2e.test_activation import pick


async def hours_pass(rig: Rig) -> None:
    """The lists that were read are two hours old now, the duties are due, and the watch comes by."""
    async with rig.ponte.db.transaction() as session:
        for row in await session.scalars(select(KnownRecord).where(KnownRecord.entity == known.WHOLE_SETS)):
            row.seen_at -= timedelta(hours=2)
        for duty in rig.ponte.watch.duties:
            await duties.due(session, int(rig.integration["id"]), duty, rig.ponte.clock.now())
    await rig.ponte.watch.tick()


async def told(rig: Rig, *causes: str) -> None:
    """The watch finds just these open; within Omie's minute a list is not read again, so it may take another look."""

    async def found() -> bool:
        await hours_pass(rig)
        return await rig.issues() == list(causes)

    await rig.until(found, 60)


@EMBEDDED
@at_speed(60)
@pytest.mark.feature("F285", "F291", "F293")
async def test_an_account_closed_in_omie_is_told_before_a_sale_needs_it(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    account = str((await rig.get_json(f"{rig.path}/config"))["orders"]["omie_account"])
    path = f"/sandbox/omie/{rig.app_key}/screen/accounts/{account}"

    async def close(value: str) -> None:
        answer = await rig.control.patch(path, json={"inativo": value}, params={"person": "maria@loja.test"})
        assert answer.is_success, answer.text

    await close("S")
    await told(rig, "inactive_code")
    issue = await rig.issue("inactive_code")
    assert all(word in issue["detail"] for word in (account, "inativo", "orders.omie_account")), issue
    assert "service_orders.omie_account" in issue["detail"]  # one code, both places that use it
    assert rig.tap.of("IncluirPedido") == []
    [shown] = [row for row in await rig.get_json(f"{rig.path}/catalog/accounts") if row["code"] == account]
    assert shown["active"] is False

    # another code of the picker mends it, at once and not at the next hour
    other = await pick(rig, "accounts")
    assert other != account
    await rig.configure(orders={"omie_account": other}, service_orders={"omie_account": other})
    await rig.ponte.watch.tick()
    assert await rig.issues() == []
    sale = await shop.sale(shop.line("Produto 1"))
    assert str((await shop.order_of(sale))["informacoes_adicionais"]["codigo_conta_corrente"]) == other

    # and so does opening the account again, when a person asks for another look
    await rig.configure(orders={"omie_account": account})
    await told(rig, "inactive_code")
    await close("N")

    async def mended() -> bool:
        if await rig.issues():
            await rig.retry("inactive_code")
            await rig.ponte.watch.tick()
        return await rig.issues() == []

    await rig.until(mended, 60)
    assert await rig.refusals() == {}
