"""Both vendor rooms over one sandbox, its clock sixty times faster, so Omie's minute takes a second."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.core import wire
from app.core.clock import Clock
from app.core.errors import Postponed
from app.core.ports import Gateway, JsonObject, Priority, Record
from app.omie.calls import SETS as OMIE_SETS
from app.omie.client import OmieClient
from app.omie.gateway import OmieGateway
from app.ploomes.calls import SETS as PLOOMES_SETS
from app.ploomes.client import PloomesClient
from app.ploomes.gateway import PloomesGateway
from tests.contract.cases import Room
from tests.vendor_rig import APP_KEY, USER_KEY

SPEED = 60.0
BASE = "http://vendors.test"
SCREENS = {"stock_locations": "locations"}
"""Where the sandbox's screens have another name than our sets."""


class JumpingClock(Clock):
    """A fast clock that can also be pushed, so that a test need not sit out what a limit asks for."""

    def jump(self, seconds: float) -> None:
        """Later, at once."""
        self._origin += seconds


@dataclass
class Vendors:
    """Both vendors, the rooms that speak to them, and the sandbox's control surface."""

    transport: httpx.ASGITransport
    clock: JumpingClock
    omie_client: OmieClient
    ploomes_client: PloomesClient
    control: httpx.AsyncClient

    def omie(self, priority: Priority = Priority.LIVE) -> OmieGateway:
        return OmieGateway(self.omie_client, priority)

    def ploomes(self, priority: Priority = Priority.LIVE) -> PloomesGateway:
        return PloomesGateway(self.ploomes_client, priority)

    def both(self, name: str) -> Gateway:
        return self.omie() if name == "omie" else self.ploomes()

    async def refusals(self) -> dict[str, int]:
        """Refusals by cause, of both vendors."""
        counters = (await self.control.get("/sandbox/counters")).json()
        found: dict[str, int] = {}
        for vendor in ("omie", "ploomes"):
            for account in counters[vendor].values():
                for cause, count in account["refusals"].items():
                    found[f"{vendor}.{cause}"] = found.get(f"{vendor}.{cause}", 0) + count
        return {cause: count for cause, count in found.items() if count}

    async def wait(self, seconds: float) -> None:
        """Time passes on both sides; nobody waits for it."""
        self.clock.jump(seconds)
        answer = await self.control.post("/sandbox/clock", json={"advance_seconds": seconds})
        assert answer.is_success, answer.text

    async def quirk(self, **values: Any) -> None:
        answer = await self.control.post("/sandbox/quirks", json=values)
        assert answer.is_success, answer.text

    async def put(self, vendor: str, entity: str, data: JsonObject) -> str:
        """A person types a record of one of our sets on the vendor's screen; answers its id."""
        if vendor == "ploomes":
            return str((await self.screen(vendor, PLOOMES_SETS[entity].path, data))["Id"])
        answer = await self.screen(vendor, SCREENS.get(entity, entity), data)
        return str(OMIE_SETS[entity].id_of(answer))

    async def screen(self, vendor: str, path: str, body: JsonObject | None = None, method: str = "POST") -> Any:
        account = APP_KEY if vendor == "omie" else USER_KEY
        answer = await self.control.request(
            method, f"/sandbox/{vendor}/{account}/screen/{path}", content=wire.dumps(body)
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


async def patient(act: Any, clock: Clock, seconds: float = 90.0) -> Any:
    """What the jobs do: come back when a limit says so, for at most `seconds`."""
    end = clock.time() + seconds
    while True:
        try:
            return await act()
        except Postponed as postponed:
            if clock.time() + postponed.seconds > end:
                raise
            await clock.sleep(postponed.seconds + 0.1)


async def every(gateway: Gateway, entity: str) -> list[Record]:
    return [record async for page in gateway.pages(entity) for record in page.records]


def behind_the_wire(vendors: Vendors, vendor: str) -> Room:
    """The real gateway on the sandbox."""

    async def put(entity: str, data: JsonObject) -> str:
        return await vendors.put(vendor, entity, data)

    return Room(vendor, vendors.both(vendor), vendors.clock, vendors.wait, put, vendors.refusals)
