"""A test record walked through a live integration and removed again, step by step, as a pass of its own (F267).

A person is made in Ploomes, must be linked and equal in Omie, must have made Omie post to us, and is deleted again.
Products, services and stock are only ever made in Omie, where nothing of ours is written, so one linked pair of each is
compared anew. A sale of the test client is made, changed and taken back when that is asked for (`self_test_sale`).
What every step found is in the pass's progress.
"""

from collections.abc import Mapping

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, UserError
from app.core.ports import Gateway, JsonObject, Key, Priority, Vendor
from app.sync import links
from app.sync.config.store import ConfigStore
from app.sync.desk.requests import Requests
from app.sync.lookups import known
from app.sync.mapping.fields import completed
from app.sync.models import Event, EventState, Integration, Resync
from app.sync.passes.passes import Road, Step, Turn, stop
from app.sync.passes.self_test_checks import LOOK_SECONDS, NAME, PATIENCE_SECONDS, check, heard_of, tell, whereabouts
from app.sync.passes.self_test_sale import SALES, SelfTestSale, condition_patch, newest
from app.sync.vendors import Gateways

LOOKED_AT = ("products", "services", "stock")
"""Entities that only Omie makes: an existing pair of theirs is compared anew."""
SAO_PAULO = "3550308"
"""Its IBGE code."""
LABELS = {"products": "Produto", "services": "Serviço", "stock": "Estoque de um produto"}
SETTLED_WELL = (EventState.DONE, EventState.ECHO, EventState.SUPERSEDED)
REASON = "self_test"
FAILED = "self_test_failed"
OPEN = ("scheduled", "running")


def test_document(number: int) -> str:
    """A valid CPF for a test record, from a range that nobody is given. Pure."""
    digits = [int(sign) for sign in f"{999_000_000 + number % 1_000_000:09d}"]
    for length in (9, 10):
        total = sum(digit * (length + 1 - at) for at, digit in enumerate(digits[:length]))
        digits.append((total * 10 % 11) % 10)
    return "".join(str(digit) for digit in digits)


