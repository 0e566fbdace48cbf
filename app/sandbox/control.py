"""The control surface at /sandbox/: data, screens, trouble, switches, counters and post, as JSON without a key."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .hands import OmieHands, PloomesHands, Rejected
from .omie.company import Company
from .ploomes.account import Account
from .seeds.twins import twins
from .traffic import Traffic
from .wire import Row, dumps, loads
from .world import World

Handler = Callable[[Request], Awaitable[Any]]
Reset = Callable[[str], Awaitable[None]]


def answer(value: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(dumps(value), status, media_type="application/json")


def _guarded(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Turns what a handler returns or raises into an answer."""

    async def serve(request: Request) -> Response:
        try:
            result = await handler(request)
        except Rejected as rejected:
            return answer({"detail": rejected.text}, rejected.status)
        except (ValueError, TypeError) as error:
            return answer({"detail": str(error)}, 422)
        return result if isinstance(result, Response) else answer(result)

    return serve


async def body_of(request: Request) -> Row:
    """The JSON object of a request, {} when empty; raises ValueError."""
    raw = await request.body()
    body = loads(raw) if raw.strip() else {}
    if not isinstance(body, dict):
        raise ValueError("O corpo deve ser um objeto JSON.")
    return body


def routes(world: World, traffic: Traffic, reset: Reset) -> list[Route]:
    """Every JSON route of the control surface."""
    surface = Surface(world, traffic, reset)
    table: list[tuple[str, str, Handler]] = [
        ("POST", "/reset", surface.reset),
        ("POST", "/clock", surface.clock),
        ("POST", "/twins", surface.twins),
        ("GET", "/quirks", surface.quirks),
        ("POST", "/quirks", surface.set_quirks),
        ("DELETE", "/quirks", surface.clear_quirks),
        ("GET", "/faults", surface.faults),
        ("POST", "/faults", surface.add_fault),
        ("DELETE", "/faults", surface.remove_faults),
        ("DELETE", "/faults/{id:int}", surface.remove_faults),
        ("GET", "/counters", surface.counters),
        ("DELETE", "/counters", surface.clear_counters),
        ("GET", "/deliveries", surface.deliveries),
        ("DELETE", "/deliveries", surface.clear_deliveries),
        ("GET", "/traffic", surface.traffic),
        ("POST", "/traffic", surface.set_traffic),
        ("GET", "/omie", surface.companies),
        ("POST", "/omie", surface.add_company),
        ("POST", "/omie/{app_key}/credentials", surface.credentials),
        ("GET", "/omie/{app_key}/webhooks", surface.webhooks),
        ("POST", "/omie/{app_key}/webhooks", surface.add_webhook),
        ("DELETE", "/omie/{app_key}/webhooks", surface.remove_webhooks),
        ("DELETE", "/omie/{app_key}/webhooks/{id:int}", surface.remove_webhooks),
        ("PATCH", "/omie/{app_key}/catalogs/{set}/{code}", surface.omie_catalog),
        ("POST", "/omie/{app_key}/screen/stock", surface.omie_move_stock),
        ("POST", "/omie/{app_key}/screen/{set}", surface.omie_create),
        ("PATCH", "/omie/{app_key}/screen/{set}/{id:int}", surface.omie_edit),
        ("DELETE", "/omie/{app_key}/screen/{set}/{id:int}", surface.omie_delete),
        ("POST", "/omie/{app_key}/screen/{set}/{id:int}/movements", surface.omie_movements),
        ("POST", "/omie/{app_key}/screen/{set}/{id:int}/{act}", surface.omie_act),
        ("GET", "/omie/{app_key}/{set}", surface.omie_records),
        ("GET", "/omie/{app_key}/{set}/{id:int}", surface.omie_record),
        ("GET", "/ploomes", surface.accounts),
        ("POST", "/ploomes", surface.add_account),
        ("POST", "/ploomes/{user_key}/screen/{set}", surface.ploomes_create),
        ("PATCH", "/ploomes/{user_key}/screen/{set}/{id}", surface.ploomes_edit),
        ("DELETE", "/ploomes/{user_key}/screen/{set}/{id}", surface.ploomes_delete),
        ("GET", "/ploomes/{user_key}/{set}", surface.ploomes_records),
        ("GET", "/ploomes/{user_key}/{set}/{id}", surface.ploomes_record),
    ]
    return [Route(f"/sandbox{path}", _guarded(handler), methods=[verb]) for verb, path, handler in table]


