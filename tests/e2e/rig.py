"""The whole product in one process against the sandbox: doors, book, bell, engine, both vendors."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import and_, or_, select

from app.core.config import Settings
from app.main import create_app
from app.sandbox.app import Sandbox
from app.sync.config.document import OffHours
from app.sync.models import Event, EventState, Resync
from app.sync.passes.first_load import REASON as FIRST_LOAD
from app.wiring import Ponte

APP_KEY = "1000000000001"
APP_SECRET = "sandbox-app-secret"
USER_KEY = "sandbox-user-key"
VENDORS = "http://vendors.test"
SOON = 60.0
"""Seconds; a load that is due later waits for its window."""
ADMIN = {"Authorization": "Bearer test-admin-token"}
JsonObject = dict[str, Any]

EMBEDDED = pytest.mark.parametrize(
    "storage", ["embedded", pytest.param("split", marks=(pytest.mark.services, pytest.mark.slow))], indirect=True
)
"""For rules that do not depend on the storage: `make test` proves them on one set-up, `make test-all` on both."""

SPLIT = pytest.mark.parametrize(
    "storage", [pytest.param("embedded", marks=pytest.mark.slow), pytest.param("split", marks=pytest.mark.services)],
    indirect=True,
)  # fmt: skip
"""For whole roads of a sale or a pass: `make test` proves them where processes are split, `make test-all` on both."""


MORNING = {"hour": 8, "minute": 30, "second": 0, "microsecond": 0}
"""When every test begins, in Brazil: the off-hours window is closed for hours, so that a publish plans its comparison
but does not run beside the test. What a test sees does not depend on when it runs."""


def at_speed(speed: float) -> pytest.MarkDecorator:
    """Both clocks run this much faster, where a test waits long."""
    return pytest.mark.parametrize("speed", [speed], indirect=True)


class Tap(httpx.AsyncBaseTransport):
    """Writes down every call that the product makes to a vendor."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self.calls: list[tuple[str, JsonObject]] = []
        """Omie's method, or verb and first part of Ploomes' path, with the parameters or the query; in order."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        body = json.loads(content) if content else {}
        if "call" in body:
            self.calls.append((body["call"], body["param"][0]))
        else:
            name = request.url.path.removeprefix("/ploomes/").partition("(")[0]
            self.calls.append((f"{request.method} {name}", body or dict(request.url.params)))
        return await self._transport.handle_async_request(request)

    def of(self, *names: str) -> list[JsonObject]:
        """Parameters of the calls of some names."""
        return [param for name, param in self.calls if name in names]


class Rig:
    """Speaks to the product as an admin and to the vendors as people on their screens."""

    def __init__(self, ponte: Ponte, sandbox: Sandbox, api: httpx.AsyncClient, control: httpx.AsyncClient,
                 tap: Tap) -> None:  # fmt: skip
        self.ponte = ponte
        self.tap = tap
        self.sandbox = sandbox
        self.api = api
        self.control = control
        self.integration: JsonObject = {}
        self.app_key, self.app_secret, self.name = APP_KEY, APP_SECRET, "Loja"
        self._stop: asyncio.Event | None = None
        self._work: asyncio.Task[None] | None = None

    # --- the product ---------------------------------------------------------------------------------------------

    async def connect(self, *, start: str = "now", portal: bool = True) -> None:
        """Creates and activates an integration and registers the Omie webhook."""
        await self.create()
        await self.activate(start)
        if portal:
            await self.post(f"/sandbox/omie/{self.app_key}/webhooks", {"url": self.integration["webhook_urls"]["omie"]})
        await self.settle()

    async def neighbour(self, app_key: str, name: str) -> "Rig":
        """Another Omie company for the same Ploomes account, not connected yet; the worker is this rig's."""
        other = Rig(self.ponte, self.sandbox, self.api, self.control, self.tap)
        other.app_key, other.app_secret, other.name = app_key, f"secret-of-{app_key}", name
        await self.post("/sandbox/omie", {"app_key": app_key, "app_secret": other.app_secret})
        return other

    async def create(self) -> None:
        """Creates an integration that is not activated yet."""
        created = await self.api.post(
            "/api/v1/integrations",
            json={
                "name": self.name,
                "omie": {"app_key": self.app_key, "app_secret": self.app_secret},
                "ploomes": {"user_key": USER_KEY},
            },
        )
        assert created.status_code == 201, created.text
        self.integration = created.json()

    async def activate(self, start: str = "now") -> JsonObject:
        answer = await self.api.post(f"{self.path}/activate", json={"start": start}, timeout=60)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def path(self) -> str:
        return f"/api/v1/integrations/{self.integration['id']}"

    async def configure(self, **parts: Any) -> JsonObject:
        """Publishes the present document with some parts changed."""
        document = await self.get_json(f"{self.path}/config")
        for name, value in parts.items():
            document[name] = {**document[name], **value} if isinstance(value, dict) else value
        answer = await self.api.put(f"{self.path}/config", json=document)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def get_json(self, path: str, **params: Any) -> Any:
        answer = await self.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def picked_anew(self, kind: str) -> list[JsonObject]:
        """A picker's items as the vendor tells them from now on: equal requests keep their interval."""
        asked = self.ponte.clock.now()

        async def anew() -> httpx.Response | None:
            answer = await self.api.get(f"{self.path}/catalog/{kind}", params={"refresh": True})
            assert answer.status_code == 200, answer.text
            return answer if datetime.fromisoformat(answer.headers["X-Read-At"]) >= asked else None

        return list((await self.until(anew)).json())

    async def items(self, name: str, **params: Any) -> list[JsonObject]:
        return list((await self.get_json(f"{self.path}/{name}", **params))["items"])

    def start_worker(self) -> None:
        self._stop = asyncio.Event()
        self._work = asyncio.create_task(self.ponte.work(self._stop))

    async def stop_worker(self) -> None:
        if self._stop and self._work:
            self._stop.set()
            await self._work
            self._stop = self._work = None

    async def settle(self, seconds: float = 60.0) -> None:
        """Waits until every webhook is delivered, every load done and no event is due any more."""

        # asked twenty times a second, so of the book and the courier themselves: REST would keep a core busy
        integration = self.integration["id"]
        unsettled = or_(
            Event.state.in_((EventState.RECEIVED, EventState.PROCESSING)),
            and_(Event.state == EventState.WAITING, Event.due_at.is_not(None)),
        )
        events = select(Event.id).where(Event.integration_id == integration, unsettled).limit(1)
        loads = select(Resync.id).where(
            Resync.integration_id == integration,
            Resync.reason == FIRST_LOAD,
            or_(
                Resync.state == "running",
                and_(Resync.state == "scheduled", Resync.due_at <= self.ponte.clock.time() + SOON),
            ),
        ).limit(1)  # fmt: skip

        async def quiet() -> bool:
            if self.sandbox.courier.pending:
                return False
            async with self.ponte.db.read() as session:
                return await session.scalar(events) is None and await session.scalar(loads) is None

        await self.until(quiet, seconds, still=2)

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 30.0, *, still: int = 1) -> Any:
        """The condition's value once it is true (`still` times in a row)."""
        end, times = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            value = await condition()
            times = times + 1 if value else 0
            if times >= still:
                return value
            await asyncio.sleep(0.05)
        raise AssertionError(f"still not so after {seconds} s: {await self.describe()}")

    async def describe(self) -> str:
        events = [
            {k: e.get(k) for k in ("id", "vendor", "kind", "external_id", "state", "reason", "due_at")}
            for s in ("received", "processing", "waiting", "failed")
            for e in await self.items("events", state=s)
        ]
        return str(events)

    # --- the vendors ---------------------------------------------------------------------------------------------

    async def post(self, path: str, body: JsonObject, **params: Any) -> Any:
        answer = await self.control.post(path, json=body, params=params)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def omie_new(self, **fields: Any) -> JsonObject:
        """A person creates a client on Omie's screen."""
        return dict(await self.post(f"/sandbox/omie/{self.app_key}/screen/clients", fields, person="maria@loja.test"))

    async def seller_new(self, **fields: Any) -> str:
        """A seller in Omie; answers its code."""
        answer = await self.post(f"/sandbox/omie/{self.app_key}/screen/sellers", fields, person="maria@loja.test")
        return str(answer["codigo"])

    async def seller_edit(self, code: str, **fields: Any) -> None:
        path = f"/sandbox/omie/{self.app_key}/screen/sellers/{code}"
        answer = await self.control.patch(path, json=fields, params={"person": "maria@loja.test"})
        assert answer.is_success, answer.text

    async def user_new(self, **fields: Any) -> str:
        """A user of the Ploomes account; answers its id."""
        return await self.ploomes_new("Users", ProfileId=2, **fields)

    async def ploomes_new(self, name: str, **fields: Any) -> str:
        """A row of any Ploomes set, typed by a person; answers its id."""
        return str((await self.post(f"/sandbox/ploomes/{USER_KEY}/screen/{name}", fields))["Id"])

    async def ploomes_set(self, name: str) -> list[JsonObject]:
        return list((await self.control.get(f"/sandbox/ploomes/{USER_KEY}/{name}")).json())

    async def omie_edit(self, client_id: Any, **fields: Any) -> None:
        answer = await self.control.patch(
            f"/sandbox/omie/{self.app_key}/screen/clients/{client_id}",
            json=fields,
            params={"person": "maria@loja.test"},
        )
        assert answer.is_success, answer.text

    async def omie_delete(self, client_id: Any) -> None:
        answer = await self.control.delete(
            f"/sandbox/omie/{self.app_key}/screen/clients/{client_id}", params={"person": "maria@loja.test"}
        )
        assert answer.is_success, answer.text

    async def contact_new(self, **fields: Any) -> JsonObject:
        """A person creates a contact on Ploomes' screen."""
        return dict(await self.post(f"/sandbox/ploomes/{USER_KEY}/screen/Contacts", fields))

    async def contact_edit(self, contact_id: Any, **fields: Any) -> None:
        answer = await self.control.patch(f"/sandbox/ploomes/{USER_KEY}/screen/Contacts/{contact_id}", json=fields)
        assert answer.is_success, answer.text

    async def contact_delete(self, contact_id: Any) -> None:
        answer = await self.control.delete(f"/sandbox/ploomes/{USER_KEY}/screen/Contacts/{contact_id}")
        assert answer.is_success, answer.text

    async def omie_put(self, name: str, **fields: Any) -> JsonObject:
        """A person makes a record of any register on Omie's screen (`products`, `families`, `services`, ...)."""
        return dict(await self.post(f"/sandbox/omie/{self.app_key}/screen/{name}", fields, person="maria@loja.test"))

    async def omie_change(self, name: str, external_id: Any, **fields: Any) -> None:
        path = f"/sandbox/omie/{self.app_key}/screen/{name}/{external_id}"
        answer = await self.control.patch(path, json=fields, params={"person": "maria@loja.test"})
        assert answer.is_success, answer.text

    async def omie_remove(self, name: str, external_id: Any) -> None:
        path = f"/sandbox/omie/{self.app_key}/screen/{name}/{external_id}"
        answer = await self.control.delete(path, params={"person": "maria@loja.test"})
        assert answer.is_success, answer.text

    async def ploomes_change(self, name: str, external_id: Any, **fields: Any) -> None:
        path = f"/sandbox/ploomes/{USER_KEY}/screen/{name}/{external_id}"
        answer = await self.control.patch(path, json=fields)
        assert answer.is_success, answer.text

    async def ploomes_remove(self, name: str, external_id: Any) -> None:
        answer = await self.control.delete(f"/sandbox/ploomes/{USER_KEY}/screen/{name}/{external_id}")
        assert answer.is_success, answer.text

    async def clients(self) -> list[JsonObject]:
        return list((await self.control.get(f"/sandbox/omie/{self.app_key}/clients")).json())

    async def contacts(self) -> list[JsonObject]:
        return list((await self.control.get(f"/sandbox/ploomes/{USER_KEY}/Contacts")).json())

    async def client(self, client_id: Any) -> JsonObject | None:
        return next((c for c in await self.clients() if str(c["codigo_cliente_omie"]) == str(client_id)), None)

    async def contact(self, contact_id: Any) -> JsonObject | None:
        return next((c for c in await self.contacts() if str(c["Id"]) == str(contact_id)), None)

    async def pair_of_client(self, client_id: Any) -> JsonObject:
        """The contact linked to an Omie client."""
        link = await self.link("omie", client_id)
        contact = await self.contact(link["ploomes_id"])
        assert contact is not None
        return contact

    async def pair_of_contact(self, contact_id: Any) -> JsonObject:
        """The Omie client linked to a contact."""
        link = await self.link("ploomes", contact_id)
        client = await self.client(link["omie_id"])
        assert client is not None
        return client

    async def link(self, vendor: str, external_id: Any, entity: str = "clients") -> JsonObject:
        record = await self.get_json(f"{self.path}/records/{entity}/{vendor}/{external_id}")
        assert record["link"], record
        return dict(record["link"])

    async def why(self, vendor: str, external_id: Any) -> JsonObject:
        """The conditions of a record that do not hold, by name."""
        answer = await self.get_json(f"{self.path}/records/clients/{vendor}/{external_id}/why")
        return {c["name"]: c["detail"] for c in answer["conditions"] if not c["ok"]}

    async def issues(self, **params: Any) -> list[str]:
        """Causes of the open issues."""
        return sorted(issue["cause"] for issue in await self.items("issues", **params))

    async def issue(self, cause: str) -> JsonObject:
        """The one open issue of a cause."""
        [found] = await self.items("issues", cause=cause)
        return found

    async def retry(self, cause: str) -> None:
        """A person asks for another try and the work is done."""
        answer = await self.api.post(f"{self.path}/issues/{(await self.issue(cause))['id']}/retry")
        assert answer.status_code == 202, answer.text
        await self.settle()

    async def answer(self, cause: str, choice: str) -> None:
        """A person decides and the work is done."""
        path = f"{self.path}/issues/{(await self.issue(cause))['id']}/answer"
        answer = await self.api.post(path, json={"choice": choice})
        assert answer.status_code == 202, answer.text
        await self.settle()

    async def events_of(self, vendor: str, external_id: Any) -> list[JsonObject]:
        """Events of a record, newest first."""
        found = await self.items("events", vendor=vendor, limit=200)
        return [event for event in found if event["external_id"] == str(external_id)]

    async def changes(self, **params: Any) -> list[JsonObject]:
        return await self.items("changes", **params)

    async def quirk(self, **switches: Any) -> None:
        await self.post("/sandbox/quirks", switches)

    async def fault(self, kind: str, **rule: Any) -> None:
        await self.post("/sandbox/faults", {"kind": kind, **rule})

    async def writes(self) -> int:
        """How many requests that change something the vendors have had from the product."""
        reading = ("GET ", "Listar", "Consultar", "Pesquisar")
        return sum(not name.startswith(reading) for name, _ in self.tap.calls)

    async def counters(self) -> JsonObject:
        return dict((await self.control.get("/sandbox/counters")).json())

    async def refusals(self) -> JsonObject:
        """Every refusal of the vendors for limits, redundancy or blocks, by cause; empty is well."""
        found: JsonObject = {}
        for vendor, accounts in (await self.counters()).items():
            for account in accounts.values():
                for cause, count in account["refusals"].items():
                    if count:
                        found[f"{vendor}.{cause}"] = found.get(f"{vendor}.{cause}", 0) + count
        return found


