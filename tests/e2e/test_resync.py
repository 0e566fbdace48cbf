"""Full resyncs: a plan that writes nothing, executed exactly; equal pairs cost lists only; absence is proven."""

from collections import Counter
from typing import Any

import pytest

from app.core.config import Settings
from tests.e2e.rig import APP_KEY, EMBEDDED, SPLIT, JsonObject, Rig, at_speed, running

BOUNDARIES = ("claimed", "locked", "read", "decided", "journaled", "written", "committed")
CNPJS = ("11222333000181", "11444777000161", "34028316000103", "33000167000101", "60746948000112", "60872504000123")


async def resync(rig: Rig, **body: Any) -> JsonObject:
    """Asks for a pass and waits until it rests."""
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"start": "now", "force": True, **body})
    assert answer.status_code == 202, answer.text
    return await rested(rig, answer.json()["id"])


async def rested(rig: Rig, resync_id: int, *states: str, seconds: float = 60.0) -> JsonObject:
    """The pass once it is in one of the states (or over)."""
    wanted = states or ("planned", "completed", "failed", "cancelled", "paused")

    async def there() -> Any:
        row = await rig.get_json(f"{rig.path}/resyncs/{resync_id}")
        return row if row["state"] in wanted else None

    return dict(await rig.until(there, seconds))


BY_THE_CLOCK = ("GET Users", "ListarContasCorrentes", "ListarCategorias", "ListarParcelas", "ListarEmpresas")
"""Lists that any road reads anew every few minutes, whatever it is about: no plan counts them."""


def for_records(requests: JsonObject) -> JsonObject:
    """Requests by vendor and method, but for what is read by the clock."""
    return {vendor: {m: n for m, n in methods.items() if m not in BY_THE_CLOCK} for vendor, methods in requests.items()}


async def as_planned(rig: Rig, resync_id: int) -> JsonObject:
    """The pass, which took the requests of its plan; those of its last event are added once that has ended."""

    async def counted() -> Any:
        row = await rig.get_json(f"{rig.path}/resyncs/{resync_id}")
        used, planned = for_records(row["requests_used"]), for_records(row["plan"]["requests"])
        return row if used == planned or rig.ponte.clock.time() > patience else None

    patience = rig.ponte.clock.time() + 100.0
    row = dict(await rig.until(counted))
    assert for_records(row["requests_used"]) == for_records(row["plan"]["requests"]), row
    return row


