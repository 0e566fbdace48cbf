"""The sandbox as one ASGI app: Omie at /omie/api/v1/, Ploomes at /ploomes/, its control surface at /sandbox/."""

import contextlib
import random
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from . import control, registers, screens, shop
from .clock import SandboxClock
from .courier import Courier
from .kernel import Kernel
from .omie.server import OmieServer
from .ploomes.server import PloomesServer
from .traffic import Traffic
from .world import World

_VERBS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Sandbox:
    """Two pretend vendors with memory.

    `seed`: empty, small or demo. `speed`: how much faster than real time its clock runs (limits, blocks, retries;
    the 7 s and 10 s time-outs of webhook posts stay real). `deliver`: the client that posts webhooks; without one
    it makes its own on `start`. `random_seed`: same seed, same data and chances.
    """

    def __init__(self, *, seed: str = "demo", speed: float = 1.0, deliver: httpx.AsyncClient | None = None,
                 random_seed: int = 1) -> None:  # fmt: skip
        self.clock = SandboxClock(speed)
        self.courier = Courier(self.clock, random.Random(random_seed).uniform, deliver)
        self.kernel = Kernel(self.clock, self.courier, random_seed)
        self.world = World(self.kernel, seed)
        self.traffic = Traffic(self.world)
        self._omie = OmieServer(self.kernel, self.world.companies)
        ploomes = PloomesServer(self.kernel, self.world.accounts)
        self.asgi: ASGIApp = Starlette(
            routes=[
                Route("/omie/api/v1/{path:path}", self._omie.__call__, methods=_VERBS),
                Route("/ploomes/{path:path}", ploomes.__call__, methods=_VERBS),
                *screens.routes(self.world),
                *registers.routes(self.world),
                *shop.routes(self.world),
                *control.routes(self.world, self.traffic, self.reset),
            ],
            lifespan=self._lifespan,
        )

    async def start(self) -> None:
        """Begins to deliver webhooks."""
        await self.courier.start()

    async def stop(self) -> None:
        """Stops people's traffic and deliveries."""
        await self.traffic.stop()
        await self.courier.stop()

    async def reset(self, seed: str) -> None:
        """Back to a seed: data, switches, rules, counters, webhooks and post; raises ValueError."""
        await self.traffic.stop()
        self.world.sow(seed)
        self._omie.restart()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()
