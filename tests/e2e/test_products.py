"""Products and services go from Omie to Ploomes and never back (F004-F006, F092-F105, F130)."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.sync.deletion import RETIRED
from app.sync.lookups.references import LATELY_SECONDS
from app.sync.models import Link, LinkState
from app.sync.passes.family_changes import FamilyChanges
from tests.e2e.rig import APP_KEY, EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_resync import act, as_planned, rested, resync, silent


async def product(rig: Rig, **fields: Any) -> JsonObject:
    """A person makes a product on Omie's screen."""
    whole = {"codigo": "CAF-1", "descricao": "Café 500 g", "unidade": "UN", "ncm": "0901.21.00", "valor_unitario": 19.9}
    return await rig.omie_put("products", **{**whole, **fields})


async def service(rig: Rig, **head: Any) -> JsonObject:
    """A person makes a service on Omie's screen."""
    whole = {"cCodLC116": "1.01", "cCodServMun": "1", "nPrecoUnit": 1, **head}
    return await rig.omie_put("services", cabecalho=whole)


async def twin(rig: Rig, code: Any, entity: str = "products") -> JsonObject:
    """The Ploomes product that is linked to a record of Omie."""
    link = await rig.link("omie", code, entity)
    return next(row for row in await rig.ploomes_set("Products") if str(row["Id"]) == link["ploomes_id"])


async def names_of(rig: Rig, name: str) -> dict[int, str]:
    return {row["Id"]: row["Name"] for row in await rig.ploomes_set(name)}


@pytest.mark.feature("F004", "F006", "F043", "F092", "F093", "F096", "F097", "F098", "F099", "F100", "F114", "F115")
async def test_a_product_made_in_omie_arrives_with_its_family_as_a_group(rig: Rig) -> None:
    family = await rig.omie_put("families", nomeFamilia="Bebidas quentes")
    made = await product(rig, codigo_familia=family["codigo"])
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    assert (found["Name"], found["Code"], found["UnitPrice"]) == ("Café 500 g", "CAF-1", 19.9)
    assert (found["MeasurementUnit"], found["Suspended"]) == ("UN", False)
    groups, families = await names_of(rig, "Products@Groups"), await names_of(rig, "Products@Families")
    assert (groups[found["GroupId"]], families[found["FamilyId"]]) == ("Bebidas quentes", "Produtos")
    lists = await names_of(rig, "Products@Lists")
    assert [lists[row["ListId"]] for row in found["Lists"]] == ["Ativo"]
    assert str(made["codigo_produto"]) in str(found["OtherProperties"])
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@pytest.mark.feature("F004", "F095", "F130", "F131", "F044")
async def test_a_service_lives_in_a_family_of_its_own(rig: Rig) -> None:
    made = await service(rig, cCodigo="SRV-1", cDescricao="Consultoria", nPrecoUnit=150)
    await rig.settle()
    code = made["intListar"]["nCodServ"]
    found = await twin(rig, code, "services")
    assert (found["Name"], found["Code"], found["UnitPrice"]) == ("Consultoria", "SRV-1", 150)
    groups, families = await names_of(rig, "Products@Groups"), await names_of(rig, "Products@Families")
    assert (groups[found["GroupId"]], families[found["FamilyId"]]) == ("Serviços", "Serviços")
    await rig.omie_change("services", code, cabecalho={"cDescricao": 'Consultoria <fiscal> & "contábil"'})
    await rig.ploomes_change("Products", found["Id"], UnitPrice=1)
    await rig.settle()
    found = await twin(rig, code, "services")
    assert (found["Name"], found["UnitPrice"]) == ('Consultoria <fiscal> & "contábil"', 150)
    events = await rig.events_of("ploomes", found["Id"])
    assert {event["entity"] for event in events} == {"services"}
    assert not [name for name, _ in rig.tap.calls if name.startswith(("Incluir", "Alterar", "Upsert", "Excluir"))]


