"""Two Omie companies on one Ploomes account: each sale goes to the company its field says, and nothing crosses."""

import pytest
from sqlalchemy import delete

from app.sync.lookups.references import LATELY_SECONDS
from app.sync.models import Link
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop
from tests.e2e.test_mapping import held
from tests.e2e.test_products import group_names, product, swept_until
from tests.e2e.test_resync import act, rested, resync, silent

pytestmark = EMBEDDED

OTHER_KEY = "2000000000002"


class Group:
    """Two companies, told apart by a field of options on the sale."""

    def __init__(self, first: Rig, second: Rig) -> None:
        self.first, self.second = first, second
        self.shops = (Shop(first), Shop(second))
        self.field = ""
        self.options: dict[str, int] = {}

    def scope(self, name: str) -> JsonObject:
        return {"orders": {"field_key": self.field, "equals": self.options[name]}}

    def of(self, name: str) -> list[JsonObject]:
        """The field of a sale that says the company."""
        return [{"FieldKey": self.field, "IntegerValue": self.options[name]}]

    async def settle(self) -> None:
        for _ in range(2):  # what one company writes in Ploomes is news for the other
            for rig in (self.first, self.second):
                await rig.settle()

    async def orders(self) -> list[list[str]]:
        """Integration codes of the orders of both companies."""
        return [
            sorted(str(order["cabecalho"].get("codigo_pedido_integracao")) for order in await shop.orders())
            for shop in self.shops
        ]

    async def quiet(self) -> None:
        await self.settle()
        assert [await rig.issues() for rig in (self.first, self.second)] == [[], []]


@pytest.fixture
async def group(rig: Rig) -> Group:
    """The second company is connected after the first one has sold; the admin makes the field of the company."""
    second = await rig.neighbour(OTHER_KEY, "Filial")
    found = Group(rig, second)
    types = {row["Name"]: row["Id"] for row in await rig.ploomes_set("Fields@Types")}
    await rig.ploomes_new(
        "Fields", Name="Empresa", EntityId=4, TypeId=types["Opções pré-cadastradas"],
        OptionsTable={"Name": "Empresa", "Options": [{"Name": "Matriz"}, {"Name": "Filial"}]},
    )  # fmt: skip
    [field] = [row for row in await rig.ploomes_set("Fields") if row["Name"] == "Empresa"]
    options = await rig.ploomes_set("Fields@OptionsTables@Options")
    found.field = field["Key"]
    found.options = {o["Name"]: o["Id"] for o in options if o["TableId"] == field["OptionsTableId"]}
    await rig.configure(scope=found.scope("Matriz"))
    await found.shops[0].open(products=1, services=0)
    await second.connect()
    return found


