"""What records need made first, a group, a marker, an option, a carrier, is in the plan and trips no wire."""

from typing import Any

import pytest
from sqlalchemy import select

from app.sync.models import Resync
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.shop import Shop, new_field, option_id
from tests.e2e.test_product_fields import field
from tests.e2e.test_products import names_of, product, twin
from tests.e2e.test_resync import CNPJS, act, pairs, rested, resync, silent
from tests.e2e.test_sales_options import CARRIER

MANY = 8
"""New families: as many writes again as products, more than the slack of the tripwire."""


async def planned_and_done(rig: Rig, entities: list[str]) -> JsonObject:
    """A dry run and its execution, which writes exactly what was planned."""
    before = await rig.writes()
    plan = await resync(rig, dry_run=True, entities=entities)
    assert (plan["state"], await rig.writes()) == ("planned", before), plan
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], seconds=90)
    assert done["state"] == "completed", done
    assert await rig.writes() - before == plan["plan"]["writes"]
    return done


@EMBEDDED
@at_speed(40.0)
@pytest.mark.feature("F093", "F097", "F264", "F265")
async def test_new_families_are_planned_as_groups_once_each(rig: Rig) -> None:
    await silent(rig)
    families = [await rig.omie_put("families", nomeFamilia=f"Família {n}") for n in range(MANY)]
    families.append(await rig.omie_put("families", nomeFamilia="Família 0"))  # two of one name share a group
    made = [
        await product(rig, codigo=f"P-{n}", descricao=f"Item {n}", codigo_familia=family["codigo"])
        for n, family in enumerate([*families, families[1]])
    ]
    done = await planned_and_done(rig, ["products"])
    assert done["plan"]["entities"]["products"]["create_in_ploomes"] == len(made)
    assert done["plan"]["entities"]["groups"]["create_in_ploomes"] == MANY
    assert done["written"] == {
        "products": {"create_in_ploomes": len(made)}, "groups": {"create_in_ploomes": MANY},
    }  # fmt: skip
    used, planned = done["requests_used"], done["plan"]["requests"]
    looks = [requests["ploomes"].pop("GET Products@Groups") for requests in (used, planned)]
    assert used == planned
    assert looks[0] >= looks[1] == MANY + 1  # two products that need one group at once may both look for it
    groups = await names_of(rig, "Products@Groups")
    pair = await twin(rig, made[-2]["codigo_produto"])
    assert groups[pair["GroupId"]] == "Família 0"
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F093", "F027", "F264")
@at_speed(40.0)
async def test_products_switched_on_bring_their_families_without_a_question(rig: Rig) -> None:
    await rig.configure(entities={"products": False, "stock": False})
    await silent(rig)
    for n in range(MANY):
        family = await rig.omie_put("families", nomeFamilia=f"Família {n}")
        await product(rig, codigo=f"P-{n}", descricao=f"Item {n}", codigo_familia=family["codigo"])
    document = await rig.get_json(f"{rig.path}/config")
    document["entities"]["products"] = True
    answer = await rig.api.put(f"{rig.path}/config", json=document, params={"start": "now"})
    done = await rested(rig, answer.json()["resync_id"], seconds=90)
    assert done["state"] == "completed", done
    assert done["written"]["products"] == {"create_in_ploomes": MANY}
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F069", "F107", "F264")
@at_speed(40.0)
async def test_a_marker_and_an_option_that_several_records_need_are_planned_once(rig: Rig) -> None:
    table = {"OptionsTable": {"Name": "Marcas", "Options": [{"Name": "Acme"}]}}
    key = await field(rig, "Marca", "Opções", **table)
    await rig.configure(
        products={"brand_as": "option"},
        mappings=[{"omie": "Produto.Marca", "ploomes": key, "direction": "to_ploomes"}],
    )
    old = await pairs(rig, 1)
    await silent(rig)
    tags = {"tags": [{"tag": "VIP"}, {"tag": "Cliente"}]}
    await rig.omie_edit(old[0]["codigo_cliente_omie"], **tags)
    for n in (1, 2):
        await rig.omie_new(razao_social=f"Nova {n}", nome_fantasia=f"Nova {n}", cnpj_cpf=CNPJS[n], **tags)
        await product(rig, codigo=f"B-{n}", descricao=f"Item {n}", marca="Nova Marca")
    done = await planned_and_done(rig, ["clients", "products"])
    counts = done["plan"]["entities"]
    assert (counts["tags"]["create_in_ploomes"], counts["options"]["create_in_ploomes"]) == (2, 1)
    assert done["written"]["tags"] == {"create_in_ploomes": 2}
    assert {row["Name"] for row in await rig.ploomes_set("Tags")} >= {"VIP", "Cliente"}
    options = [row["Name"] for row in await rig.ploomes_set("Fields@OptionsTables@Options")]
    assert options.count("Nova Marca") == 1
    assert await rig.issues() == []


