"""Two integrations with the same documents and codes on both sides: no endpoint of one shows or touches the other."""

import json
import re
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.db import Base
from app.core.ports import Vendor
from app.main import create_app
from app.sync import links
from app.sync.issues import Finding, open_issue
from app.sync.lookups import known
from app.sync.models import Change, ConfigVersion, Event, Integration
from app.sync.passes.models import Resync
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import NEW, FixedClock, Parts

MARK = "SÓ-DA-OUTRA"
CNPJ = "11222333000181"
ENDLESS = "/integrations/{integration_id}/resyncs/{resync_id}/stream"
"""By design, for a pass of one's own; of another's it is a 404 like any other."""
LAST = ("DELETE", "/integrations/{integration_id}")
"""Nothing of an integration answers after it."""
OWN = ("integration_id", "external_id")
"""Parameters that mean something in every integration."""
BODIES: dict[str, Any] = {
    "/integrations/{integration_id}/links": {"entity": "clients", "omie_id": "101", "ploomes_id": "501"},
    "/integrations/{integration_id}/links/preview": {"entity": "clients", "omie_id": "101", "ploomes_id": "501"},
    "/integrations/{integration_id}/links/restore": {"entity": "clients"},
    "/integrations/{integration_id}/links/wizard/accept": {
        "entity": "clients", "pairs": [{"omie_id": "101", "ploomes_id": "501"}],
    },
    "/integrations/{integration_id}/issues/retry": {"cause": "refused"},
    "/integrations/{integration_id}/issues/{issue_id}/answer": {"choice": "discard"},
    "/integrations/{integration_id}/config": {"clients": {"tags": ["X"]}},
    "/integrations/{integration_id}/config/rollback": {"version": 1},
    "/integrations/{integration_id}/resyncs": {"dry_run": True},
    "/integrations/{integration_id}/ploomes-fields": {"omie": "ClienteFornecedor.Contato"},
    "/integrations/{integration_id}/locks": {"locked": True},
    "/integrations/{integration_id}/unprovision": {"confirm": "Loja"},
}  # fmt: skip
QUERIES = {"entity": "clients", "confirm": "clients"}