@pytest.mark.feature("F035", "F287", "F288", "F289", "F290")
async def test_each_sale_goes_to_the_company_its_field_says_and_nothing_crosses(group: Group) -> None:
    first, second = group.first, group.second
    mine, theirs = group.shops
    assert await second.issues() == ["scope_overlap"]
    document = await second.get_json(f"{second.path}/config")
    answer = await second.api.put(f"{second.path}/config", json={**document, "scope": group.scope("Matriz")})
    assert answer.status_code == 422, answer.text
    await second.configure(scope=group.scope("Filial"))

    # the same code in both companies: each has a product of its own in Ploomes
    await theirs.open(products=1, services=0, contact=mine.contact)
    pairs = [shop.products["Produto 1"] for shop in group.shops]
    assert pairs[0][1] != pairs[1][1]
    codes = {row["Id"]: row["Code"] for row in await first.ploomes_set("Products")}
    assert [codes[int(pair[1])] for pair in pairs] == ["PRODUTO 1", "PRODUTO 1"]
    await group.quiet()

    by_first = await mine.sale(mine.line("Produto 1"), OtherProperties=group.of("Matriz"))
    by_second = await mine.sale(theirs.line("Produto 1"), OtherProperties=group.of("Filial"), settle=False)
    nobodys = await mine.sale(mine.line("Produto 1"))
    await group.quiet()
    assert await group.orders() == [[f"PLOOMES-{by_first}"], [f"PLOOMES-{by_second}"]]
    sales = await mine.sales()
    assert sales[nobodys].get("OtherProperties") in (None, [])
    for sale, rig, other in ((by_first, first, second), (by_second, second, first)):
        assert (await rig.get_json(f"{rig.path}/records/orders/ploomes/{sale}"))["link"] is not None
        assert (await other.get_json(f"{other.path}/records/orders/ploomes/{sale}"))["link"] is None

    # an order typed in the second company becomes a sale that says so, which the first one leaves alone
    client = next(c for c in await second.clients() if c["nome_fantasia"] == "Padaria Boa")
    await theirs.screen("orders", "POST", {
        "cabecalho": {"codigo_cliente": client["codigo_cliente_omie"], "etapa": "10", "data_previsao": "31/12/2099"},
        "det": [{"produto": {"codigo_produto": int(pairs[1][0]), "quantidade": 1, "valor_unitario": 10}}],
    })  # fmt: skip
    await group.quiet()
    [received] = set(await mine.sales()) - {by_first, by_second, nobodys}
    assert held((await mine.sales())[received], group.field, "IntegerValue") == group.options["Filial"]
    assert len((await group.orders())[0]) == 1

    # a sale that one company has is never made again in the other
    await mine.edit(by_first, OtherProperties=group.of("Filial"))
    await group.settle()
    assert await second.issues() == ["other_company"]
    assert [len(codes) for codes in await group.orders()] == [1, 2]
    await first.configure(foreign_api_events="now")  # Omie names no author of a cancellation
    await mine.act((await mine.order_of(by_first))["cabecalho"]["codigo_pedido"], "cancel")

    async def taken_over() -> bool:
        return await second.issues() == ["preflight"]  # the line is the first company's product

    await second.until(taken_over)
    await mine.edit(by_first, theirs.line("Produto 1"))
    await group.quiet()
    assert f"PLOOMES-{by_first}" in (await group.orders())[1]
    assert [len(codes) for codes in await group.orders()] == [1, 3]
    assert set(await first.refusals()) <= {"ploomes.rate"}


@pytest.mark.feature("F035", "F287")
async def test_a_shared_contact_follows_the_company_that_linked_it_first(group: Group) -> None:
    first, second = group.first, group.second
    await second.configure(scope=group.scope("Filial"))
    contact = group.shops[0].contact["Id"]

    async def both_have_it() -> bool:
        return len(await first.clients()) == len(await second.clients()) == 1

    await first.until(both_have_it)
    await group.settle()
    (one,), (other,) = await first.clients(), await second.clients()
    assert [c["cnpj_cpf"] for c in (one, other)] == [one["cnpj_cpf"]] * 2  # both companies have the contact
    shown = await first.contact(contact)
    assert shown is not None
    ids = {row["FieldKey"]: row["StringValue"] for row in shown["OtherProperties"]}
    assert set(ids.values()) == {str(c["codigo_cliente_omie"]) for c in (one, other)}

    # a client that the second company has too, under another name: the contact keeps what the first one says
    both = {"cnpj_cpf": "34028316000103", "nome_fantasia": "Correio"}
    await second.control.delete(f"/sandbox/omie/{second.app_key}/webhooks")
    theirs = await second.omie_new(razao_social="Correio da Filial", email="filial@correio.test", **both)
    ours = await first.omie_new(razao_social="Correio da Matriz", email="matriz@correio.test", **both)
    await first.settle()
    hook = {"url": second.integration["webhook_urls"]["omie"]}
    await second.post(f"/sandbox/omie/{second.app_key}/webhooks", hook)
    asked = await second.api.post(f"{second.path}/records/clients/omie/{theirs['codigo_cliente_omie']}/sync")
    assert asked.status_code == 202, asked.text
    await group.quiet()
    shared = await first.pair_of_client(ours["codigo_cliente_omie"])
    assert (await second.pair_of_client(theirs["codigo_cliente_omie"]))["Id"] == shared["Id"]
    assert (shared["LegalName"], shared["Email"]) == ("Correio da Matriz", "matriz@correio.test")
    client = await second.client(theirs["codigo_cliente_omie"])
    assert client is not None
    assert (client["razao_social"], client["email"]) == ("Correio da Matriz", "matriz@correio.test")

    status = shared["StatusId"]
    await second.omie_edit(theirs["codigo_cliente_omie"], inativo="S")
    await group.quiet()
    shared = await first.pair_of_client(ours["codigo_cliente_omie"])
    assert shared["StatusId"] == status  # the first company says whether a client is active
    await first.omie_edit(ours["codigo_cliente_omie"], inativo="S")
    await group.quiet()
    assert (await first.pair_of_client(ours["codigo_cliente_omie"]))["StatusId"] != status

    # deleted in one company it stays for the other, deleted in both it goes
    await first.omie_delete(ours["codigo_cliente_omie"])
    await group.quiet()
    assert await first.contact(shared["Id"]) is not None
    assert await second.client(theirs["codigo_cliente_omie"]) is not None
    await second.omie_delete(theirs["codigo_cliente_omie"])
    await group.quiet()
    assert await first.contact(shared["Id"]) is None