@pytest.mark.feature("F004", "F005", "F101")
async def test_an_edit_in_ploomes_is_put_back_and_noted(rig: Rig) -> None:
    made = await product(rig)
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    lists = {name: key for key, name in (await names_of(rig, "Products@Lists")).items()}
    own = await rig.ploomes_new("Products@Lists", Name="Promoção")
    await rig.ploomes_change(
        "Products", found["Id"], Name="Outro nome", Suspended=True,
        Lists=[{"ListId": lists["Inativo"]}, {"ListId": int(own)}],
    )  # fmt: skip
    await rig.settle()
    again = await twin(rig, made["codigo_produto"])
    assert (again["Name"], again["Suspended"]) == ("Café 500 g", False)
    assert {row["ListId"] for row in again["Lists"]} == {lists["Ativo"], int(own)}, "a person's marker stays"
    notes = [note for change in await rig.changes(entity="products") for note in change["notes"]]
    assert "Descrição / Nome: o valor do Omie foi restaurado." in notes
    assert not rig.tap.of("AlterarProduto", "IncluirProduto", "ExcluirProduto")


@pytest.mark.feature("F004", "F101", "F105")
@EMBEDDED
@at_speed(60.0)
async def test_inactive_in_omie_is_marked_and_suspended_in_ploomes(rig: Rig) -> None:
    await rig.configure(products={"create_active": False})
    made = await product(rig)
    await rig.settle()
    lists = await names_of(rig, "Products@Lists")
    found = await twin(rig, made["codigo_produto"])
    assert (found["Suspended"], [lists[row["ListId"]] for row in found["Lists"]]) == (True, ["Ativo"])
    await rig.ploomes_change("Products", found["Id"], Suspended=False)  # a person releases it
    await rig.omie_change("products", made["codigo_produto"], valor_unitario=21)
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    assert (found["Suspended"], found["UnitPrice"]) == (False, 21)
    await rig.omie_change("products", made["codigo_produto"], inativo="S")
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    assert (found["Suspended"], [lists[row["ListId"]] for row in found["Lists"]]) == (True, ["Inativo"])


@pytest.mark.feature("F093", "F094", "F106")
@EMBEDDED
async def test_a_product_follows_its_family_and_without_one_is_in_the_group_of_all(rig: Rig) -> None:
    family = await rig.omie_put("families", nomeFamilia="Chás")
    made, plain = (
        await product(rig),
        await product(rig, codigo="CHA-2", descricao="Chá", codigo_familia=family["codigo"]),
    )
    await rig.settle()
    groups = await names_of(rig, "Products@Groups")
    assert groups[(await twin(rig, made["codigo_produto"]))["GroupId"]] == "Produtos"
    assert groups[(await twin(rig, plain["codigo_produto"]))["GroupId"]] == "Chás"
    await rig.omie_change("products", made["codigo_produto"], codigo_familia=family["codigo"])
    await rig.settle()
    assert groups[(await twin(rig, made["codigo_produto"]))["GroupId"]] == "Chás"
    await rig.configure(products={"groups_from_family": False})
    other = await product(rig, codigo="CHA-3", descricao="Chá verde", codigo_familia=family["codigo"])
    await rig.settle()
    assert groups[(await twin(rig, other["codigo_produto"]))["GroupId"]] == "Produtos"


@pytest.mark.feature("F086", "F103", "F129")
@EMBEDDED
async def test_a_product_that_ploomes_has_is_linked_by_code_inside_its_family(rig: Rig) -> None:
    families = {name: key for key, name in (await names_of(rig, "Products@Families")).items()}
    namesake = await rig.ploomes_new("Products", Name="Serviço homônimo", Code="CAF-1", FamilyId=families["Serviços"])
    mine = await rig.ploomes_new("Products", Name="Café antigo", Code="CAF-1", FamilyId=families["Produtos"])
    twice = await rig.ploomes_new("Products", Name="Café repetido", Code="CAF-1", FamilyId=families["Produtos"])
    await rig.settle()
    made = await product(rig)
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    assert (str(found["Id"]), found["Name"]) == (mine, "Café 500 g")
    named = await names_of(rig, "Products")
    assert (named[int(namesake)], named[int(twice)]) == ("Serviço homônimo", "Café repetido")
    assert not rig.tap.of("POST Products")
    # codes of services may repeat in Omie: each gets a product of its own, one of them the one that is there
    both = [await service(rig, cCodigo="CAF-1", cDescricao=name) for name in ("Um", "Dois")]
    await rig.settle()
    pairs = [await twin(rig, each["intListar"]["nCodServ"], "services") for each in both]
    assert [pair["Name"] for pair in pairs] == ["Um", "Dois"]
    assert namesake in {str(pair["Id"]) for pair in pairs}
    assert await rig.issues() == []