def _closed_morning() -> datetime:
    """The last MORNING at which the window of a new integration is closed."""
    hours = OffHours()
    at = datetime.now(ZoneInfo(hours.time_zone)).replace(**MORNING)
    while hours.window().is_open(at):
        at -= timedelta(days=1)
    return at


@asynccontextmanager
async def running(
    settings: Settings, *, seed: str = "empty", speed: float = 10.0, worker: bool = True, **options: Any
) -> AsyncIterator[Rig]:
    """A rig with everything started, ended in order; both clocks begin in the MORNING."""
    doors: dict[str, Any] = {}

    async def to_ponte(scope: Any, receive: Any, send: Any) -> None:
        await doors["app"](scope, receive, send)

    deliver = httpx.AsyncClient(transport=httpx.ASGITransport(app=to_ponte), base_url="http://ponte.test")
    sandbox = Sandbox(seed=seed, speed=speed, deliver=deliver)
    morning = _closed_morning().timestamp()
    real = time.time()
    # the moment at which a clock that runs `speed` times faster, and shows the morning now, agrees with a real one
    settings = settings.model_copy(update={"clock_origin": (morning - speed * real) / (1.0 - speed)})
    sandbox.clock.advance(morning - sandbox.clock.time())
    vendors = httpx.ASGITransport(app=sandbox.asgi)
    tap = Tap(vendors)
    ponte = Ponte(settings, transport=tap, **options)
    doors["app"] = create_app(ponte)
    await sandbox.start()
    async with (
        deliver,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=doors["app"]), base_url="http://ponte.test", headers=ADMIN
        ) as api,
        httpx.AsyncClient(transport=vendors, base_url=VENDORS) as control,
    ):
        rig = Rig(ponte, sandbox, api, control, tap)
        if worker:
            rig.start_worker()
        try:
            yield rig
        finally:
            await rig.stop_worker()
            await sandbox.stop()
            await ponte.close()
