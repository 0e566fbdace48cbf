"""The nightly reconcile, and passes that wait: for the window, for another configuration, for a person."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.core.ports import JsonObject
from app.sync.config.document import OffHours
from app.sync.models import Resync
from app.sync.passes import off_hours
from app.sync.passes.models import RECONCILE
from app.sync.passes.nightly import Nightly
from tests.integration.rest.fakes import FakeVendors
from tests.integration.rest.rig import FixedClock, Parts
from tests.integration.rest.test_first_load import activate, load

HOUR, DAY = 3600.0, 86400.0


class Nights:
    """An activated, loaded integration whose window is open for an hour a day, from now on."""

    def __init__(self, api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, clock: FixedClock) -> None:
        self.api, self.ponte, self.clock = api, ponte, clock
        self.path = f"/integrations/{shop['id']}"
        self.nightly = Nightly(ponte.db, clock, ponte.configs, ponte.resyncs)

    async def window(self, **changes: Any) -> None:
        """Publishes a window."""
        document = (await self.api.get(f"{self.path}/config")).json()
        document["window"] = {
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "all_day": [], "holidays": False,
            "time_zone": "UTC", **changes,
        }  # fmt: skip
        answer = await self.api.put(f"{self.path}/config", json=document)
        assert answer.status_code == 200, answer.text
        self.clock.ahead += 3  # a configuration is remembered for two seconds

    async def never_opens(self) -> None:
        """As a document of an earlier version may say: none is taken any more."""
        shop_id = int(self.path.rpartition("/")[2])
        version, usual = await self.ponte.configs.current(shop_id)
        closed = OffHours.model_construct(**{**OffHours().model_dump(), "days": [], "all_day": [], "holidays": False})
        config = usual.model_copy(update={"window": closed})
        self.ponte.configs._cache[shop_id] = (9e9, version, config)
        async with self.ponte.db.transaction() as session:
            await off_hours.reconfigured(session, shop_id, config, self.clock.now())

    async def opens(self, hours: float) -> None:
        """The window opens in so many hours, each day for an hour."""
        start = self.clock.now() + timedelta(hours=hours)
        await self.window(start=f"{start:%H:%M}", end=f"{start + timedelta(hours=1):%H:%M}")

    async def night(self) -> list[Resync]:
        """A look in the night, and every reconcile so far."""
        await self.nightly.tick()
        async with self.ponte.db.read() as session:
            query = select(Resync).where(Resync.reason == RECONCILE).order_by(Resync.id)
            return list(await session.scalars(query))

    async def run(self, resync_id: int) -> JsonObject:
        """The pass as people see it once it rests."""
        for _ in range(40):
            await self.ponte.first_load.tick()
            self.clock.ahead += 1
            shown = await self.shown(resync_id)
            if shown["state"] in ("completed", "paused", "failed"):
                break
        return shown

    async def shown(self, resync_id: int) -> JsonObject:
        return dict((await self.api.get(f"{self.path}/resyncs/{resync_id}")).json())

    async def ask(self, **body: Any) -> JsonObject:
        answer = await self.api.post(f"{self.path}/resyncs", json={"entities": ["clients"], **body})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def issues(self) -> list[JsonObject]:
        return list((await self.api.get(f"{self.path}/issues")).json()["items"])


@pytest.fixture
async def nights(
    api: httpx.AsyncClient, shop: dict[str, Any], ponte: Parts, vendors: FakeVendors, clock: FixedClock
) -> Nights:
    await activate(api, shop)
    assert (await load(ponte, clock)).state == "completed"
    return Nights(api, shop, ponte, clock)


@pytest.mark.feature("F262", "F264")
async def test_every_integration_is_reconciled_once_a_night_in_its_window(nights: Nights) -> None:
    await nights.opens(0)
    assert await nights.night() == []  # activated today: its load has just compared everything
    nights.clock.ahead += DAY
    [first] = await nights.night()
    assert (first.reason, first.force) == (RECONCILE, False)
    assert len(await nights.night()) == 1
    assert (await nights.run(first.id))["state"] == "completed"
    assert len(await nights.night()) == 1  # one a night
    nights.clock.ahead += DAY / 2
    assert len(await nights.night()) == 1  # the window is closed
    nights.clock.ahead += DAY / 2
    assert len(await nights.night()) == 2
    assert (await nights.api.post(f"{nights.path}/deactivate")).is_success
    nights.clock.ahead += DAY
    assert len(await nights.night()) == 2


@pytest.mark.feature("F262", "F264")
async def test_a_reconcile_that_failed_gives_way_to_the_next_one(nights: Nights) -> None:
    await nights.opens(0)
    nights.clock.ahead += DAY
    [first] = await nights.night()
    async with nights.ponte.db.transaction() as session:
        row = await session.get_one(Resync, first.id)
        row.state, row.due_at = "failed", nights.clock.time() + DAY + 60
    nights.clock.ahead += DAY
    first, second = await nights.night()
    assert (first.state, first.due_at, second.state) == ("failed", None, "planning")


@pytest.mark.feature("F262", "F264")
async def test_a_pass_that_a_person_forgot_is_told_after_two_nights(nights: Nights) -> None:
    await nights.opens(0)
    nights.clock.ahead += DAY
    waiting = await nights.ask(start="now")
    assert (await nights.api.post(f"{nights.path}/resyncs/{waiting['id']}/pause")).is_success
    assert await nights.night() == []
    assert await nights.issues() == []
    nights.clock.ahead += DAY
    for _ in range(2):
        assert await nights.night() == []
        [issue] = await nights.issues()
        assert issue["cause"] == "reconcile_missed"
        assert f"carga {waiting['id']}" in issue["detail"]
        assert issue["seen"] == 1
    assert (await nights.api.post(f"{nights.path}/resyncs/{waiting['id']}/cancel")).is_success
    assert len(await nights.night()) == 1
    assert await nights.issues() == []


@pytest.mark.feature("F262")
async def test_a_pass_follows_the_window_that_is_configured_anew(nights: Nights) -> None:
    await nights.never_opens()
    waiting = await nights.ask()
    assert (waiting["state"], waiting["resumes_at"]) == ("scheduled", None)
    assert "nunca abre" in waiting["progress"]["held"]
    await nights.opens(2)
    shown = await nights.shown(waiting["id"])
    assert (shown["state"], "held" in shown["progress"]) == ("scheduled", False)
    assert shown["resumes_at"]
    await nights.opens(0)
    assert (await nights.run(waiting["id"]))["state"] == "completed"


@pytest.mark.feature("F262")
async def test_a_pass_that_its_window_paused_follows_too_and_one_of_a_person_does_not(nights: Nights) -> None:
    await nights.opens(0)
    paused = await nights.ask(start="now")
    nights.clock.ahead += 2 * HOUR
    assert (await nights.run(paused["id"]))["state"] == "paused"
    await nights.never_opens()
    shown = await nights.shown(paused["id"])
    assert (shown["state"], shown["resumes_at"]) == ("paused", None)
    assert "nunca abre" in shown["progress"]["held"]
    await nights.opens(0)
    assert (await nights.run(paused["id"]))["state"] == "completed"
    held = await nights.ask(start="now")
    assert (await nights.api.post(f"{nights.path}/resyncs/{held['id']}/pause")).is_success
    await nights.opens(0)
    await nights.opens(-0.1)
    assert (await nights.run(held["id"]))["state"] == "paused"