@pytest.mark.feature("F004")
@EMBEDDED
async def test_a_product_made_or_copied_in_ploomes_stays_there(rig: Rig) -> None:
    made = await product(rig)
    await rig.ploomes_new("Products", Name="Só daqui", Code="SD-1")
    await rig.settle()
    found = await twin(rig, made["codigo_produto"])
    [key] = [
        row["FieldKey"] for row in found["OtherProperties"] if row.get("StringValue") == str(made["codigo_produto"])
    ]
    copy = await rig.ploomes_new(
        "Products", Name="Cópia", Code="CAF-1", FamilyId=found["FamilyId"],
        OtherProperties=[{"FieldKey": key, "StringValue": str(made["codigo_produto"])}],
    )  # fmt: skip
    await rig.settle()
    copied = next(row for row in await rig.ploomes_set("Products") if str(row["Id"]) == copy)
    assert str(made["codigo_produto"]) not in str(copied["OtherProperties"])
    assert (await twin(rig, made["codigo_produto"]))["Id"] == found["Id"]
    assert not rig.tap.of("IncluirProduto", "AlterarProduto")


@pytest.mark.feature("F004", "F129")
async def test_deleted_in_omie_is_deleted_or_suspended_where_sales_use_it(rig: Rig) -> None:
    await rig.configure(entities={"clients": False, "orders": False})
    used, free, held = [
        await product(rig, codigo=f"D-{n}", descricao=f"Produto {n}") for n in range(3)
    ]  # fmt: skip
    await rig.settle()
    pair, other = await twin(rig, used["codigo_produto"]), await twin(rig, held["codigo_produto"])
    contact = await rig.ploomes_new("Contacts", Name="Comprador", TypeId=1)
    sale = await rig.ploomes_new("Orders", ContactId=int(contact))
    await rig.ploomes_new("Orders@Products", OrderId=int(sale), ProductId=pair["Id"], Quantity=1, UnitPrice=1)
    await rig.settle()
    for each in (used, free):
        await rig.omie_remove("products", each["codigo_produto"])
    await rig.ploomes_remove("Products", other["Id"])
    await rig.settle()
    left = {row["Id"]: row for row in await rig.ploomes_set("Products")}
    assert set(left) == {pair["Id"]}
    lists = await names_of(rig, "Products@Lists")
    assert left[pair["Id"]]["Suspended"] is True
    assert [lists[row["ListId"]] for row in left[pair["Id"]]["Lists"]] == ["Inativo"]
    # deleted by a person in Ploomes: it stays in Omie, and does not come back by itself
    await rig.omie_change("products", held["codigo_produto"], valor_unitario=3)
    await rig.settle()
    assert set(await names_of(rig, "Products")) == {pair["Id"]}
    assert not rig.tap.of("ExcluirProduto", "AlterarProduto")