@pytest.mark.feature("F035", "F264", "F287")
async def test_a_plan_counts_a_shared_contact_as_it_will_be_linked(group: Group) -> None:
    """Nobody told the second company of a contact that the first one has: Ploomes wins, and the plan says so."""
    first, second = group.first, group.second
    await second.configure(scope=group.scope("Filial"))
    await group.settle()
    both = {"cnpj_cpf": "34028316000103", "nome_fantasia": "Correio"}
    await first.omie_new(razao_social="Correio da Matriz", email="matriz@correio.test", **both)
    await group.settle()
    theirs = await second.clients()
    [made] = [client for client in theirs if client["nome_fantasia"] == "Correio"]
    async with first.ponte.db.transaction() as session:  # as if the second company had never heard of it
        await session.execute(delete(Link).where(Link.omie_id == str(made["codigo_cliente_omie"])))
    await silent(second)
    await second.omie_edit(made["codigo_cliente_omie"], razao_social="Correio da Filial")
    plan = await resync(second, entities=["clients"], dry_run=True)
    counts = plan["plan"]["entities"]["clients"]
    assert (counts["link"], counts["update_in_omie"]) == (1, 1), counts  # the legal name; Ploomes lacks only Omie's tag
    await act(second, plan["id"], "resume", force=True)
    done = await rested(second, plan["id"], "completed")
    assert done["written"]["clients"] == {"update_in_omie": 1, "update_in_ploomes": counts["update_in_ploomes"]}
    assert {client["razao_social"] for rig in (first, second) for client in await rig.clients()} >= {
        "Correio da Matriz"
    }
    assert "Correio da Filial" not in {client["razao_social"] for client in await second.clients()}


@pytest.mark.feature("F035", "F093", "F098")
@at_speed(60.0)
async def test_a_family_that_one_company_renames_stays_the_others(rig: Rig) -> None:
    second = await rig.neighbour(OTHER_KEY, "Filial")
    await second.connect()
    await second.configure(entities={"orders": False})
    rigs = (rig, second)
    families = [(await each.omie_put("families", nomeFamilia="Peças"))["codigo"] for each in rigs]
    codes = [
        (await product(each, codigo_familia=family))["codigo_produto"]
        for each, family in zip(rigs, families, strict=True)
    ]
    for each in rigs:
        await each.settle()

    async def groups() -> list[str | None]:
        return [(await group_names(each, code))[0] for each, code in zip(rigs, codes, strict=True)]

    assert await groups() == ["Peças", "Peças"]
    await second.omie_change("families", families[1], nomeFamilia="Peças novas")

    async def followed() -> bool:
        return await groups() == ["Peças", "Peças novas"]

    await swept_until(rig, followed)
    # a group that a company made lives on while another's family needs it
    await rig.ponte.clock.sleep(3 * LATELY_SECONDS)
    writes = await rig.writes()
    for _ in range(2):
        await rig.ponte.families.sweep()
        await rig.ponte.clock.sleep(LATELY_SECONDS)
    for each in rigs:
        await each.settle()
    assert (await groups(), await rig.writes()) == (["Peças", "Peças novas"], writes)
    assert [await each.issues() for each in rigs] == [[], []]
