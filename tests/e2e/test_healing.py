"""What activation made in Ploomes and a person deletes there comes back, and nothing stays refused because of it."""

from collections import Counter
from datetime import timedelta

import pytest

from app.sync import issues
from app.sync.lookups import duties
from app.sync.setup.healing import LOST, TOLD_FOR
from tests.e2e.rig import EMBEDDED, JsonObject, Rig
from tests.e2e.shop import Shop
from tests.e2e.test_companies import OTHER_KEY
from tests.e2e.test_products import names_of, product, twin
from tests.e2e.test_reconcile import reconcile

OURS = ("Id (Omie)", "Estoque (Omie)", "Nº do pedido (Omie)", "Situação (Omie)")


async def unwatched(rig: Rig) -> None:
    """The watch will not look by itself for a long time, so that a test sees what is so until then."""
    async with rig.ponte.db.transaction() as session:
        later = rig.ponte.clock.now() + timedelta(days=1)
        await duties.done(session, int(rig.integration["id"]), "provisioned", later)


async def look(rig: Rig) -> None:
    """The next look of the watch, whoever takes it, and the work that comes of it."""
    asked, integration_id = rig.ponte.clock.now(), int(rig.integration["id"])
    async with rig.ponte.db.transaction() as session:
        await duties.due(session, integration_id, "provisioned", asked)

    async def looked() -> bool:
        await rig.ponte.watch.tick()
        async with rig.ponte.db.read() as session:
            return (await duties.last_done(session, integration_id))["provisioned"] >= asked

    await rig.until(looked)
    await unwatched(rig)
    await rig.settle()


async def remove(rig: Rig, name: str, *named: str) -> None:
    """A person deletes rows of a set in Ploomes by their names."""
    for row in await rig.ploomes_set(name):
        if row["Name"] in named and row.get("Dynamic") is not False:
            await rig.ploomes_remove(name, row["Key"] if name == "Fields" else row["Id"])


async def counted(rig: Rig, name: str) -> Counter[str]:
    return Counter(row["Name"] for row in await rig.ploomes_set(name))


async def whole(rig: Rig, row: JsonObject, *, lists: str = "Ativo") -> bool:
    """Whether a product of Ploomes has its family, a group in it, its marker, its Omie id and its stock table."""
    families, groups = await names_of(rig, "Products@Families"), await rig.ploomes_set("Products@Groups")
    markers = await names_of(rig, "Products@Lists")
    keys = {field["Key"]: field["Name"] for field in await rig.ploomes_set("Fields")}
    home = next((group["FamilyId"] for group in groups if group["Id"] == row["GroupId"]), None)
    return (
        families.get(row["FamilyId"]) == "Produtos"
        and home == row["FamilyId"]
        and [markers[each["ListId"]] for each in row["Lists"]] == [lists]
        and sorted(keys[each["FieldKey"]] for each in row["OtherProperties"]) == ["Estoque (Omie)", "Id (Omie)"]
    )