@pytest.mark.feature("F004")
@EMBEDDED
async def test_a_retired_product_goes_with_its_last_sale_unless_somebody_took_it_back(rig: Rig) -> None:
    await rig.configure(entities={"clients": False, "orders": False})
    made = [await product(rig, codigo=f"R-{n}", descricao=f"Produto {n}") for n in range(3)]
    await rig.settle()
    pairs = [(await twin(rig, each["codigo_produto"]))["Id"] for each in made]
    contact = await rig.ploomes_new("Contacts", Name="Comprador", TypeId=1)
    sales = []
    for pair in pairs:
        sales.append(await rig.ploomes_new("Orders", ContactId=int(contact)))
        await rig.ploomes_new("Orders@Products", OrderId=int(sales[-1]), ProductId=pair, Quantity=1, UnitPrice=1)
    await rig.settle()
    for each in made:
        await rig.omie_remove("products", each["codigo_produto"])
    await rig.settle()
    suspended = {row["Id"]: row["Suspended"] for row in await rig.ploomes_set("Products")}
    assert suspended == dict.fromkeys(pairs, True)
    await rig.ploomes_change("Products", pairs[1], Suspended=False)
    for sale in sales[:2]:
        await rig.ploomes_remove("Orders", int(sale))
    await rig.settle()
    await look_at_retired(rig)
    assert set(await names_of(rig, "Products")) == {*pairs[1:]}, "one is taken back, one is still sold"
    await rig.ploomes_remove("Orders", int(sales[2]))
    await rig.settle()
    calls = len(rig.tap.calls)
    await rig.ponte.retired.sweep()
    assert len(rig.tap.calls) == calls, "each is looked at once a day"
    await look_at_retired(rig)
    assert set(await names_of(rig, "Products")) == {pairs[1]}
    assert not rig.tap.of("ExcluirProduto", "AlterarProduto")
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F004", "F101", "F264")
@pytest.mark.parametrize("policy", ["mirror", "inactivate"])
@EMBEDDED
async def test_a_deletion_that_only_a_pass_finds_leaves_a_persons_marker(rig: Rig, policy: str) -> None:
    await rig.configure(entities={"clients": False, "orders": False}, deletes={"products": policy})
    code = (await product(rig))["codigo_produto"]
    await rig.settle()
    pair = (await twin(rig, code))["Id"]
    contact = await rig.ploomes_new("Contacts", Name="Comprador", TypeId=1)
    sale = await rig.ploomes_new("Orders", ContactId=int(contact))
    await rig.ploomes_new("Orders@Products", OrderId=int(sale), ProductId=pair, Quantity=1, UnitPrice=1)
    lists = {name: key for key, name in (await names_of(rig, "Products@Lists")).items()}
    own = int(await rig.ploomes_new("Products@Lists", Name="Promoção"))
    await rig.ploomes_change("Products", pair, Lists=[{"ListId": lists["Ativo"]}, {"ListId": own}])
    await rig.settle()
    await rig.omie_put("products", codigo="CAF-2", descricao="Outro", unidade="UN", ncm="0901.21.00")
    await rig.settle()
    await silent(rig)
    await rig.omie_remove("products", code)
    plan = await resync(rig, entities=["products"], dry_run=True)
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], "completed")
    await rig.settle()
    [left] = [row for row in await rig.ploomes_set("Products") if row["Id"] == pair]
    assert left["Suspended"] is True
    assert {row["ListId"] for row in left["Lists"]} == {lists["Inativo"], own}, "a person's marker stays"
    if policy == "inactivate":
        done = await as_planned(rig, done["id"])
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F004")
@EMBEDDED
@at_speed(60.0)
async def test_what_a_proposal_or_a_kit_holds_is_suspended_and_goes_once_it_is_free(rig: Rig) -> None:
    await rig.configure(entities={"clients": False, "orders": False})
    made = [await product(rig, codigo=f"Q-{n}", descricao=f"Produto {n}") for n in range(3)]
    await rig.settle()
    pairs = [(await twin(rig, each["codigo_produto"]))["Id"] for each in made]
    offered, part = pairs[:2]
    quote = await rig.ploomes_new("Quotes")
    await rig.ploomes_new("Quotes@Products", QuoteId=int(quote), ProductId=offered, Quantity=1, UnitPrice=1)
    kit = int(await rig.ploomes_new("Products", Name="Kit"))
    row = await rig.ploomes_new("Products@Parts", ProductId=kit, ProductPartId=part, DefaultQuantity=2)
    await rig.settle()
    for each in made[:2]:
        await rig.omie_remove("products", each["codigo_produto"])
    await rig.settle()
    await rig.fault("status", vendor="ploomes", match="Quotes@Products", status=403, times=None)
    await rig.omie_remove("products", made[2]["codigo_produto"])  # what cannot be asked about is not deleted
    await rig.settle()
    suspended = {row["Id"]: row["Suspended"] for row in await rig.ploomes_set("Products")}
    assert suspended == {**dict.fromkeys(pairs, True), kit: False}
    await rig.control.delete("/sandbox/faults")
    await look_at_retired(rig)
    assert set(await names_of(rig, "Products")) == {offered, part, kit}
    await rig.ploomes_remove("Quotes", int(quote))
    await rig.ploomes_remove("Products@Parts", int(row))
    await rig.settle()
    await look_at_retired(rig)
    assert set(await names_of(rig, "Products")) == {kit}
    assert (await rig.issues(), await rig.refusals()) == ([], {})