class SelfTest:
    """Plans self-tests, and is the road they go."""

    def __init__(
        self, db: Database, clock: Clock, gateways: Gateways, configs: ConfigStore, requests: Requests
    ) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs
        self._requests = requests
        self._sale = SelfTestSale(db, clock, gateways, configs)

    async def start(self, integration: Integration, *, sales: bool = False) -> Resync:
        """A new run, with a sale where that is wished for. Raises UserError 409 while one runs, or while the
        integration does not work."""
        if integration.activated_at is None or integration.state not in ("active", "awaiting_first_webhook"):
            raise UserError(409, "Integração parada", "Ative a integração antes do autoteste.")
        async with self._db.transaction() as session:
            running = await session.scalar(
                select(Resync.id).where(
                    Resync.integration_id == integration.id, Resync.reason == REASON, Resync.state.in_(OPEN)
                )
            )
            if running is not None:
                raise UserError(409, "Autoteste em andamento", f"O autoteste {running} ainda não terminou.")
            now = self._clock.now()
            row = Resync(
                integration_id=integration.id,
                state="scheduled",
                reason=REASON,
                entities=["clients", *LOOKED_AT, *(SALES if sales else ())],
                dry_run=False,
                force=True,
                start="now",
                cursor={},
                plan={},
                progress={"done": 0, "total": 9 if sales else 5, "checks": []},
                written={},
                requests_used={},
                due_at=now.timestamp(),
                created_at=now,
            )
            session.add(row)
        return row

    def road(self) -> Road:
        """How a run goes."""
        first: Mapping[str, Step] = {
            "look": self._look,
            "looked": self._looked,
            "create": self._create,
            "arrive": self._arrive,
            "heard": self._heard,
        }
        last: Mapping[str, Step] = {"remove": self._remove, "gone": self._gone}
        short, long = {**first, **last}, {**first, **self._sale.steps(), **last}
        return Road(steps=lambda row: long if _sells(row) else short, failed=FAILED)

    async def _look(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """Asks for another look at the newest linked pair of what only Omie makes."""
        config = await self._configs.get(integration.id)
        asked: dict[str, int | None] = {}
        for entity in LOOKED_AT:
            if getattr(config.entities, entity):
                async with self._db.read() as session:
                    omie_id = await newest(session, integration.id, "products" if entity == "stock" else entity)
                event = await self._requests.sync(integration.id, "omie", entity, omie_id) if omie_id else None
                asked[entity] = event.id if event is not None else None
        async with turn.commit(None) as (_, run):
            run.plan = {"asked": asked, "since": self._clock.time()}

    async def _looked(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """What these looks found; by now both sides of each pair are equal."""
        asked: dict[str, int | None] = dict(row.plan["asked"])
        async with self._db.read() as session:
            events = {
                entity: await session.get(Event, event_id) if event_id else None for entity, event_id in asked.items()
            }
        late = self._clock.time() - float(row.plan["since"]) > PATIENCE_SECONDS
        if not late and any(event is not None and event.due_at is not None for event in events.values()):
            raise Postponed(LOOK_SECONDS, "os registros ainda estão sendo conferidos")
        async with turn.commit(None) as (_, run):
            tell(run, *(_look_of(entity, event) for entity, event in events.items()))

    async def _create(self, integration: Integration, row: Resync, turn: Turn) -> None:
        document = test_document(row.id)
        config = await self._configs.get(integration.id)
        problem = await self._unfit(integration, document, clients=config.entities.clients)
        if problem is not None:
            async with turn.commit(None) as (_, run):
                tell(run, check("Cliente de teste", False, problem))
                stop(run, "completed")
                run.finished_at = self._clock.now()
            return
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        made = await ploomes.find("clients", Key("document", document))  # a run that died here made it already
        body: JsonObject = {"TypeId": 2, "Name": f"{NAME} {row.id}", "Register": document, "Email": "teste@example.com"}
        if _sells(row):
            body |= await _address(ploomes)
        body = completed(body, await condition_patch(ploomes, config.scope.clients))
        contact = made[0].id if made else (await ploomes.write("clients", "create", None, body)).id
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "contact": contact, "document": document, "since": self._clock.time()}
            tell(run, check("Cliente criado no Ploomes", True, f"Contato {contact}."))

    async def _arrive(self, integration: Integration, row: Resync, turn: Turn) -> None:
        contact = str(row.plan["contact"])
        async with self._db.read() as session:
            link = await links.find(session, integration.id, "clients", Vendor.PLOOMES, contact)
            there = await whereabouts(session, integration.id, "clients", contact)
        late = self._clock.time() - float(row.plan["since"]) > PATIENCE_SECONDS
        if link is None and not (late or there.rests):
            raise Postponed(LOOK_SECONDS, "o registro de teste ainda está a caminho")
        found = check("Cliente chegou ao Omie", link is not None, f"Código {link.omie_id}." if link else there.reason)
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "client": link.omie_id if link else None}
            tell(run, found)

    async def _heard(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """Omie posts what an API made, too: if nothing came, its webhook is not registered."""
        client = row.plan.get("client")
        async with self._db.read() as session:
            posted = client is not None and await heard_of(session, integration.id, str(client))
        late = self._clock.time() - float(row.plan["since"]) > PATIENCE_SECONDS
        if not posted and not late and client is not None:
            raise Postponed(LOOK_SECONDS, "o registro de teste ainda está a caminho")
        text = "O Omie avisou da mudança." if posted else "Nenhum aviso do Omie: cadastre o webhook no portal do Omie."
        async with turn.commit(None) as (_, run):
            tell(run, check("Webhook do Omie", posted, text))

    async def _remove(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """Both halves are deleted here: the test must leave nothing behind, whatever the policy says of deletes."""
        omie, ploomes = self._gateways.open(integration, Priority.PERSON)
        await ploomes.write("clients", "delete", str(row.plan["contact"]), {})
        client = row.plan.get("client")
        config = await self._configs.get(integration.id)
        if client and config.deletes.clients != "mirror":
            await omie.write("clients", "delete", str(client), {})
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "since": self._clock.time()}

    async def _gone(self, integration: Integration, row: Resync, turn: Turn) -> None:
        contact, client = str(row.plan["contact"]), row.plan.get("client")
        async with self._db.read() as session:
            link = await links.find(session, integration.id, "clients", Vendor.PLOOMES, contact)
        late = self._clock.time() - float(row.plan["since"]) > PATIENCE_SECONDS
        if link is not None and not late:
            raise Postponed(LOOK_SECONDS, "o registro de teste ainda está a caminho")
        if link is not None and client:
            await self._gateways.open(integration, Priority.PERSON)[0].write("clients", "delete", str(client), {})
        text = (
            "Nada ficou para trás." if link is None else "A exclusão não foi espelhada; o cliente foi excluído à parte."
        )
        async with turn.commit(None) as (_, run):
            tell(run, check("Cliente de teste removido", link is None, text))

    async def _unfit(self, integration: Integration, document: str, *, clients: bool) -> str | None:
        if not clients:
            return "A sincronização de clientes está desligada; nada foi testado."
        async with self._db.read() as session:
            taken = await known.find(session, integration.id, Vendor.OMIE, "clients", document)
        return f"O CPF de teste {document} já existe no Omie; nada foi criado." if taken else None


def _sells(row: Resync) -> bool:
    return set(SALES) <= set(row.entities)


def _look_of(entity: str, event: Event | None) -> JsonObject:
    if event is None:
        return check(LABELS[entity], True, "Nenhum registro vinculado ainda; nada foi conferido.")
    ok = event.state in SETTLED_WELL
    return check(LABELS[entity], ok, f"{event.external_id}: {event.reason or 'conferido nos dois lados.'}")


async def _address(ploomes: Gateway) -> JsonObject:
    """Where a client lives that buys: Omie asks for city, state and number."""
    cities = await ploomes.find("cities", Key("ibge", SAO_PAULO))
    city = {"CityId": cities[0].data["Id"], "StateId": cities[0].data.get("StateId")} if cities else {}
    street = {"StreetAddress": "Rua de teste", "StreetAddressNumber": "1", "Neighborhood": "Centro", "ZipCode": 1001000}
    return {**street, **city}
