"""What a pass read is not what is there now: another configuration was published, or hours went by."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm.attributes import flag_modified
from stdnum.br import cnpj

from app.sync.passes.models import Resync, ResyncItem, Watermark
from tests.e2e.rig import EMBEDDED, SPLIT, JsonObject, Rig, at_speed
from tests.e2e.test_mapping import held
from tests.e2e.test_resync import CNPJS, act, as_planned, for_records, rested, resync, silent

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


@SPLIT
@pytest.mark.feature("F194", "F262", "F265")
@at_speed(60.0)
async def test_a_field_mapped_after_the_plan_is_read_before_anything_is_written(rig: Rig) -> None:
    client, _, key = await told_apart(rig)
    # a list that Ploomes replaces whole: its side is read again before the write, with the new field
    await rig.omie_edit(client["codigo_cliente_omie"], telefone1_ddd="11", telefone1_numero="30201010")
    plan = await resync(rig, entities=["clients"], dry_run=True)
    assert plan["plan"]["entities"]["clients"]["update_in_ploomes"] == 1, plan
    await map_it(rig, key)
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], "completed")
    assert await agreed(rig, client, key) == ("777", "777")
    assert not rig.tap.of("AlterarCliente")
    assert done["written"] == {"clients": {"update_in_ploomes": 1}}
    done = await as_planned(rig, done["id"])
    assert await rig.refusals() == {}


# --- hours later -------------------------------------------------------------------------------------------------


def number(n: int) -> str:
    """A valid CNPJ."""
    base = f"{n:08d}0001"
    return base + str(cnpj.calc_check_digits(base))


async def clients(rig: Rig, count: int) -> list[tuple[JsonObject, JsonObject]]:
    """Pairs of Omie's clients and contacts."""
    made = [
        await rig.omie_new(razao_social=f"Cliente {n}", nome_fantasia=f"Cliente {n}", cnpj_cpf=number(n + 1))
        for n in range(count)
    ]
    await rig.settle(120)
    return [(row, await rig.pair_of_client(row["codigo_cliente_omie"])) for row in made]


async def hours_go_by(rig: Rig, resync_id: int, hours: int) -> None:
    """A plan becomes older than it is."""
    earlier = timedelta(hours=hours)

    def moved(at: str) -> str:
        return (datetime.fromisoformat(at) - earlier).isoformat()

    async with rig.ponte.db.transaction() as session:
        row = await session.get_one(Resync, resync_id)
        row.plan = {**row.plan, "crawls": {entity: moved(at) for entity, at in row.plan["crawls"].items()}}
        for item in await session.scalars(select(ResyncItem).where(ResyncItem.resync_id == resync_id)):
            for name in ("omie", "ploomes"):
                side = getattr(item, name)
                if side is not None:
                    side["read_at"] = moved(side["read_at"])
                    flag_modified(item, name)


def total(requests: JsonObject) -> int:
    return sum(sum(methods.values()) for methods in for_records(requests).values())


