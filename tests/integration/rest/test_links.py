"""Links, the wizard, sellers and pickers over REST."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.ports import Vendor
from app.sync.lanes import record_lane
from app.sync.lookups import known
from app.sync.models import Event, Integration, Link
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import FixedClock, Parts

CNPJ, OTHER = "11222333000181", "11444777000161"


def people(vendors: FakeVendors, *numbers: int) -> None:
    """Clients of both sides with the same document, ids 10n in Omie and 50n in Ploomes."""
    for n in numbers:
        vendors.omie.sets["clients"].append(
            {"codigo_cliente_omie": 100 + n, "razao_social": f"Casa {n}", "nome_fantasia": f"Casa {n}",
             "cnpj_cpf": CNPJ, "email": f"casa{n}@x.test"}
        )  # fmt: skip
        vendors.ploomes.sets["clients"].append(
            {"Id": 500 + n, "TypeId": 1, "Name": f"Casa {n}!", "Register": CNPJ, "Email": f"casa{n}@x.test"}
        )


def path(shop: dict[str, Any], rest: str = "") -> str:
    return f"/integrations/{shop['id']}/links{rest}"


@pytest.mark.feature("F111", "F113")
async def test_a_manual_link_is_previewed_made_and_undone(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, ponte: Parts
) -> None:
    people(vendors, 1, 2)
    body = {"entity": "clients", "omie_id": "101", "ploomes_id": "501"}
    seen = (await api.post(path(active, "/preview"), json=body)).json()
    assert seen["omie"]["name"] == "Casa 1"
    assert {row["field"]: (row["omie"], row["ploomes"]) for row in seen["differences"]}["name"] == (
        "Casa 1",
        "Casa 1!",
    )
    made = await api.post(path(active), json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["omie_id"]) == ("active", "101")
    async with ponte.db.read() as session:
        events = list(await session.scalars(select(Event).where(Event.topic == "link")))
    assert [(event.external_id, event.source) for event in events] == [("101", "person")]
    again = await api.post(path(active), json={**body, "ploomes_id": "502"})
    assert again.status_code == 409
    assert again.json()["link"]["ploomes_id"] == "501"
    gone = await api.delete(path(active, f"/{made.json()['id']}"))
    assert gone.json()["state"] == "excluded"
    assert (await api.post(path(active), json=body)).status_code == 201  # a person may change their mind
    rows = (await api.get(path(active), params={"entity": "clients", "state": "excluded"})).json()["items"]
    assert [row["id"] for row in rows] == [made.json()["id"]]
    changes = (await api.get(f"/integrations/{active['id']}/changes", params={"entity": "clients"})).json()["items"]
    assert [row["action"] for row in changes] == ["link", "unlink", "link"]


async def test_what_does_not_exist_is_not_linked(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    people(vendors, 1)
    for body, status in (
        ({"entity": "clients", "omie_id": "999", "ploomes_id": "501"}, 404),
        ({"entity": "clients", "omie_id": "x", "ploomes_id": "501"}, 422),
        ({"entity": "sellers", "omie_id": "71", "ploomes_id": "32"}, 409),
        ({"entity": "stock", "omie_id": "101", "ploomes_id": "501"}, 422),
    ):
        answer = await api.post(path(active), json=body)
        assert answer.status_code == status, answer.text
    assert (await api.delete(path(active, "/12345"))).status_code == 404


@pytest.mark.feature("F111", "F297", "F298")
async def test_all_links_of_an_entity_go_after_their_name_was_typed_and_come_back(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    people(vendors, 1, 2, 3)
    for n in (1, 2):
        body = {"entity": "clients", "omie_id": f"10{n}", "ploomes_id": f"50{n}"}
        assert (await api.post(path(active), json=body)).status_code == 201
    refused = await api.delete(path(active), params={"entity": "clients", "confirm": "sim"})
    assert refused.status_code == 422
    assert (await api.delete(path(active), params={"entity": "clients", "confirm": "clients"})).json() == {"count": 2}
    # one of the records found another partner meanwhile: its old link stays ended
    other = {"entity": "clients", "omie_id": "101", "ploomes_id": "503"}
    assert (await api.post(path(active), json=other)).status_code == 201
    assert (await api.post(path(active, "/restore"), json={"entity": "clients"})).json() == {"count": 1}
    living = (await api.get(path(active), params={"state": "active"})).json()["items"]
    assert sorted((row["omie_id"], row["ploomes_id"]) for row in living) == [("101", "503"), ("102", "502")]
    assert (await api.post(path(active, "/restore"), json={"entity": "clients"})).json() == {"count": 1 - 1}


@pytest.mark.feature("F109")
async def test_links_go_out_as_a_table_and_come_in_again(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    table = "entity;omie_id;ploomes_id\nclients;101;501\nclients;102;501\nclients;x;1\nthings;1;2\nstock;101;501\n"
    rehearsal = (await api.post(path(active, "/import"), content=table.encode(), params={"dry_run": True},
                                headers={"content-type": "text/csv"})).json()  # fmt: skip
    assert (rehearsal["linked"], [error["line"] for error in rehearsal["errors"]]) == (0, [3, 4, 5, 6])
    bad = (await api.post(path(active, "/import"), content=table.encode(),
                          headers={"content-type": "text/csv"})).json()  # fmt: skip
    assert (bad["linked"], bad["errors"]) == (0, rehearsal["errors"]), "a bad table is refused whole"
    table = "\n".join(table.splitlines()[:2])
    done = (await api.post(path(active, "/import"), content=table.encode(),
                           headers={"content-type": "text/csv"})).json()  # fmt: skip
    assert done["linked"] == 1
    assert done["errors"] == []
    out = (await api.get(path(active), headers={"accept": "text/csv"})).text
    assert out.splitlines() == ["entity,omie_id,ploomes_id,state", "clients,101,501,active"]
    again = (await api.post(path(active, "/import"), content=out.encode(), headers={"content-type": "text/csv"})).json()
    assert (again["linked"], again["already"]) == (0, 1)
    wrong = await api.post(path(active, "/import"), content=b"a,b\n1,2\n", headers={"content-type": "text/csv"})
    assert wrong.status_code == 422
    large = await api.post(path(active, "/import"), content=b"x" * 5_000_001, headers={"content-type": "text/csv"})
    assert (large.status_code, large.json()["errors"][0]["message"]) == (422, "arquivo grande demais")


@pytest.mark.feature("F109")
async def test_a_table_comes_back_without_what_had_ended(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors
) -> None:
    people(vendors, 1, 2, 3)

    async def send(table: str) -> dict[str, Any]:
        answer = await api.post(path(active, "/import"), content=table.encode(), headers={"content-type": "text/csv"})
        return dict(answer.json())

    first = (await api.post(path(active), json={"entity": "clients", "omie_id": "101", "ploomes_id": "501"})).json()
    assert (await api.delete(path(active, f"/{first['id']}"))).status_code == 200
    other = {"entity": "clients", "omie_id": "101", "ploomes_id": "502"}
    assert (await api.post(path(active), json=other)).status_code == 201
    third = (await api.post(path(active), json={"entity": "clients", "omie_id": "102", "ploomes_id": "503"})).json()
    out = (await api.get(path(active), headers={"accept": "text/csv"})).text
    assert (await api.delete(path(active, f"/{third['id']}"))).status_code == 200
    assert [line.rpartition(",")[2] for line in out.splitlines()] == ["state", "excluded", "active", "active"]
    done = await send(out)
    assert (done["linked"], done["already"], done["skipped"], done["errors"]) == (1, 1, 1, [])
    living = (await api.get(path(active), params={"state": "active"})).json()["items"]
    assert sorted((row["omie_id"], row["ploomes_id"]) for row in living) == [("101", "502"), ("102", "503")]
    odd = await send("entity,omie_id,ploomes_id,state\nclients,101,502,ativo\nclients,101,502,\n")
    assert [(error["line"], error["message"]) for error in odd["errors"]] == [(2, "estado desconhecido: ativo")]


@pytest.mark.feature("F055", "F111")
async def test_a_search_no_database_takes_is_refused(api: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    answer = await api.get(f"/integrations/{shop['id']}/links", params={"search": "5\x0001"})
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_the_wizard_proposes_in_groups_and_writes_only_what_is_accepted(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts, clock: FixedClock
) -> None:
    omie = [("1", CNPJ, "a@x"), ("2", OTHER, "b@x"), ("3", OTHER, "c@x"), ("4", None, "mail@x"), ("5", None, None)]
    ploomes = [("11", CNPJ, "z@x"), ("12", OTHER, "y@x"), ("14", None, "Mail@x"), ("15", "529", None),
               ("16", "529", None)]  # fmt: skip
    rows = [known.Known(Vendor.OMIE, "clients", i, natural_key=k, name=i, data={"email": e}) for i, k, e in omie]
    rows += [known.Known(Vendor.PLOOMES, "clients", i, natural_key=k, data={"Email": e}) for i, k, e in ploomes]
    rows.append(known.Known(Vendor.OMIE, "clients", "6", data={"codigo_cliente_integracao": "PLOOMES-17"}))
    rows.append(known.Known(Vendor.PLOOMES, "clients", "17"))
    async with ponte.db.transaction() as session:
        await known.upsert(session, active["id"], rows, clock.now())
    found = (await api.get(path(active, "/wizard/clients"))).json()
    certain = sorted((row["by"], row["omie"]["id"], row["ploomes"]["id"]) for row in found["certain"])
    assert certain == [("email", "4", "14"), ("id", "6", "17"), ("key", "1", "11")]
    assert [[r["id"] for r in row["omie"]] for row in found["ambiguous"]] == [["2", "3"]]
    assert [[r["id"] for r in row["records"]] for row in found["duplicate"]] == [["15", "16"]]
    async with ponte.db.read() as session:
        before = list(await session.scalars(select(Link).where(Link.entity == "clients")))
    assert before == []
    pairs = [{"omie_id": "1", "ploomes_id": "11"}, {"omie_id": "6", "ploomes_id": "11"}]
    done = (await api.post(path(active, "/wizard/accept"), json={"entity": "clients", "pairs": pairs})).json()
    assert (done["linked"], [row["omie_id"] for row in done["skipped"]]) == (1, ["6"])
    left = (await api.get(path(active, "/wizard/clients"))).json()
    assert sorted(row["omie"]["id"] for row in left["certain"]) == ["4", "6"]


@pytest.mark.feature("F190", "F191", "F192", "F193")
async def test_sellers_show_pairs_and_who_stands_alone(api: httpx.AsyncClient, active: dict[str, Any]) -> None:
    address = f"/integrations/{active['id']}"
    seen = (await api.get(f"{address}/sellers")).json()
    assert [(p["omie"]["name"], p["ploomes"]["name"], p["by"]) for p in seen["pairs"]] == [("Ana", "Ana", "email")]
    assert [p["name"] for p in seen["sellers_without_user"]] == ["Rui"]
    document = (await api.get(f"{address}/config")).json()
    document["sellers"] = {"pairs": [{"omie": 72, "ploomes": 32}], "default_seller": 71}
    assert (await api.put(f"{address}/config", json=document)).status_code == 200
    seen = (await api.get(f"{address}/sellers")).json()
    assert ("Rui", "Ana", "hand") in [(p["omie"]["name"], p["ploomes"]["name"], p["by"]) for p in seen["pairs"]]
    assert seen["default_seller"] == "71"


@pytest.mark.feature("F152", "F291", "F292")
async def test_pickers_are_kept_refreshed_and_mark_inactive_codes(
    api: httpx.AsyncClient, active: dict[str, Any], vendors: FakeVendors, clock: FixedClock
) -> None:
    vendors.omie.sets["accounts"] = [
        {"nCodCC": 9, "descricao": "Caixa", "inativo": "N"}, {"nCodCC": 8, "descricao": "Velha", "inativo": "S"},
    ]  # fmt: skip
    address = f"/integrations/{active['id']}/catalog/accounts"
    first = await api.get(address)
    assert first.json() == [
        {"code": "9", "name": "Caixa", "active": True}, {"code": "8", "name": "Velha", "active": False},
    ]  # fmt: skip
    asked = vendors.asked()
    assert (await api.get(address, params={"refresh": True})).status_code == 200
    assert vendors.asked() == asked  # Omie would refuse the same list within a minute
    clock.ahead += 70
    vendors.omie.sets["accounts"][0]["descricao"] = "Caixa 2"
    assert (await api.get(address)).json()[0]["name"] == "Caixa"
    assert (await api.get(address, params={"refresh": True})).json()[0]["name"] == "Caixa 2"
    unknown = await api.get(f"/integrations/{active['id']}/catalog/planets")
    assert unknown.status_code == 404
    assert "accounts" in unknown.json()["detail"]
    assert {row["kind"] for row in (await api.get("/catalog")).json()} >= {"accounts", "ploomes_fields"}


@pytest.mark.feature("F024")
async def test_versions_tell_who_changed_what_and_a_rollback_restores_the_exact_state(
    api: httpx.AsyncClient, shop: dict[str, Any], vendors: FakeVendors
) -> None:
    address = f"/integrations/{shop['id']}/config"
    first = (await api.get(address)).json()
    changed = {**first, "clients": {"tags": ["VIP"]}, "window": {**first["window"], "start": "21:00"}}
    assert (await api.put(address, json=changed)).json()["version"] == 2
    versions = (await api.get(f"{address}/versions")).json()["items"]
    assert [(row["version"], row["changes"]) for row in versions] == [(2, ["clients.tags", "window.start"]), (1, [])]
    assert all(row["author"] for row in versions)
    rehearsal = (await api.post(f"{address}/rollback", json={"version": 1}, params={"dry_run": True})).json()
    assert (rehearsal["changed"], rehearsal["version"]) == (True, 2)
    back = (await api.post(f"{address}/rollback", json={"version": 1})).json()
    assert (back["version"], back["changes"]) == (3, ["clients.tags", "window.start"])
    assert (await api.get(address)).json() == first
    assert (await api.get(f"{address}/versions/2")).json() == changed
    assert (await api.get(f"{address}/versions/9")).status_code == 404
    assert (await api.post(f"{address}/rollback", json={"version": 3})).json()["changed"] is False
    schema = (await api.get(f"{address}/schema")).json()
    assert schema["properties"]["orders"]["properties"]["omie_account"]["x-picker"] == "accounts"


async def test_a_link_by_hand_waits_for_the_lane_of_a_shared_set(
    api: httpx.AsyncClient, active: dict[str, Any], ponte: Parts
) -> None:
    """Products and services are one set in Ploomes: a worker on the product has the service's record too."""
    async with ponte.db.read() as session:
        integration = await session.get_one(Integration, active["id"])
    body = {"entity": "services", "pairs": [{"omie_id": "101", "ploomes_id": "501"}]}
    async with ponte.lanes.hold(record_lane(integration, Vendor.PLOOMES, "products", "501")):
        taken = (await api.post(path(active, "/wizard/accept"), json=body)).json()
    assert taken["linked"] == 0
    assert "sendo processado" in taken["skipped"][0]["message"]
    assert (await api.post(path(active, "/wizard/accept"), json=body)).json()["linked"] == 1