class Surface:
    """The handlers; each returns what is to be answered as JSON."""

    def __init__(self, world: World, traffic: Traffic, reset: Reset) -> None:
        self._world = world
        self._kernel = world.kernel
        self._traffic = traffic
        self._reset = reset

    def company(self, request: Request) -> Company:
        """The Omie app of the path; raises Rejected (404)."""
        company = self._world.companies.get(request.path_params["app_key"])
        if company is None:
            raise Rejected(404, "Aplicativo Omie desconhecido.")
        return company

    def account(self, request: Request) -> Account:
        """The Ploomes account of the path; raises Rejected (404)."""
        for account in self._world.accounts.values():
            if account.user_by_key(request.path_params["user_key"]):
                return account
        raise Rejected(404, "Conta Ploomes desconhecida.")

    # The sandbox itself

    async def reset(self, request: Request) -> Row:
        """Data, switches, rules, counters, webhooks and post back to a seed."""
        seed = str((await body_of(request)).get("seed", self._world.seed))
        await self._reset(seed)
        return {"seed": seed}

    async def clock(self, request: Request) -> Row:
        """Pushes the clock forward."""
        seconds = float((await body_of(request)).get("advance_seconds", 0))
        self._kernel.clock.advance(max(0.0, seconds))
        return {"now": self._kernel.clock.now(), "speed": self._kernel.clock.speed}

    async def twins(self, request: Request) -> Response:
        """Many equal clients on both sides: `{"app_key", "user_key", "count", "field"}`."""
        body = await body_of(request)
        company = self._world.companies.get(str(body.get("app_key")))
        account = next((a for a in self._world.accounts.values() if a.user_by_key(str(body.get("user_key")))), None)
        count = body.get("count")
        if company is None or account is None or not isinstance(count, int) or not body.get("field"):
            raise ValueError("Informe app_key, user_key, count e field.")
        twins(company, account, count, str(body["field"]))
        return answer({"count": count}, 201)

    async def quirks(self, _request: Request) -> Row:
        """The switches."""
        return self._kernel.quirks.all()

    async def set_quirks(self, request: Request) -> Row:
        """Sets some switches."""
        self._kernel.quirks.set(await body_of(request))
        return self._kernel.quirks.all()

    async def clear_quirks(self, _request: Request) -> Row:
        """Back to the defaults."""
        self._kernel.quirks.clear()
        return self._kernel.quirks.all()

    async def faults(self, _request: Request) -> list[Row]:
        """The trouble rules in force."""
        return self._kernel.trouble.all()

    async def add_fault(self, request: Request) -> Response:
        """Adds a trouble rule."""
        rule = self._kernel.trouble.add(await body_of(request))
        return answer({"id": rule.id}, 201)

    async def remove_faults(self, request: Request) -> Response:
        """Removes one rule, or all."""
        self._kernel.trouble.remove(request.path_params.get("id"))
        return Response(status_code=204)

    async def counters(self, _request: Request) -> Row:
        """What was asked and refused."""
        return self._kernel.counters.report()

    async def clear_counters(self, _request: Request) -> Response:
        """Counts anew."""
        self._kernel.counters.clear()
        return Response(status_code=204)

    async def deliveries(self, _request: Request) -> Row:
        """Webhooks pending, done and dead."""
        return self._kernel.courier.report()

    async def clear_deliveries(self, _request: Request) -> Response:
        """Forgets the log of finished deliveries."""
        self._kernel.courier.log.clear()
        return Response(status_code=204)

    async def traffic(self, _request: Request) -> Row:
        """Whether people are at work."""
        return {"every_seconds": self._traffic.every_seconds, "done": self._traffic.done}

    async def set_traffic(self, request: Request) -> Row:
        """Starts or stops people's edits."""
        every = (await body_of(request)).get("every_seconds")
        if every is None:
            await self._traffic.stop()
        elif float(every) <= 0:
            raise ValueError("every_seconds deve ser maior que zero.")
        else:
            self._traffic.start(float(every))
        return await self.traffic(request)

    # Omie

    async def companies(self, _request: Request) -> list[str]:
        """The app keys."""
        return list(self._world.companies)

    async def add_company(self, request: Request) -> Response:
        """Another Omie app."""
        body = await body_of(request)
        if not body.get("app_key") or not body.get("app_secret"):
            raise ValueError("Informe app_key e app_secret.")
        company = self._world.add_company(str(body["app_key"]), str(body["app_secret"]))
        return answer({"app_key": company.app_key}, 201)

    async def credentials(self, request: Request) -> Row:
        """Changes an app's secret."""
        secret = (await body_of(request)).get("app_secret")
        if not secret:
            raise ValueError("Informe app_secret.")
        self.company(request).app_secret = str(secret)
        return {"app_key": request.path_params["app_key"]}

    async def webhooks(self, request: Request) -> list[Row]:
        """The portal's webhooks of an app."""
        return [vars(subscription) for subscription in self.company(request).subscriptions]

    async def add_webhook(self, request: Request) -> Response:
        """Registers a webhook in the portal, which pings it."""
        body = await body_of(request)
        topics = body.get("topics")
        if not isinstance(body.get("url"), str) or not (topics is None or isinstance(topics, list)):
            raise ValueError("Informe url e, se quiser, a lista topics.")
        return answer(vars(self.company(request).subscribe(body["url"], topics)), 201)

    async def remove_webhooks(self, request: Request) -> Response:
        """Removes one webhook, or all of the app."""
        company, wanted = self.company(request), request.path_params.get("id")
        company.subscriptions = [s for s in company.subscriptions if wanted is not None and s.id != wanted]
        return Response(status_code=204)

    def _omie(self, request: Request) -> OmieHands:
        return OmieHands(self.company(request), request.query_params.get("person"))

    async def omie_records(self, request: Request) -> list[Row]:
        """Every record of a register or catalogue."""
        return self._omie(request).records(request.path_params["set"])

    async def omie_record(self, request: Request) -> Row:
        """One record."""
        return self._omie(request).record(request.path_params["set"], request.path_params["id"])

    async def omie_create(self, request: Request) -> Response:
        """A person types a new record."""
        return answer(self._omie(request).create(request.path_params["set"], await body_of(request)), 201)

    async def omie_edit(self, request: Request) -> Row:
        """A person changes a record."""
        path = request.path_params
        return self._omie(request).edit(path["set"], path["id"], await body_of(request))

    async def omie_delete(self, request: Request) -> Response:
        """A person deletes a record."""
        self._omie(request).delete(request.path_params["set"], request.path_params["id"])
        return Response(status_code=204)

    async def omie_catalog(self, request: Request) -> Row:
        """Changes a row of a catalogue: a stage's name, the company's tax regime."""
        path = request.path_params
        return self._omie(request).set_catalog(path["set"], path["code"], await body_of(request))

    async def omie_move_stock(self, request: Request) -> Row:
        """A person moves stock: `{"product", "location", "kind", "quantity", "cost", "minimum", "reserved", "to"}`."""
        return self._omie(request).move_stock(await body_of(request))

    async def omie_act(self, request: Request) -> Row:
        """A person changes a document's stage, invoices, cancels, returns or tracks it."""
        path = request.path_params
        return self._omie(request).act(path["set"], path["id"], path["act"], await body_of(request))

    async def omie_movements(self, request: Request) -> Response:
        """Flags a record as having orders or titles: `{"movements": true}`."""
        path, body = request.path_params, await body_of(request)
        self._omie(request).set_movements(path["set"], path["id"], bool(body.get("movements", True)))
        return Response(status_code=204)

    # Ploomes

    async def accounts(self, _request: Request) -> list[Row]:
        """The accounts: id and user key."""
        return [{"account_id": a.id, "user_key": a.user_key} for a in self._world.accounts.values()]

    async def add_account(self, request: Request) -> Response:
        """Another Ploomes account."""
        user_key = (await body_of(request)).get("user_key")
        if not user_key:
            raise ValueError("Informe user_key.")
        account = self._world.add_account(str(user_key))
        return answer({"user_key": account.user_key, "account_id": account.id}, 201)

    def _ploomes(self, request: Request) -> PloomesHands:
        return PloomesHands(self.account(request), request.query_params.get("person"))

    async def ploomes_records(self, request: Request) -> list[Row]:
        """Every record of a set with its child rows."""
        return self._ploomes(request).records(request.path_params["set"])

    async def ploomes_record(self, request: Request) -> Row:
        """One record."""
        return self._ploomes(request).record(request.path_params["set"], request.path_params["id"])

    async def ploomes_create(self, request: Request) -> Response:
        """A person types a new record."""
        return answer(self._ploomes(request).create(request.path_params["set"], await body_of(request)), 201)

    async def ploomes_edit(self, request: Request) -> Row:
        """A person changes a record."""
        path = request.path_params
        return self._ploomes(request).edit(path["set"], path["id"], await body_of(request))

    async def ploomes_delete(self, request: Request) -> Response:
        """A person deletes a record."""
        self._ploomes(request).delete(request.path_params["set"], request.path_params["id"])
        return Response(status_code=204)