def endpoints(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Every (method, path) below one integration, without the prefix."""
    found = []
    for path, verbs in sorted(document["paths"].items()):
        short = path.removeprefix("/api/v1")
        if "{integration_id}" in short:
            found += [(verb.upper(), short) for verb in sorted(verbs)]
    return found


async def furnish(ponte: Parts, clock: FixedClock, integration_id: int, mark: str) -> dict[str, str]:
    """One of everything; answers the ids, as path parameters."""
    now = clock.now()
    async with ponte.db.transaction() as session:
        link = links.make(integration_id, "clients", "101", "501", CNPJ, now)
        link.state_reason = mark
        event = Event(
            integration_id=integration_id, vendor="omie", entity="clients", external_id="101", kind="changed",
            topic=mark, source="webhook", state="failed", reason=mark, received_at=now, body=mark,
        )  # fmt: skip
        change = Change(
            integration_id=integration_id, entity="clients", vendor="omie", external_id="101", action="update",
            before={"name": mark}, after={"name": mark}, notes=[], lost={}, cause=mark, at=now,
        )  # fmt: skip
        resync = Resync(
            integration_id=integration_id, state="planned", reason="requested", entities=["clients"], dry_run=True,
            progress={"problem": mark}, created_at=now,
        )  # fmt: skip
        version = ConfigVersion(
            integration_id=integration_id, version=2, author=mark, created_at=now,
            document={"clients": {"tags": [mark]}},
        )  # fmt: skip
        session.add_all([link, event, change, resync, version])
        rows = [known.Known(Vendor.OMIE, "clients", "101", natural_key=CNPJ, name=mark)]
        rows.append(known.Known(Vendor.PLOOMES, "clients", "501", natural_key=CNPJ, name=mark))
        rows.append(known.Known(Vendor.OMIE, "accounts", "9", name=mark))
        await known.upsert(session, integration_id, rows, now)
        issue = await open_issue(
            session, integration_id=integration_id, entity="clients", vendor="omie", external_id="101",
            finding=Finding("refused", mark), now=now,
        )  # fmt: skip
        (await session.get_one(Integration, integration_id)).config_version = 2
        await session.flush()
        return {
            "link_id": str(link.id), "event_id": str(event.id), "resync_id": str(resync.id), "version": "2",
            "issue_id": str(issue.id), "entity": "clients", "vendor": "omie", "external_id": "101", "kind": "accounts",
        }  # fmt: skip


async def everything_of(ponte: Parts, integration_id: int) -> str:
    """Every row of an integration, as text."""
    found: list[Any] = []
    async with ponte.db.read() as session:
        for table in Base.metadata.sorted_tables:
            column = table.c.get("integration_id")
            if table.name == "integrations":
                column = table.c.id
            if column is None:
                continue
            rows = await session.execute(select(table).where(column == integration_id))
            found += [(table.name, sorted(map(str, row._mapping.items()))) for row in rows]
    return json.dumps(sorted(found, key=str), default=str)


@pytest.mark.feature("F035")
async def test_no_endpoint_of_one_integration_shows_or_touches_another(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, clock: FixedClock, vendors: FakeVendors
) -> None:
    other = {**NEW, "name": MARK, "omie": {"app_key": "2000000000002", "app_secret": "another-secret"}}
    theirs = (await api.post("/integrations", json=other)).json()
    ids = await furnish(ponte, clock, theirs["id"], MARK)
    await furnish(ponte, clock, shop["id"], "minha")
    before = await everything_of(ponte, theirs["id"])
    every = endpoints((await api.get("http://ponte.test/openapi.json")).json())
    assert len(every) > 40
    walked: set[tuple[str, str]] = set()

    async def visit(verb: str, path: str) -> None:
        walked.add((verb, path))
        address = path.replace("{integration_id}", str(shop["id"]))
        foreign = [name for name in re.findall(r"{(\w+)}", path) if name.endswith("_id") and name not in OWN]
        for name, value in ids.items():
            address = address.replace(f"{{{name}}}", value)
        address = re.sub(r"{\w+}", "1", address)
        sent = {} if verb in ("GET", "DELETE") else {"json": BODIES.get(path, {})}
        params = QUERIES if verb == "DELETE" else {}
        answer = await api.request(verb, address, params=params, **sent)
        assert answer.status_code < 500, (verb, path, answer.text)
        assert MARK not in answer.text, (verb, path)
        if foreign:
            assert answer.status_code in (404, 422), (verb, path, answer.status_code)

    # removing the own integration ends the walk for it: last of all
    order = sorted(every, key=lambda each: each == LAST)
    for verb, path in order:
        await visit(verb, path)
    assert walked == set(every)
    assert await everything_of(ponte, theirs["id"]) == before


SEEN: list[tuple[str, str]] = []
"""Building the document takes longer than a request."""
numbers = st.one_of(st.integers(1, 3), st.integers(min_value=1, max_value=2**31))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_id_in_any_endpoint_answers_only_what_is_its_own(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, clock: FixedClock, data: st.DataObject
) -> None:
    if not SEEN:
        SEEN.extend(endpoints(create_app(ponte).openapi()))  # type: ignore[arg-type]
    known_ones = (await api.get("/integrations")).json()["items"]
    if len(known_ones) == 1:
        other = {**NEW, "name": MARK, "omie": {"app_key": "2000000000002", "app_secret": "another-secret"}}
        theirs = (await api.post("/integrations", json=other)).json()["id"]
        await furnish(ponte, clock, theirs, MARK)
    else:
        [theirs] = [row["id"] for row in known_ones if row["id"] != shop["id"]]
    before = await everything_of(ponte, theirs)
    verb, path = data.draw(st.sampled_from([each for each in SEEN if each != LAST and each[1] != ENDLESS]))
    address = path.replace("{integration_id}", str(shop["id"]))
    for name in re.findall(r"{(\w+)}", address):
        drawn = {"kind": "accounts", "entity": "clients", "vendor": "omie"}.get(name) or str(data.draw(numbers))
        address = address.replace(f"{{{name}}}", drawn)
    sent = {} if verb in ("GET", "DELETE") else {"json": BODIES.get(path, {})}
    answer = await api.request(verb, address, params=QUERIES if verb == "DELETE" else {}, **sent)
    assert answer.status_code < 500
    assert MARK not in answer.text
    assert await everything_of(ponte, theirs) == before