async def look_at_retired(rig: Rig) -> None:
    """A day has passed."""
    async with rig.ponte.db.transaction() as session:
        for link in await session.scalars(select(Link).where(Link.state == LinkState.DELETED)):
            link.document = {name: 0.0 if name == RETIRED else value for name, value in link.document.items()}
    await rig.ponte.retired.sweep()
    await rig.settle()


@pytest.mark.feature("F093", "F098", "F106")
@EMBEDDED
@at_speed(60.0)
async def test_families_renamed_merged_and_removed_are_followed(rig: Rig) -> None:
    await rig.quirk(omie_family_delete="detached")
    codes = [
        (await rig.omie_put("families", nomeFamilia=name))["codigo"] for name in ("Cafés", "Chás", "Sucos", "Doces")
    ]
    made = [
        (await product(rig, codigo=f"F-{n}", descricao=f"Item {n}", codigo_familia=code))["codigo_produto"]
        for n, code in enumerate(codes)
    ]
    await rig.settle()

    async def groups() -> list[str | None]:
        names = await names_of(rig, "Products@Groups")  # a product may move on while its names are read
        return [names.get((await twin(rig, code))["GroupId"]) for code in made]

    assert await groups() == ["Cafés", "Chás", "Sucos", "Doces"]
    count = len(await rig.ploomes_set("Products@Groups"))
    # renamed; merged into another by name; removed
    await rig.omie_change("families", codes[0], nomeFamilia="Cafés & grãos <especiais>")
    await rig.omie_change("families", codes[1], nomeFamilia="Sucos")
    await rig.omie_remove("families", codes[2])

    async def followed() -> bool:
        await rig.ponte.families.sweep()  # nobody waits an hour for it
        return await groups() == ["Cafés & grãos <especiais>", "Sucos", "Produtos", "Doces"]

    await rig.until(followed, 60)
    # the group that was left empty goes, one that somebody else uses does not
    [doces] = [row["Id"] for row in await rig.ploomes_set("Products@Groups") if row["Name"] == "Doces"]
    await rig.ploomes_new("Products", Name="Só daqui", Code="SD-1", GroupId=doces)
    await rig.omie_remove("families", codes[3])

    async def emptied() -> bool:
        await rig.ponte.families.sweep()
        names = {row["Name"] for row in await rig.ploomes_set("Products@Groups")}
        return "Chás" not in names and await groups() == ["Cafés & grãos <especiais>", "Sucos", "Produtos", "Produtos"]

    await rig.until(emptied, 60)
    await rig.ponte.families.sweep()
    names = Counter(row["Name"] for row in await rig.ploomes_set("Products@Groups"))
    assert (names["Doces"], names["Sucos"], names["Produtos"], names.total()) == (1, 1, 1, count)
    assert await rig.issues() == []


@pytest.mark.feature("F093", "F098")
@EMBEDDED
async def test_a_family_that_is_newer_than_the_list_has_a_group_of_its_own(rig: Rig) -> None:
    codes = []
    for n, name in enumerate(("Cafés", "Chás", "Sucos")):
        family = (await rig.omie_put("families", nomeFamilia=name))["codigo"]
        codes.append((await product(rig, codigo=f"F-{n}", descricao=name, codigo_familia=family))["codigo_produto"])
        await rig.settle()
    await rig.quirk(omie_family_delete="detached")
    gone = (await rig.omie_put("families", nomeFamilia="Some"))["codigo"]
    last = [(await product(rig, codigo=f"S-{n}", descricao=f"Some {n}"))["codigo_produto"] for n in range(2)]
    await rig.settle()
    await rig.omie_remove("families", gone)
    rig.tap.calls.clear()
    for code in last:
        rig.sandbox.world.companies[APP_KEY].registers["produtos"][code].row["codigo_familia"] = gone
        await rig.omie_change("products", code, valor_unitario=7)
        await rig.settle()
    assert await group_names(rig, *codes, *last) == ["Cafés", "Chás", "Sucos", "Produtos", "Produtos"]
    assert len(rig.tap.of("ConsultarFamilia")) <= 1, "what Omie does not know is asked for once"
    assert (await rig.issues(), await rig.refusals()) == ([], {})


