"""What a pass read is not what is there now: another configuration was published, or hours went by."""

from typing import Any

import pytest
from sqlalchemy import update

from app.sync.passes.models import Watermark
from tests.e2e.rig import EMBEDDED, JsonObject, Rig, at_speed
from tests.e2e.test_mapping import held
from tests.e2e.test_resync import CNPJS, act, rested, resync, silent

IE = "ClienteFornecedor.Inscrição Estadual"


async def told_apart(rig: Rig) -> tuple[JsonObject, JsonObject, str]:
    """A pair that holds two things in a field that nobody mapped yet; answers both records and the field's key."""
    client = await rig.omie_new(
        razao_social="Sol", nome_fantasia="Sol", cnpj_cpf=CNPJS[0], inscricao_estadual="777", email="a@sol.test"
    )
    await rig.settle()
    made = await rig.api.post(f"{rig.path}/ploomes-fields/batch", json={"fields": [{"omie": IE}]}, timeout=120)
    key = str(made.json()[0]["key"])
    await silent(rig)
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    await rig.contact_edit(contact["Id"], OtherProperties=[{"FieldKey": key, "StringValue": "888"}])
    return client, contact, key


async def map_it(rig: Rig, key: str) -> None:
    await rig.configure(mappings=[{"omie": IE, "ploomes": key, "direction": "both"}])


async def agreed(rig: Rig, client: JsonObject, key: str) -> tuple[Any, Any]:
    """What both sides hold in the field now."""
    contact = await rig.pair_of_client(client["codigo_cliente_omie"])
    return (await rig.pair_of_contact(contact["Id"]))["inscricao_estadual"], held(contact, key, "StringValue")


@EMBEDDED
@pytest.mark.feature("F194", "F282")
@at_speed(60.0)
async def test_a_field_mapped_after_a_sweep_read_the_record_is_not_taken_for_empty(rig: Rig) -> None:
    client, _, key = await told_apart(rig)
    await rig.omie_edit(client["codigo_cliente_omie"], email="b@sol.test")
    await rig.stop_worker()
    async with rig.ponte.db.transaction() as session:
        await session.execute(update(Watermark).values(due_at=1.0))
    await rig.ponte.sweep.tick()
    await map_it(rig, key)
    rig.start_worker()
    await rig.settle()
    assert await agreed(rig, client, key) == ("777", "777")  # at a first link Omie wins
    assert (await rig.pair_of_client(client["codigo_cliente_omie"]))["Email"] == "b@sol.test"
    assert await rig.refusals() == {}


@pytest.mark.feature("F194", "F262", "F265")
@at_speed(60.0)
async def test_a_field_mapped_after_the_plan_is_read_before_anything_is_written(rig: Rig) -> None:
    client, _, key = await told_apart(rig)
    # a list that Ploomes replaces whole: its side is read again before the write, with the new field
    await rig.omie_edit(client["codigo_cliente_omie"], telefone1_ddd="11", telefone1_numero="30201010")
    plan = await resync(rig, entities=["clients"], dry_run=True)
    assert plan["plan"]["entities"]["clients"]["update_in_ploomes"] == 1, plan
    alone = len(rig.tap.of("ConsultarCliente"))
    await map_it(rig, key)
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], "completed")
    assert await agreed(rig, client, key) == ("777", "777")
    assert not rig.tap.of("AlterarCliente")
    assert done["written"] == {"clients": {"update_in_ploomes": 1}}
    assert len(rig.tap.of("ConsultarCliente")) == alone  # together with the others that a publish outdated
    assert await rig.refusals() == {}
