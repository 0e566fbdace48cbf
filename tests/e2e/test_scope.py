"""Conditions on Ploomes' own fields, chosen from the pickers: whose records they are, and when a sale is sent."""

import pytest

from tests.e2e.rig import EMBEDDED, JsonObject, Rig
from tests.e2e.shop import Shop
from tests.e2e.test_activation import pick

pytestmark = EMBEDDED


async def native(rig: Rig, name: str, entity: str) -> JsonObject:
    """A native field as its picker offers it; it names the picker of its values."""
    fields = await rig.get_json(f"{rig.path}/catalog/ploomes_fields")
    [found] = [row for row in fields if (row["name"], row["entity"], row["custom"]) == (name, entity, False)]
    return dict(found)


async def cause(rig: Rig, record_id: object) -> str | None:
    """How the latest event of a Ploomes record ended."""
    return str((await rig.events_of("ploomes", record_id))[0]["cause"])


@pytest.mark.feature("F040", "F173", "F287", "F289", "F290", "F291")
async def test_native_fields_of_the_picker_say_whose_a_record_is_and_when_a_sale_goes(rig: Rig) -> None:
    await rig.seller_new(nome="Ana", email="ana@loja.test", inativo="N")
    ana = await rig.user_new(Name="Ana", Email="ana@loja.test")
    origin, owner = await native(rig, "Origem", "clients"), await native(rig, "Responsável", "orders")
    stage = await native(rig, "Estágio", "orders")
    assert (origin["picker"], owner["picker"], stage["picker"]) == (
        "ploomes_origins",
        "ploomes_users",
        "ploomes_stages",
    )
    event, site = [int(await pick(rig, origin["picker"], name=name)) for name in ("Evento", "Site")]
    ready = int(await pick(rig, stage["picker"], name="Separar Estoque"))
    await rig.get_json(f"{rig.path}/catalog/{owner['picker']}", refresh=True)  # she is new
    seller = int(await pick(rig, owner["picker"], name="Ana"))
    assert str(seller) == ana
    await rig.configure(
        scope={"clients": {"field_key": origin["code"], "equals": event},
               "orders": {"field_key": owner["code"], "equals": seller}},
        orders={"send_when": {"field_key": stage["code"], "equals": ready}},
    )  # fmt: skip

    # a client of the wanted origin goes, another one waits for it, and one that comes from Omie gets it
    shop = Shop(rig)
    await shop.open(products=1, services=0, contact=await shop.client(OriginId=event))
    other = await rig.contact_new(TypeId=1, Name="Outra", Register="34028316000103", OriginId=site)
    await rig.settle()
    assert [row["nome_fantasia"] for row in await rig.clients()] == ["Padaria Boa"]
    assert await cause(rig, other["Id"]) == "out_of_scope"
    await rig.contact_edit(other["Id"], OriginId=event)
    await rig.settle()
    assert (await rig.pair_of_contact(other["Id"]))["nome_fantasia"] == "Outra"
    made = await rig.omie_new(razao_social="Nova Ltda", nome_fantasia="Nova", cnpj_cpf="60746948000112")
    await rig.settle()
    assert (await rig.pair_of_client(made["codigo_cliente_omie"]))["OriginId"] == event

    # a sale of the wanted owner goes once it is at the wanted stage, nobody else's ever does
    mine = await shop.sale(shop.line("Produto 1"), OwnerId=seller, settle=False)
    nobodys = await shop.sale(shop.line("Produto 1"), StageId=ready)
    assert await shop.orders() == []
    assert (await cause(rig, mine), await cause(rig, nobodys)) == ("not_yet", "out_of_scope")
    await shop.edit(mine, StageId=ready)
    await shop.order_of(mine)
    buyer = (await rig.pair_of_contact(shop.contact["Id"]))["codigo_cliente_omie"]
    order = {"cabecalho": {"codigo_cliente": buyer, "etapa": "10", "data_previsao": "31/12/2099"},
             "det": [{"produto": {"codigo_produto": int(shop.products["Produto 1"][0]), "quantidade": 1,
                                  "valor_unitario": 10}}]}  # fmt: skip
    await shop.screen("orders", "POST", order)
    await rig.settle()
    [received] = set(await shop.sales()) - {mine, nobodys}
    assert (await shop.sales())[received]["OwnerId"] == seller
    assert len(await shop.orders()) == 2
    assert await rig.issues() == []


@pytest.mark.feature("F195", "F285")
async def test_a_condition_that_no_record_can_meet_is_refused(rig: Rig) -> None:
    document = await rig.get_json(f"{rig.path}/config")
    for key, equals, words in (
        ("contact_origin", "Evento", ("Origem", "número inteiro")),
        ("order_stage", 1, ("clientes", "vendas")),
        ("contact_none", 1, ("não existe",)),
    ):
        scope = {"scope": {"clients": {"field_key": key, "equals": equals}, "orders": None}}
        answer = await rig.api.put(f"{rig.path}/config", json={**document, **scope})
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert error["field"] == "scope.clients"
        assert all(word in error["message"] for word in words), error
    assert await rig.get_json(f"{rig.path}/config") == document