async def group_names(rig: Rig, *codes: Any, entity: str = "products") -> list[str | None]:
    """In which groups of Ploomes some records of Omie lie."""
    names = await names_of(rig, "Products@Groups")
    return [names.get((await twin(rig, code, entity))["GroupId"]) for code in codes]


async def swept_until(rig: Rig, check: Callable[[], Awaitable[bool]]) -> None:
    """Families are looked at until something holds; nobody waits an hour for it."""

    async def holds() -> bool:
        await rig.ponte.families.sweep()
        return await check()

    await rig.until(holds, 60)


class Died(Exception):
    """The process ends here."""


class Dying(Database):
    """The rig's database, of a process that dies when it begins another transaction than so many."""

    def __init__(self, rig: Rig, transactions: int) -> None:
        super().__init__(rig.ponte.settings.database_url)
        self._left = transactions

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        if not self._left:
            raise Died
        self._left -= 1
        async with super().transaction() as session:
            yield session


@pytest.mark.feature("F093", "F098")
@EMBEDDED
@at_speed(60.0)
async def test_a_death_between_a_familys_group_and_its_products_leaves_none_behind(rig: Rig) -> None:
    families = [(await rig.omie_put("families", nomeFamilia=name))["codigo"] for name in ("Chás", "Sucos")]
    codes = [
        (await product(rig, codigo=f"D-{n}", descricao=f"Item {n}", codigo_familia=family))["codigo_produto"]
        for n, family in enumerate((families[0], *families))
    ]
    await rig.settle()
    await rig.omie_change("families", families[0], nomeFamilia="Sucos")  # merged by name
    await rig.ponte.clock.sleep(LATELY_SECONDS)
    part, dying = rig.ponte, Dying(rig, transactions=2)
    changes = FamilyChanges(dying, part.clock, part.lanes, part.gateways, part.configs, part.engine.references)
    with pytest.raises(Died):
        await changes.sweep()
    await dying.close()

    async def followed() -> bool:
        return await group_names(rig, *codes) == ["Sucos"] * 3

    await swept_until(rig, followed)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F093", "F094", "F098")
@EMBEDDED
@at_speed(60.0)
async def test_families_that_share_a_group_leave_it_its_name(rig: Rig) -> None:
    names = ("PRODUTOS", "Cafés", "CAFES")
    families = [(await rig.omie_put("families", nomeFamilia=name))["codigo"] for name in names]
    codes = [
        (await product(rig, codigo=f"S-{n}", descricao=f"Item {n}", codigo_familia=family))["codigo_produto"]
        for n, family in enumerate((0, *families))
    ]
    await rig.settle()
    assert await group_names(rig, *codes[:2]) == ["Produtos", "Produtos"]
    shared = await group_names(rig, *codes[2:])
    assert shared in (["Cafés"] * 2, ["CAFES"] * 2)
    count = len(await rig.ploomes_set("Products@Groups"))
    events, writes = len(await rig.items("events", limit=200)), await rig.writes()
    for _ in range(2):
        await rig.ponte.families.sweep()
        await rig.settle()
        await rig.ponte.clock.sleep(LATELY_SECONDS)
    assert (len(await rig.items("events", limit=200)), await rig.writes()) == (events, writes), "nothing to follow"
    await rig.omie_change("families", families[0], nomeFamilia="Outros")
    await rig.omie_change("families", families[1], nomeFamilia="Grãos")

    async def followed() -> bool:
        return await group_names(rig, *codes) == ["Produtos", "Outros", "Grãos", "CAFES"]

    await swept_until(rig, followed)  # whoever has a group to itself gives it its name
    assert len(await rig.ploomes_set("Products@Groups")) == count + 2
    assert await rig.issues() == []