@pytest.mark.feature("F092", "F093", "F101", "F134")
async def test_what_a_person_deletes_of_ours_comes_back_with_all_that_was_refused(rig: Rig) -> None:
    shop = await Shop(rig).open(products=2)
    edited, quiet = (shop.products[name][0] for name in ("Produto 1", "Produto 2"))
    await unwatched(rig)
    rig.tap.calls.clear()
    await remove(rig, "Products@Families", "Produtos")
    await remove(rig, "Products@Lists", "Ativo")
    await remove(rig, "Fields", *OURS)
    await rig.omie_change("products", edited, valor_unitario=25)
    new = (await product(rig, codigo="NOVO", descricao="Novo"))["codigo_produto"]
    await rig.settle()
    sale = await shop.sale(shop.line("Produto 2"), settle=False)

    async def stuck() -> bool:
        return await rig.issues() == ["preflight", "refused", "refused"]

    await rig.until(stuck)
    assert rig.tap.of("IncluirPedido", "POST InteractionRecords") == []  # a product is no client to leave a note at

    await look(rig)
    issue = await rig.issue(LOST)
    told = ["família “Produtos”", "marcador de produto “Ativo”", "campo “Estoque (Omie)” de produtos"]
    assert all(f"“{name}” de vendas" in issue["detail"] for name in OURS if name != "Estoque (Omie)"), issue
    assert all(text in issue["detail"] for text in told), issue
    assert "Serviços" not in issue["detail"]

    async def healed() -> bool:
        return await rig.issues() == [LOST] and await whole(rig, await twin(rig, quiet))

    await rig.until(healed, 60)  # sales wait for the family, so products get it without waiting for the night
    await rig.settle()
    for code, price in ((edited, 25), (new, 19.9)):
        row = await twin(rig, code)
        assert await whole(rig, row), row
        assert row["UnitPrice"] == price
    await shop.order_of(sale)
    assert await counted(rig, "Products@Families") == {"Produtos": 1, "Serviços": 1}
    assert await counted(rig, "Products@Lists") == {"Ativo": 1, "Inativo": 1}
    fields = await counted(rig, "Fields")
    assert {name: fields[name] for name in OURS} == dict(zip(OURS, (3, 1, 1, 1), strict=True))
    on_forms = {row["FieldKey"] for row in await rig.ploomes_set("Forms@Fields")}
    assert {row["Key"] for row in await rig.ploomes_set("Fields") if row["Name"] in OURS} <= on_forms

    # the issue is there to be read for a day
    await look(rig)
    assert await rig.issues() == [LOST]
    async with rig.ponte.db.transaction() as session:
        found = await issues.open_one(session, int(rig.integration["id"]), LOST)
        assert found is not None
        found.updated_at -= TOLD_FOR + timedelta(minutes=1)
    await look(rig)
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F101", "F134")
async def test_what_records_lost_with_a_marker_or_a_field_is_back_after_the_night(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    await unwatched(rig)
    await remove(rig, "Products@Lists", "Ativo")
    await remove(rig, "Fields", *OURS)
    sale = await shop.sale(shop.line("Produto 1"))
    assert await rig.issues() == ["refused"]  # the order is made, but the sale cannot show its number
    await look(rig)
    assert await rig.issues() == [LOST]
    order = await shop.order_of(sale)
    [sold] = [row for row in await rig.ploomes_set("Orders") if str(row["Id"]) == sale]
    assert str(order["cabecalho"]["codigo_pedido"]) in {each["StringValue"] for each in sold["OtherProperties"]}
    code = shop.products["Produto 1"][0]
    assert not await whole(rig, await twin(rig, code))
    row, _, _ = await reconcile(rig)
    assert row["plan"]["proven"], row
    assert await whole(rig, await twin(rig, code))
    contact = await rig.contact(shop.contact["Id"])
    assert contact is not None
    assert contact["OtherProperties"]
    assert await rig.issues() == [LOST]


@EMBEDDED
@pytest.mark.feature("F092")
async def test_a_look_at_what_is_there_costs_three_lists_and_an_empty_one_is_no_proof(rig: Rig) -> None:
    await unwatched(rig)
    rig.tap.calls.clear()
    await look(rig)
    lists = Counter(name for name, _ in rig.tap.calls)
    assert set(lists) == {"GET Products@Families", "GET Products@Lists", "GET Fields"}
    assert lists.total() <= 6, lists
    for name in ("Products@Families", "Products@Lists"):
        await rig.fault("empty_list", vendor="ploomes", match=name)
    await look(rig)
    assert await rig.writes() == 0
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F092")
async def test_a_family_whose_answer_was_lost_is_made_once(rig: Rig) -> None:
    await unwatched(rig)
    await remove(rig, "Products@Families", "Produtos", "Serviços")
    await rig.fault("disconnect", vendor="ploomes", match="Products@Families", verb="POST", when="after")
    await look(rig)
    assert await rig.issues() == []

    async def made() -> bool:
        await look(rig)
        return await rig.issues() == [LOST]

    await rig.until(made, 60)
    assert await counted(rig, "Products@Families") == {"Produtos": 1, "Serviços": 1}
    made_now = (await rig.ponte.integrations.get(int(rig.integration["id"]))).provisioned["families"]
    assert made_now == {row["Name"]: row["Id"] for row in await rig.ploomes_set("Products@Families")}


@EMBEDDED
@pytest.mark.feature("F101", "F134")
async def test_what_may_not_be_made_is_told_and_keeps_nothing_else_from_being_mended(rig: Rig) -> None:
    await unwatched(rig)
    await remove(rig, "Products@Lists", "Ativo")
    await remove(rig, "Fields", "Estoque (Omie)")
    await rig.fault("status", vendor="ploomes", match="Products@Lists", verb="POST", status=403, times=None)
    await look(rig)
    detail = (await rig.issue(LOST))["detail"]
    missing, made = detail.split("Apagado no Ploomes")
    assert "não pôde ser criado: marcador de produto “Ativo”" in missing
    assert "campo “Estoque (Omie)” de produtos" in made
    assert (await rig.control.delete("/sandbox/faults")).is_success
    await rig.retry(LOST)  # a person's retry is the next look

    async def mended() -> bool:
        await rig.ponte.watch.tick()
        return "não pôde" not in (await rig.issue(LOST))["detail"]

    await rig.until(mended)
    detail = (await rig.issue(LOST))["detail"]
    assert "marcador de produto “Ativo”; " in detail or "; marcador de produto “Ativo”" in detail
    assert (await counted(rig, "Products@Lists"))["Ativo"] == 1


@EMBEDDED
@pytest.mark.feature("F092", "F101")
async def test_an_activation_that_is_quicker_than_the_watch_puts_as_much_right(rig: Rig) -> None:
    shop = await Shop(rig).open(products=2, services=0)
    edited, quiet = (shop.products[name][0] for name in ("Produto 1", "Produto 2"))
    await unwatched(rig)
    await remove(rig, "Products@Families", "Produtos")
    await remove(rig, "Products@Lists", "Ativo", "Inativo")
    await rig.omie_change("products", edited, valor_unitario=25)
    await rig.settle()
    assert await rig.issues() == ["refused"]
    await rig.activate()

    async def healed() -> bool:
        return await rig.issues() == [LOST] and await whole(rig, await twin(rig, quiet))

    await rig.until(healed, 60)
    assert await whole(rig, await twin(rig, edited))
    assert await counted(rig, "Products@Lists") == {"Ativo": 1, "Inativo": 1}


@EMBEDDED
@pytest.mark.feature("F092")
async def test_two_companies_of_an_account_share_what_is_made_again(rig: Rig) -> None:
    second = await rig.neighbour(OTHER_KEY, "Filial")
    await second.create()
    await second.activate()
    for each in (rig, second):
        await unwatched(each)
    await remove(rig, "Products@Families", "Produtos")
    for each in (rig, second):
        await look(each)
    [family] = [row["Id"] for row in await rig.ploomes_set("Products@Families") if row["Name"] == "Produtos"]
    for each in (rig, second):
        made = (await rig.ponte.integrations.get(int(each.integration["id"]))).provisioned
        assert made["families"]["Produtos"] == family
        assert LOST in await each.issues()