@SPLIT
@pytest.mark.feature("F262", "F264", "F265")
@at_speed(60.0)
async def test_a_plan_of_hours_ago_is_read_again_together_and_judged_anew(rig: Rig) -> None:
    made = await clients(rig, 8)
    await silent(rig)
    for client, _ in made[:3]:
        await rig.omie_edit(client["codigo_cliente_omie"], email=f"{client['codigo_cliente_omie']}@omie.test")
    for _, contact in made[3:6]:
        await rig.contact_edit(contact["Id"], Email=f"{contact['Id']}@ploomes.test")
    await rig.contact_delete(made[6][1]["Id"])
    await rig.omie_new(razao_social="Nova", nome_fantasia="Nova", cnpj_cpf=number(98))
    born = await rig.contact_new(TypeId=1, Name="Outra", Register=number(99))
    plan = await resync(rig, entities=["clients"], dry_run=True)
    await hours_go_by(rig, plan["id"], 5)
    # meanwhile a person brought two of them into step, and edited another one again
    equal_in_omie, equal_in_ploomes = made[0], made[3]
    same = f"{equal_in_omie[0]['codigo_cliente_omie']}@omie.test"
    await rig.contact_edit(equal_in_omie[1]["Id"], Email=same)
    same = f"{equal_in_ploomes[1]['Id']}@ploomes.test"
    await rig.omie_edit(equal_in_ploomes[0]["codigo_cliente_omie"], email=same)
    await rig.omie_edit(made[1][0]["codigo_cliente_omie"], email="depois@omie.test")
    await rig.contact_edit(born["Id"], Email="depois@ploomes.test")
    calls, events = len(rig.tap.calls), len(await rig.items("events", limit=200))
    await act(rig, plan["id"], "resume", force=True)
    await rested(rig, plan["id"], "completed")
    await rig.settle()
    done = await rested(rig, plan["id"], "completed")
    assert done["written"] == {
        "clients": {"update_in_ploomes": 3, "update_in_omie": 2, "delete_in_omie": 1, "create_in_ploomes": 1,
                    "create_in_omie": 1}
    }, done  # fmt: skip
    assert (await rig.pair_of_client(made[1][0]["codigo_cliente_omie"]))["Email"] == "depois@omie.test"
    assert (await rig.pair_of_contact(born["Id"]))["email"] == "depois@ploomes.test"
    reads = [name for name, _ in rig.tap.calls[calls:] if name.startswith(("Consultar", "Listar", "GET Contacts"))]
    assert sorted(reads) == ["GET Contacts"] * 2 + ["ListarClientes"] * 2, reads  # those to Omie, those to Ploomes
    assert len(await rig.items("events", limit=200)) - events == 7  # none for those that agree by now
    assert total(done["plan"]["requests"]) - total(done["requests_used"]) == 2  # what two of them took is not needed
    assert total(done["plan"]["requests"]) == total(plan["plan"]["requests"]) + len(reads)
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F262", "F265")
@at_speed(60.0)
async def test_a_plan_made_by_day_counts_what_will_be_old_by_night(rig: Rig) -> None:
    made = await clients(rig, 2)
    await silent(rig)
    for client, _ in made:
        await rig.omie_edit(client["codigo_cliente_omie"], email=f"{client['codigo_cliente_omie']}@omie.test")
    by_day = await resync(rig, entities=["clients"], dry_run=True, force=False, start="window")
    assert by_day["plan"]["eta_seconds"] > 3600  # the window opens in the evening
    lists = by_day["requests_used"]
    told = {"omie": {"ListarClientes": 1}, "ploomes": {"GET Contacts": 1, "PATCH Contacts": 2}}  # lists by code, writes
    assert total(by_day["plan"]["requests"]) == total(lists) + total(told), by_day
    await act(rig, by_day["id"], "resume", force=True)
    done = await rested(rig, by_day["id"], "completed")
    done = await as_planned(rig, done["id"])
    assert total(done["plan"]["requests"]) == total(lists) + 2
    assert done["written"] == {"clients": {"update_in_ploomes": 2}}
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F262", "F264")
async def test_a_window_that_closes_takes_back_what_nobody_has_in_hand(rig: Rig) -> None:
    made = await clients(rig, 8)
    await silent(rig)
    open_all_day = {"days": [], "all_day": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "holidays": False}
    await rig.configure(window=open_all_day)
    for client, _ in made:
        await rig.omie_edit(client["codigo_cliente_omie"], email=f"{client['codigo_cliente_omie']}@omie.test")
    await rig.quirk(ploomes_latency_ms=20_000)  # a second of the test's time
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"entities": ["clients"]})
    resync_id = answer.json()["id"]

    async def begun() -> Any:
        return rig.tap.of("PATCH Contacts")

    await rig.until(begun)
    another = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(rig.ponte.clock.now().weekday() + 3) % 7]
    await rig.configure(window={**open_all_day, "all_day": [another]})
    paused = await rested(rig, resync_id, "paused")
    assert paused["progress"]["paused_because"].startswith("Fora da janela"), paused

    async def idle() -> Any:
        return not await rig.items("events", state="processing")

    await rig.until(idle, still=3)
    events = await rig.items("events", limit=200)
    assert not [e for e in events if e["source"] == "resync" and e["state"] in ("received", "waiting")]
    held_back = len(rig.tap.of("PATCH Contacts"))
    assert held_back < 8
    await rig.quirk(ploomes_latency_ms=0)
    await rig.configure(window=open_all_day)  # and the pass goes on by itself
    done = await rested(rig, resync_id, "completed")
    assert done["written"] == {"clients": {"update_in_ploomes": 8}}
    assert len(rig.tap.of("PATCH Contacts")) == 8 > held_back
    await as_planned(rig, resync_id)
    assert await rig.refusals() == {}