async def act(rig: Rig, resync_id: int, verb: str, **body: Any) -> JsonObject:
    answer = await rig.api.post(f"{rig.path}/resyncs/{resync_id}/{verb}", json=body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def silent(rig: Rig) -> None:
    """From here on every webhook is lost, and no first load is under way that would see what comes."""

    async def loaded() -> bool:
        return all(row["state"] == "completed" or row["reason"] == "mapping" for row in await rig.items("resyncs"))

    await rig.until(loaded)
    await rig.fault("drop", vendor="omie", times=100000)
    await rig.fault("drop", vendor="ploomes", times=100000)


async def pairs(rig: Rig, count: int) -> list[JsonObject]:
    """Clients that stand on both sides; answers Omie's."""
    made = [
        await rig.omie_new(razao_social=f"Cliente {n}", nome_fantasia=f"Cliente {n}", cnpj_cpf=CNPJS[n])
        for n in range(count)
    ]
    await rig.settle()
    return made


def lists_only(rig: Rig, since: int) -> set[str]:
    """Names of the calls made after the first `since`."""
    return {name for name, _ in rig.tap.calls[since:]}


@EMBEDDED
@pytest.mark.feature("F262", "F264", "F266")
async def test_an_equal_pair_of_systems_costs_lists_only(rig: Rig) -> None:
    await pairs(rig, 3)
    events, calls = len(await rig.items("events", limit=200)), len(rig.tap.calls)
    done = await resync(rig, entities=["clients"])
    assert done["state"] == "completed", done
    assert done["plan"]["entities"]["clients"]["unchanged"] == 3
    assert len(await rig.items("events", limit=200)) == events
    made = lists_only(rig, calls)
    assert {"ListarClientes", "GET Contacts"} <= made
    assert not [name for name in made if not name.startswith(("Listar", "GET "))]
    assert done["written"] == {}
    done = await as_planned(rig, done["id"])
    assert await rig.refusals() == {}


@SPLIT
@pytest.mark.feature("F262", "F264", "F265")
async def test_a_dry_run_writes_nothing_and_its_plan_is_executed_exactly(rig: Rig) -> None:
    made = await pairs(rig, 4)
    await silent(rig)
    await rig.omie_edit(made[0]["codigo_cliente_omie"], email="omie@novo.test")
    contact = await rig.pair_of_client(made[1]["codigo_cliente_omie"])
    await rig.contact_edit(contact["Id"], Email="ploomes@novo.test")
    gone = await rig.pair_of_client(made[2]["codigo_cliente_omie"])
    await rig.contact_delete(gone["Id"])
    await rig.omie_new(razao_social="Nova", nome_fantasia="Nova", cnpj_cpf=CNPJS[4])
    await rig.contact_new(TypeId=1, Name="Outra", Register=CNPJS[5])
    before = await rig.writes()
    plan = await resync(rig, dry_run=True)
    assert plan["state"] == "planned", plan
    assert await rig.writes() == before
    counts = plan["plan"]["entities"]["clients"]
    expected = {"update_in_ploomes": 1, "update_in_omie": 1, "create_in_ploomes": 1, "create_in_omie": 1,
                "delete_in_omie": 1, "delete_in_ploomes": 0, "link": 0, "conflict": 0, "unchanged": 1}  # fmt: skip
    assert {name: counts[name] for name in expected} == expected
    assert plan["plan"]["eta_seconds"] >= 0
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"])
    assert done["state"] == "completed", done
    assert await rig.writes() - before == done["plan"]["writes"]
    done = await as_planned(rig, done["id"])
    assert (await rig.pair_of_client(made[0]["codigo_cliente_omie"]))["Email"] == "omie@novo.test"
    assert (await rig.pair_of_contact(contact["Id"]))["email"] == "ploomes@novo.test"
    assert await rig.client(made[2]["codigo_cliente_omie"]) is None
    assert len(await rig.clients()) == len(await rig.contacts()) == 5
    assert await rig.issues() == []
    assert await rig.refusals() == {}
    again = await resync(rig)
    assert (again["state"], again["written"]) == ("completed", {})


@EMBEDDED
@pytest.mark.feature("F086", "F262", "F033")
async def test_records_of_both_sides_are_linked_before_anything_is_created(product: Settings) -> None:
    async with running(product, speed=20.0) as rig:
        await rig.connect()
        await silent(rig)
        await rig.omie_new(razao_social="Alfa Ltda", nome_fantasia="Alfa", cnpj_cpf=CNPJS[0], email="a@alfa.test")
        await rig.contact_new(TypeId=1, Name="Alfa", Register=CNPJS[0], LegalName="Alfa Ltda")
        before = await rig.writes()
        done = await resync(rig)
        assert done["state"] == "completed", done
        counts = done["plan"]["entities"]["clients"]
        assert (counts["link"], counts["create_in_omie"], counts["create_in_ploomes"]) == (1, 0, 0)
        assert len(await rig.clients()) == len(await rig.contacts()) == 1
        assert await rig.writes() - before == done["plan"]["writes"] > 0
        assert (await rig.contacts())[0]["Email"] == "a@alfa.test"
        assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_absence_is_proven_and_too_many_deletions_ask_first(rig: Rig) -> None:
    made = await pairs(rig, 6)
    await silent(rig)
    # lists that answer nothing, or fail half-way, delete nothing
    for kind, vendor, name in (("empty_list", "omie", "ListarClientes"), ("empty_list", "ploomes", "Contacts"),
                               ("status", "ploomes", "Contacts")):  # fmt: skip
        await rig.fault(kind, vendor=vendor, match=name, times=1, **({"status": 500} if kind == "status" else {}))
        done = await resync(rig, entities=["clients"])
        assert (done["state"], done["written"]) == ("completed", {}), done
        assert len(await rig.contacts()) == len(await rig.clients()) == 6
    for row in made[:5]:
        await rig.contact_delete((await rig.pair_of_client(row["codigo_cliente_omie"]))["Id"])
    asked = await resync(rig, entities=["clients"])
    assert (asked["state"], asked["written"]) == ("paused", {}), asked
    assert "5 de 6" in asked["progress"]["paused_because"]
    assert not rig.tap.of("ExcluirCliente")
    answer = await rig.api.post(f"{rig.path}/resyncs/{asked['id']}/resume")
    assert answer.status_code == 409, answer.text
    issue = await rig.issue("resync_deletes")
    assert issue["asks"] == ["proceed", "discard"]
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": "discard"})
    assert answer.status_code == 202, answer.text
    assert (await rested(rig, asked["id"], "completed"))["written"] == {}
    assert len(await rig.clients()) == 6
    again = await resync(rig, entities=["clients"])
    issue = await rig.issue("resync_deletes")
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": "proceed"})
    assert answer.status_code == 202, answer.text
    over = await rested(rig, again["id"], "completed")
    assert over["written"] == {"clients": {"delete_in_omie": 5}}
    assert len(await rig.clients()) == 1
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_a_list_that_stays_empty_asks_before_anything_is_believed(rig: Rig) -> None:
    made = await pairs(rig, 2)
    await silent(rig)
    for row in made:
        await rig.omie_delete(row["codigo_cliente_omie"])
    asked = await resync(rig, entities=["clients"])
    assert (asked["state"], asked["written"]) == ("paused", {}), asked
    assert "veio vazia" in asked["progress"]["paused_because"]
    issue = await rig.issue("resync_empty")
    assert issue["asks"] == ["proceed", "discard"]
    assert len(await rig.contacts()) == 2
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": "proceed"})
    assert answer.status_code == 202, answer.text
    done = await rested(rig, asked["id"], "completed")
    assert done["written"] == {"clients": {"delete_in_ploomes": 2}}
    assert await rig.contacts() == []
    assert await rig.issues() == []
    # what is empty for sure is listed once a day: Omie counts an empty answer as an error
    lists = len(rig.tap.of("ListarClientes"))
    assert (await resync(rig, entities=["clients"]))["state"] == "completed"
    assert len(rig.tap.of("ListarClientes")) == lists
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F264")
@at_speed(60.0)
async def test_a_list_that_keeps_ending_early_asks_and_deletes_nothing(rig: Rig) -> None:
    await pairs(rig, 3)
    await silent(rig)
    short = {"pagina": 1, "total_de_paginas": 1, "registros": 1, "total_de_registros": 3,
             "clientes_cadastro": [(await rig.clients())[0]]}  # fmt: skip
    await rig.fault("status", vendor="omie", match="ListarClientes", status=200, body=short, times=4)
    asked = await resync(rig, entities=["clients"])
    assert (asked["state"], asked["written"]) == ("paused", {}), asked
    assert "1 de 3" in asked["progress"]["paused_because"]
    issue = await rig.issue("resync_cut")
    answer = await rig.api.post(f"{rig.path}/issues/{issue['id']}/answer", json={"choice": "proceed"})
    assert answer.status_code == 202, answer.text
    done = await rested(rig, asked["id"], "completed")
    assert done["written"] == {}
    assert len(rig.tap.of("ListarClientes")) >= 4
    assert len(await rig.clients()) == len(await rig.contacts()) == 3
    assert await rig.issues() == []
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F263", "F264")
@at_speed(60.0)
async def test_a_pass_that_a_limit_stops_goes_on_where_it_stood(rig: Rig) -> None:
    """Omie's list must wait; Ploomes' goes on beside it, and no page is asked for twice."""
    await pairs(rig, 2)
    await silent(rig)
    calls, clock = len(rig.tap.calls), rig.ponte.clock
    await resync(rig, entities=["clients"])
    between, began = len(rig.tap.calls), clock.time()
    await rig.ponte.limiter.store.close_gate(f"gate:omie:{APP_KEY}:ListarClientes", 90.0)
    done = await resync(rig, entities=["clients"])
    assert done["state"] == "completed", done
    assert clock.time() - began >= 90.0
    unhindered, made = (Counter(name for name, _ in part) for part in (rig.tap.calls[calls:between],
                                                                       rig.tap.calls[between:]))  # fmt: skip
    for name in ("ListarClientes", "GET Contacts"):
        assert made[name] == unhindered[name] > 0, (unhindered, made)
    done = await as_planned(rig, done["id"])
    assert done["plan"]["entities"]["clients"]["unchanged"] == 2
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F262", "F263", "F264")
async def test_pause_window_and_cancel(rig: Rig) -> None:
    await pairs(rig, 1)
    await silent(rig)
    now = rig.ponte.clock.now()
    closed = {"days": [], "all_day": ["mon"], "holidays": False, "time_zone": "UTC", "start": "00:00", "end": "00:01"}
    closed["all_day"] = [("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(now.weekday() + 3) % 7]]
    await rig.configure(window=closed)
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"start": "now"})
    assert answer.status_code == 409
    assert answer.json()["next_window"].endswith("Z")
    calls = len(rig.tap.calls)
    answer = await rig.api.post(f"{rig.path}/resyncs", json={})
    waiting = answer.json()
    assert (answer.status_code, waiting["state"]) == (202, "scheduled")
    assert waiting["resumes_at"]
    assert (await rig.api.post(f"{rig.path}/resyncs", json={})).status_code == 409  # one at a time
    assert (await act(rig, waiting["id"], "pause"))["state"] == "paused"
    assert (await act(rig, waiting["id"], "resume"))["state"] == "scheduled"
    assert (await act(rig, waiting["id"], "cancel"))["state"] == "cancelled"
    assert (await act(rig, waiting["id"], "cancel"))["state"] == "cancelled"
    assert (await rig.api.post(f"{rig.path}/resyncs/{waiting['id']}/resume")).status_code == 409
    assert len(rig.tap.calls) == calls
    await rig.omie_new(razao_social="Nova", nome_fantasia="Nova", cnpj_cpf=CNPJS[4])
    plan = await resync(rig, dry_run=True, force=False)  # a plan may be made at any hour
    assert plan["state"] == "planned"
    assert plan["plan"]["eta_seconds"] > 86400
    calls = len(rig.tap.calls)
    held = await act(rig, plan["id"], "resume")
    assert held["state"] == "scheduled"
    assert len(rig.tap.calls) == calls


@EMBEDDED
@pytest.mark.feature("F264", "F262")
async def test_a_pause_in_the_middle_of_the_writes_keeps_the_rest_for_later(rig: Rig) -> None:
    made = await pairs(rig, 6)
    await silent(rig)
    for row in made:
        await rig.omie_edit(row["codigo_cliente_omie"], email=f"{row['codigo_cliente_omie']}@novo.test")
    await rig.quirk(ploomes_latency_ms=20_000)  # a second of the test's time
    plan = await resync(rig, entities=["clients"], dry_run=True)
    await act(rig, plan["id"], "resume", force=True)

    async def begun() -> Any:
        return rig.tap.of("PATCH Contacts")

    await rig.until(begun)
    paused = await act(rig, plan["id"], "pause")
    assert paused["state"] == "paused"

    async def idle() -> Any:
        return not await rig.items("events", state="processing")

    await rig.until(idle, still=3)
    held = len(rig.tap.of("PATCH Contacts"))
    assert 1 <= held <= rig.ponte.settings.bulk_slots, held  # what was in hand is finished, and nothing begins
    await rig.quirk(ploomes_latency_ms=0)
    await act(rig, plan["id"], "resume", force=True)
    done = await rested(rig, plan["id"], "completed")
    assert done["written"] == {"clients": {"update_in_ploomes": 6}}
    assert len(rig.tap.of("PATCH Contacts")) == 6 > held
    assert done["progress"]["percent"] == 100.0
    done = await as_planned(rig, done["id"])
    assert await rig.refusals() == {}


@EMBEDDED
@pytest.mark.feature("F264", "F266")
async def test_requests_are_checked_and_a_stream_tells_how_it_goes(rig: Rig) -> None:
    await pairs(rig, 1)
    assert (await rig.api.post(f"{rig.path}/resyncs", json={"entities": ["nothing"]})).status_code == 422
    assert (await rig.api.get(f"{rig.path}/resyncs/999999/stream")).status_code == 404
    answer = await rig.api.post(f"{rig.path}/resyncs", json={"dry_run": True})
    stream = await rig.api.get(f"{rig.path}/resyncs/{answer.json()['id']}/stream", timeout=60)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert "event: progress\ndata: {" in stream.text
    assert '"state":"planned"' in stream.text.rpartition("event: end")[2]


@EMBEDDED
@pytest.mark.feature("F262", "F264")
async def test_deaths_in_the_middle_of_writes_write_nothing_twice(product: Settings) -> None:
    deaths: Counter[str] = Counter()
    armed = False

    async def trace(boundary: str) -> None:
        if armed and boundary in BOUNDARIES and deaths[boundary] < 2:
            deaths[boundary] += 1
            raise Death

    class Death(BaseException):
        """The work ends here, whatever it held."""

    async with running(product, speed=40.0, trace=trace) as rig:
        await rig.connect()
        made = await pairs(rig, 6)
        await silent(rig)
        contacts = [await rig.pair_of_client(row["codigo_cliente_omie"]) for row in made]
        for number in range(3):
            await rig.omie_edit(made[number]["codigo_cliente_omie"], email=f"o{number}@novo.test")
            await rig.contact_edit(contacts[number + 3]["Id"], Email=f"p{number}@novo.test")
        before = len(rig.tap.calls)
        armed = True
        done = await resync(rig, entities=["clients"])
        assert done["state"] == "completed", done
        assert deaths.total() == 2 * len(BOUNDARIES)
        await rig.settle()
        assert [(await rig.contact(c["Id"]) or {})["Email"] for c in contacts[:3]] == [
            f"o{number}@novo.test" for number in range(3)
        ]
        assert [(await rig.client(row["codigo_cliente_omie"]) or {})["email"] for row in made[3:]] == [
            f"p{number}@novo.test" for number in range(3)
        ]
        assert len(await rig.clients()) == len(await rig.contacts()) == 6
        writes = [name for name, _ in rig.tap.calls[before:] if name in ("AlterarCliente", "PATCH Contacts")]
        assert sorted(writes) == ["AlterarCliente"] * 3 + ["PATCH Contacts"] * 3
        assert await rig.refusals() == {}