@EMBEDDED
@pytest.mark.feature("F182", "F185", "F264")
@at_speed(40.0)
async def test_a_carrier_that_is_to_be_made_is_planned_once(rig: Rig) -> None:
    carrier = await new_field(rig, "Transportadora da venda", "Opções pré-cadastradas", options=("Rápida",))
    shop = await Shop(rig).open(products=1, services=0, carrier_field=carrier["Key"], carrier_missing="create")
    fast = await option_id(rig, "Rápida")
    await rig.configure(carriers=[{"option": fast, "cnpj": CARRIER, "name": "Rápida", "freight_type": "1"}])
    await silent(rig)
    chosen = [{"FieldKey": carrier["Key"], "IntegerValue": fast}]
    for _ in range(2):
        await shop.sale(shop.line("Produto 1"), OtherProperties=chosen, settle=False)
    done = await planned_and_done(rig, ["orders"])
    assert done["plan"]["entities"]["clients"]["create_in_omie"] == 1
    assert done["written"]["clients"] == {"create_in_omie": 1}
    assert done["requests_used"]["omie"]["IncluirCliente"] == done["plan"]["requests"]["omie"]["IncluirCliente"] == 1
    assert len([one for one in await rig.clients() if one["razao_social"] == "Rápida"]) == 1


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(40.0)
@pytest.mark.parametrize("choice", ["proceed", "discard"])
async def test_a_pass_that_writes_more_than_its_plan_asks(rig: Rig, choice: str) -> None:
    made = await pairs(rig, 6)
    await silent(rig)
    for row in made:
        await rig.omie_edit(row["codigo_cliente_omie"], email=f"{row['codigo_cliente_omie']}@novo.test")
    await rig.quirk(ploomes_latency_ms=4000)  # not all at once: the pass looks in between
    plan = await resync(rig, entities=["clients"], dry_run=True)
    async with rig.ponte.db.transaction() as session:
        own = (await session.scalars(select(Resync).where(Resync.id == plan["id"]))).one()
        own.plan = {**own.plan, "record_writes": -5}  # as if nothing had been planned, nor any slack
    await act(rig, plan["id"], "resume", force=True)
    asked = await rested(rig, plan["id"], "paused")
    assert "mais que" in asked["progress"]["paused_because"]
    issue = await rig.issue("resync_above_plan")
    assert issue["asks"] == ["proceed", "discard"]
    assert (await rig.api.post(f"{rig.path}/resyncs/{plan['id']}/resume")).status_code == 409
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": choice})
    assert answer.status_code == 202, answer.text
    over: Any = await rested(rig, plan["id"], "completed", "cancelled")
    assert over["state"] == {"proceed": "completed", "discard": "cancelled"}[choice]
    if choice == "proceed":
        assert over["written"] == {"clients": {"update_in_ploomes": 6}}
    assert await rig.issues() == []
