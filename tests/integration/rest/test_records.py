"""Events, records, why, issues, changes: what people look at and act on."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.limit_models import LimitBlock
from app.core.ports import Kind
from app.sync import inbox, issues, links
from app.sync.mapping.fields import Values
from app.sync.models import Change, Event, EventState, Link, LinkState, WriteEntry, WriteState
from app.sync.passes.foreign import AFTER_SWEEP_SECONDS, FOREIGN, NOT_FOLLOWED, OWN_WRITE, next_sweep
from tests.factories import notice, ploomes_notice
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import FixedClock, Parts

OMIE: Values = {"name": "Padaria", "email": "a@x.test", "document": "11222333000181", "omie_id": "501", "active": True}


async def add_link(ponte: Parts, integration_id: int, **changes: Any) -> Link:
    """A pair in agreement."""
    link = links.make(integration_id, "clients", "501", "77", OMIE["document"], ponte.clock.now())  # type: ignore[arg-type]
    link.omie_base = link.ploomes_base = dict(OMIE)
    link.omie_seen = link.ploomes_seen = dict(OMIE)
    link.omie_seen_at = link.ploomes_seen_at = ponte.clock.now()
    for name, value in changes.items():
        setattr(link, name, value)
    async with ponte.db.transaction() as session:
        session.add(link)
    return link


async def add_issue(ponte: Parts, integration_id: int, cause: str = "refused", **changes: Any) -> int:
    async with ponte.db.transaction() as session:
        issue = await issues.open_issue(
            session,
            integration_id=integration_id,
            entity="clients",
            vendor="omie",
            external_id="501",
            finding=issues.Finding(cause, "CEP inválido."),
            now=ponte.clock.now(),
            **changes,
        )
    return issue.id


async def why(api: httpx.AsyncClient, active: dict[str, Any], record: str = "clients/omie/501") -> dict[str, Any]:
    answer = await api.get(f"/integrations/{active['id']}/records/{record}/why")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def broken(explained: dict[str, Any]) -> list[str]:
    return [condition["name"] for condition in explained["conditions"] if not condition["ok"]]


async def test_events_are_listed_by_filter_and_cursor(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    for number in range(3):
        await ponte.inbox.store(active["id"], notice(str(600 + number)), "{}")
    await ponte.inbox.store(active["id"], ploomes_notice("77"), "{}")
    await ponte.inbox.store(active["id"], notice("650", echo=True, author="no-reply@omie.com.br"), "{}")
    path = f"/integrations/{active['id']}/events"
    first = (await api.get(path, params={"vendor": "omie", "state": "received", "limit": 2})).json()
    second = (await api.get(path, params={"vendor": "omie", "state": "received", "cursor": first["next"]})).json()
    assert [row["external_id"] for row in first["items"] + second["items"]] == ["602", "601", "600"]
    assert [row["state"] for row in (await api.get(path, params={"state": "echo"})).json()["items"]] == ["echo"]
    for params in ({"state": "strange"}, {"entity": "spoons"}, {"cursor": "-1"}, {"limit": 0}):
        answer = await api.get(path, params=params)
        assert answer.status_code == 422
        assert answer.json()["errors"]


async def test_an_event_is_replayed_and_ignored(api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts) -> None:
    stored = await ponte.inbox.store(active["id"], notice(), "{}")
    path = f"/integrations/{active['id']}/events/{stored.id}"
    ignored = (await api.post(f"{path}/ignore")).json()
    assert (ignored["state"], ignored["due_at"]) == ("ignored", None)
    replayed = (await api.post(f"{path}/replay")).json()
    assert (replayed["state"], replayed["priority"]) == ("received", "person")
    async with ponte.db.transaction() as session:
        (await session.get_one(Event, stored.id)).state = EventState.PROCESSING
    assert (await api.post(f"{path}/replay")).status_code == 409
    assert (await api.post(f"{path}/ignore")).status_code == 409
    assert (await api.post(f"/integrations/{active['id']}/events/{stored.id + 99}/replay")).status_code == 404


async def test_another_integrations_data_is_out_of_reach(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    stored = await ponte.inbox.store(active["id"], notice(), "{}")
    issue_id = await add_issue(ponte, active["id"])
    body = {"name": "Outra", "omie": {"app_key": "2", "app_secret": "s"}, "ploomes": {"user_key": "u"}}
    other = (await api.post("/integrations", json=body)).json()
    for path in (f"events/{stored.id}/replay", f"events/{stored.id}/ignore", f"issues/{issue_id}/retry"):
        assert (await api.post(f"/integrations/{other['id']}/{path}")).status_code == 404
    assert (await api.get(f"/integrations/{other['id']}/events/{stored.id}")).status_code == 404
    assert (await api.get(f"/integrations/{other['id']}/records/clients/omie/501")).status_code == 404
    assert (await api.get(f"/integrations/{other['id']}/issues")).json()["items"] == []


async def test_a_record_shows_both_sides_without_asking_a_vendor(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts, vendors: FakeVendors
) -> None:
    await ponte.first_load.tick()  # look-ups are known
    await add_link(ponte, active["id"], ploomes_seen={**OMIE, "email": "b@x.test"})
    await ponte.inbox.store(active["id"], notice("501"), "{}")
    asked = vendors.asked()
    record = (await api.get(f"/integrations/{active['id']}/records/clients/ploomes/77")).json()
    assert (record["link"]["omie_id"], record["link"]["ploomes_id"]) == ("501", "77")
    assert record["base"]["ploomes"]["email"] == "a@x.test"
    assert [(row["field"], row["omie"], row["ploomes"]) for row in record["differences"]] == [
        ("email", "a@x.test", "b@x.test")
    ]
    assert [row["kind"] for row in record["timeline"]] == ["event"]
    assert vendors.asked() == asked


async def test_fresh_reads_both_vendors(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts, vendors: FakeVendors
) -> None:
    await ponte.first_load.tick()
    await add_link(ponte, active["id"])
    vendors.omie.sets["clients"] = [{"codigo_cliente_omie": 501, "nome_fantasia": "Padaria Nova", "cnpj_cpf": ""}]
    path = f"/integrations/{active['id']}/records/clients/omie/501"
    record = (await api.get(path, params={"fresh": True})).json()
    assert record["omie"]["name"] == "Padaria Nova"
    assert record["ploomes"] is None


async def test_nonsense_paths_are_refused(api: httpx.AsyncClient, active: dict[str, Any]) -> None:
    for record in ("spoons/omie/1", "clients/sap/1", "clients/omie/a%00b", "clients/omie/" + "9" * 41):
        assert (await api.get(f"/integrations/{active['id']}/records/{record}")).status_code == 422
    assert (await api.get(f"/integrations/{active['id']}/records/clients/omie/404")).status_code == 404


async def test_an_id_no_vendor_gives_out_is_never_asked_for(api: httpx.AsyncClient, active: dict[str, Any]) -> None:
    """Each such question would be refused by Omie, and ten refusals block the method for everybody."""
    path = f"/integrations/{active['id']}"
    for record in ("0", "-1", "abc", "1.x", "007", "9" * 20):
        assert (await api.post(f"{path}/records/clients/omie/{record}/sync")).status_code == 422
    assert (await api.get(f"{path}/events")).json()["items"] == []


async def test_a_pair_in_agreement_is_in_sync(api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts) -> None:
    await ponte.first_load.tick()
    await add_link(ponte, active["id"])
    explained = await why(api, active)
    assert broken(explained) == []
    assert explained["in_sync"] is True


@pytest.mark.feature("F082", "F084")
async def test_why_names_the_missing_document(api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts) -> None:
    stored = await ponte.inbox.store(active["id"], ploomes_notice("88"), "{}")
    async with ponte.db.transaction() as session:
        event = await session.get_one(Event, stored.id)
        await inbox.postpone(session, event, None, "Aguardando o CNPJ/CPF ser preenchido.", "missing_document")
    explained = await why(api, active, "clients/ploomes/88")
    assert explained["in_sync"] is False
    assert broken(explained) == ["CNPJ/CPF preenchido e válido", "Nenhum evento em aberto", "Vinculado"]
    condition = next(row for row in explained["conditions"] if row["name"].startswith("CNPJ"))
    assert condition["fix"]
    assert condition["who"] == "vendas"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"ploomes_seen": {**OMIE, "name": "Outra"}}, "Campos iguais"),
        ({"state": LinkState.DELETED, "state_reason": "Excluído."}, "Vínculo não encerrado"),
        ({"frozen": {"name": 4e9}}, "Nenhum campo congelado"),
    ],
)
async def test_why_names_what_stands_between(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts, changes: dict[str, Any], name: str
) -> None:
    await ponte.first_load.tick()
    await add_link(ponte, active["id"], **changes)
    explained = await why(api, active)
    assert explained["in_sync"] is False
    assert name in broken(explained)


async def test_why_knows_of_issues_blocks_pauses_and_unknown_records(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    await ponte.first_load.tick()
    await add_link(ponte, active["id"])
    await add_issue(ponte, active["id"])
    async with ponte.db.transaction() as session:
        session.add(LimitBlock(scope="omie:1000000000001:AlterarCliente", until=ponte.clock.time() + 900))
        session.add(LimitBlock(scope="omie:2000000000002:AlterarCliente", until=ponte.clock.time() + 900))
    await api.put(f"/integrations/{active['id']}/config", json={"entities": {"stock": False}})
    await api.post(f"/integrations/{active['id']}/deactivate")
    explained = await why(api, active)
    assert broken(explained) == [
        "Integração ativa", "Nenhuma pendência aberta", "Omie não bloqueou a integração",
    ]  # fmt: skip
    assert "Registro conhecido" in broken(await why(api, active, "clients/omie/999"))
    assert "Entidade ligada" in broken(await why(api, active, "stock/omie/999"))


async def test_a_lasting_difference_that_was_agreed_on_is_no_trouble(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    """An owner without a seller, say: both sides still hold their own half."""
    await ponte.first_load.tick()
    halves = {"omie_base": {**OMIE, "cnae": "1"}, "omie_seen": {**OMIE, "cnae": "1"},
              "ploomes_base": {**OMIE, "cnae": "2"}, "ploomes_seen": {**OMIE, "cnae": "2"}}  # fmt: skip
    await add_link(ponte, active["id"], **halves)
    assert (await why(api, active))["in_sync"] is True


async def test_sync_makes_an_event_of_a_person(api: httpx.AsyncClient, active: dict[str, Any]) -> None:
    path = f"/integrations/{active['id']}"
    answer = await api.post(f"{path}/records/clients/omie/501/sync")
    assert answer.status_code == 202
    event = (await api.get(f"{path}/events/{answer.json()['event_id']}")).json()
    assert (event["source"], event["priority"], event["state"]) == ("person", "person", "received")


async def test_issues_are_listed_and_retried(api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts) -> None:
    issue_id = await add_issue(ponte, active["id"])
    path = f"/integrations/{active['id']}/issues"
    (row,) = (await api.get(path)).json()["items"]
    assert (row["id"], row["cause"], row["state"]) == (issue_id, "refused", "open")
    assert (await api.get(path, params={"state": "closed"})).json()["items"] == []
    assert (await api.post(f"{path}/{issue_id}/retry")).status_code == 202
    assert (await api.post(f"{path}/retry", json={"cause": "refused"})).json() == {"retried": 1}
    assert (await api.post(f"{path}/retry", json={"cause": "none_such"})).json() == {"retried": 0}
    assert (await api.post(f"{path}/retry", json={})).status_code == 422
    events = (await api.get(f"/integrations/{active['id']}/events")).json()["items"]
    assert {(event["source"], event["external_id"]) for event in events} == {("person", "501")}
    async with ponte.db.transaction() as session:
        issues.close(await session.get_one(issues.Issue, issue_id), ponte.clock.now())
    assert (await api.post(f"{path}/{issue_id}/retry")).status_code == 409


async def test_an_answer_must_be_one_of_the_choices(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    silent = await add_issue(ponte, active["id"])
    deletion = await ponte.inbox.store(active["id"], notice("501", kind=Kind.DELETED), "{}")
    asking = await add_issue(ponte, active["id"], "delete_paused", event_id=deletion.id)
    path = f"/integrations/{active['id']}/issues"
    assert (await api.post(f"{path}/{silent}/answer", json={"choice": "omie"})).status_code == 409
    wrong = await api.post(f"{path}/{asking}/answer", json={"choice": "omie"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "choice"
    assert (await api.post(f"{path}/{asking}/answer", json={"choice": "maybe"})).status_code == 422
    assert (await api.post(f"{path}/{asking}/answer", json={"choice": "discard"})).json()["answer"] == "discard"
    (newest, *_) = (await api.get(f"/integrations/{active['id']}/events")).json()["items"]
    assert (newest["source"], newest["kind"]) == ("person", "deleted")


async def test_changes_come_as_json_csv_and_lines(api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts) -> None:
    async with ponte.db.transaction() as session:
        for number in range(3):
            session.add(
                Change(
                    integration_id=active["id"], entity="clients", vendor="ploomes", external_id=str(70 + number),
                    action="update", before={"name": "A"}, after={"name": "=HYPERLINK(1)"}, lost={}, notes=[],
                    cause="event:1", config_version=1, at=ponte.clock.now(),
                )
            )  # fmt: skip
    path = f"/integrations/{active['id']}/changes"
    page = (await api.get(path, params={"limit": 2})).json()
    assert [row["external_id"] for row in page["items"]] == ["72", "71"]
    assert page["next"]
    table = await api.get(path, headers={"Accept": "text/csv"}, params={"entity": "clients"})
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["external_id"] for row in rows] == ["72", "71", "70"]
    assert json.loads(rows[0]["after"]) == {"name": "=HYPERLINK(1)"}
    lines = await api.get(path, headers={"Accept": "application/x-ndjson"}, params={"external_id": "71"})
    assert [json.loads(line)["before"] for line in lines.text.splitlines()] == [{"name": "A"}]


@pytest.mark.feature("F050", "F282")
@pytest.mark.parametrize(("option", "cause"), [("sweep", FOREIGN), ("now", FOREIGN), ("ignore", NOT_FOLLOWED)])
async def test_echoes_nobody_of_us_caused_are_looked_at_once(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts, clock: FixedClock, option: str, cause: str
) -> None:
    await api.put(f"/integrations/{active['id']}/config", json={"foreign_api_events": option})
    echo = {"echo": True, "author": "no-reply@omie.com.br"}
    ours = await ponte.inbox.store(active["id"], notice("501", **echo), "{}")
    theirs = await ponte.inbox.store(active["id"], notice("502", **echo), "{}")
    async with ponte.db.transaction() as session:
        session.add(
            WriteEntry(
                integration_id=active["id"], entity="clients", vendor="omie", verb="update", external_id="501",
                state=WriteState.DONE, before={}, after={}, notes=[], sent_at=clock.now() - timedelta(seconds=5),
            )
        )  # fmt: skip
    assert await ponte.foreign.sweep() == 0  # too early to tell
    clock.ahead += 121
    followed = await ponte.foreign.sweep()
    assert followed == (0 if option == "ignore" else 1)
    assert await ponte.foreign.sweep() == 0
    async with ponte.db.read() as session:
        found = {event.id: event for event in await session.scalars(select(Event))}
    assert (found[ours.id].cause, found[theirs.id].cause) == (OWN_WRITE, cause)
    assert {found[ours.id].state, found[theirs.id].state} == {EventState.ECHO}
    made = [event for event in found.values() if event.source == "foreign"]
    assert [event.external_id for event in made] == ["502"][:followed]
    for event in made:
        behind = next_sweep(clock.time(), integration_id=active["id"]) + AFTER_SWEEP_SECONDS
        assert event.due_at == (behind if option == "sweep" else pytest.approx(clock.time(), abs=5))