@pytest.mark.feature("F093", "F094", "F095", "F130")
@EMBEDDED
@at_speed(60.0)
async def test_a_group_that_somebody_deletes_is_made_again(rig: Rig) -> None:
    family = (await rig.omie_put("families", nomeFamilia="Chás"))["codigo"]
    codes = [
        (await product(rig, codigo=f"G-{n}", descricao=f"Item {n}", codigo_familia=each))["codigo_produto"]
        for n, each in enumerate((0, family))
    ]
    work = (await service(rig, cCodigo="SRV-1", cDescricao="Consultoria"))["intListar"]["nCodServ"]
    await rig.settle()
    for group in await rig.ploomes_set("Products@Groups"):
        await rig.ploomes_remove("Products@Groups", group["Id"])
    # what comes before anybody has noticed is refused
    codes += [
        (await product(rig, codigo=f"N-{n}", descricao=f"Novo {n}", codigo_familia=each))["codigo_produto"]
        for n, each in enumerate((0, family))
    ]
    works = [work, (await service(rig, cCodigo="SRV-2", cDescricao="Frete"))["intListar"]["nCodServ"]]
    await rig.settle()
    assert await rig.issues() == ["refused"] * 3

    async def followed() -> bool:
        if await rig.issues():
            return False
        goods, others = await group_names(rig, *codes), await group_names(rig, *works, entity="services")
        return (goods, others) == (["Produtos", "Chás"] * 2, ["Serviços"] * 2)

    await swept_until(rig, followed)
    assert Counter((await names_of(rig, "Products@Groups")).values()).total() == 3
    # services alone need their group too
    await rig.configure(entities={"products": False})
    [group] = [row["Id"] for row in await rig.ploomes_set("Products@Groups") if row["Name"] == "Serviços"]
    await rig.ploomes_remove("Products@Groups", group)

    async def alone() -> bool:
        names = await group_names(rig, *works, entity="services")
        return names == ["Serviços"] * 2 and not await rig.issues()

    await swept_until(rig, alone)
    assert (await rig.issues(), await rig.refusals()) == ([], {})


@pytest.mark.feature("F096", "F099", "F103", "F108")
@EMBEDDED
async def test_awkward_names_and_figures_stop_nobody(rig: Rig) -> None:
    awkward = '<b>Chá</b> & "café" d\'água &lt;1kg&gt;'
    long = ("muito longo " * 10)[:119]  # the most that Omie's screen takes
    family = (await rig.omie_put("families", nomeFamilia=awkward))["codigo"]
    await rig.omie_put("locations", codigo="LX", descricao=awkward, dispVenda="S", tipo="2")
    rows = [
        {"descricao": awkward, "valor_unitario": 0, "codigo_familia": family},
        {"descricao": long, "valor_unitario": -1.5},
        {"descricao": "Fração", "valor_unitario": 0.3333},
        {"descricao": "Código " + "y" * 40, "codigo": "A" * 60, "unidade": "m²"},
    ]
    made = [await product(rig, **{"codigo": f"AW-{n}", **row}) for n, row in enumerate(rows)]
    await service(rig, cDescricao=awkward, cCodigo="")
    await rig.settle()
    pairs = [await twin(rig, each["codigo_produto"]) for each in made]
    assert [pair["UnitPrice"] for pair in pairs[:3]] == [0, -1.5, 0.3333]
    assert pairs[0]["Name"] == '<b>Chá</b> & "café" d\'água <1kg>'
    assert pairs[1]["Name"] == long.strip()
    groups = await names_of(rig, "Products@Groups")
    assert groups[pairs[0]["GroupId"]].startswith("<b>Chá</b> & ")
    assert len(await rig.ploomes_set("Products")) == 5
    await rig.settle()
    events = await rig.items("events", state="failed")
    assert (events, await rig.issues(), await rig.refusals()) == ([], [], {})
