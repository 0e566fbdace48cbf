"""A test record walked through a live integration and removed again, step by step, as a pass of its own (F267).

A person is made in Ploomes, must be linked and equal in Omie, must have made Omie post to us, and is deleted again.
Products and services are only ever made in Omie, so one linked pair is looked at; sales are not made up: their
documents could not be taken back. What every step found is in the pass's progress.
"""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed, UserError
from app.core.ports import JsonObject, Key, Priority, Vendor
from app.sync import links
from app.sync.config.scope import patch_for
from app.sync.config.store import ConfigStore
from app.sync.lookups import known
from app.sync.models import Event, EventSource, Integration, Link, Resync
from app.sync.passes.passes import Road, Step, Turn, stop
from app.sync.vendors import Gateways

REASON = "self_test"
FAILED = "self_test_failed"
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 3.0
NAME = "Registro de teste Ponte"
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

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs

    async def start(self, integration: Integration) -> Resync:
        """A new run. Raises UserError 409 while one runs, or while the integration does not work."""
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
                entities=["clients"],
                dry_run=False,
                force=True,
                start="now",
                cursor={},
                plan={},
                progress={"done": 0, "total": 5, "checks": []},
                written={},
                requests_used={},
                due_at=now.timestamp(),
                created_at=now,
            )
            session.add(row)
        return row

    def road(self) -> Road:
        """How a run goes."""
        table: Mapping[str, Step] = {
            "look": self._look,
            "create": self._create,
            "arrive": self._arrive,
            "heard": self._heard,
            "remove": self._remove,
            "gone": self._gone,
        }
        return Road(steps=lambda row: table, failed=FAILED)

    async def _look(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """Linked pairs of what only Omie makes."""
        config = await self._configs.get(integration.id)
        found = []
        async with self._db.read() as session:
            for entity, label in (("products", "Produtos"), ("services", "Serviços"), ("orders", "Vendas")):
                if getattr(config.entities, entity):
                    count = await session.scalar(
                        select(func.count(Link.id)).where(
                            Link.integration_id == integration.id,
                            Link.entity == entity,
                            Link.state.in_(links.LIVING),
                        )
                    )
                    found.append(_check(label, True, f"{count or 0} registro(s) vinculado(s)."))
        async with turn.commit(None) as (_, run):
            _tell(run, *found)

    async def _create(self, integration: Integration, row: Resync, turn: Turn) -> None:
        document = test_document(row.id)
        config = await self._configs.get(integration.id)
        problem = await self._unfit(integration, document, clients=config.entities.clients)
        if problem is not None:
            async with turn.commit(None) as (_, run):
                _tell(run, _check("Cliente de teste", False, problem))
                stop(run, "completed")
                run.finished_at = self._clock.now()
            return
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        made = await ploomes.find("clients", Key("document", document))  # a run that died here made it already
        body: JsonObject = {"TypeId": 2, "Name": f"{NAME} {row.id}", "Register": document, "Email": "teste@example.com"}
        if config.scope.clients is not None:
            field = await ploomes.fetch("fields", config.scope.clients.field_key)
            body |= patch_for(config.scope.clients, field.data if field is not None else None)
        contact = made[0].id if made else (await ploomes.write("clients", "create", None, body)).id
        async with turn.commit(None) as (_, run):
            run.plan = {"contact": contact, "document": document, "since": self._clock.time()}
            _tell(run, _check("Cliente criado no Ploomes", True, f"Contato {contact}."))

    async def _arrive(self, integration: Integration, row: Resync, turn: Turn) -> None:
        contact = str(row.plan["contact"])
        async with self._db.read() as session:
            link = await links.find(session, integration.id, "clients", Vendor.PLOOMES, contact)
            reason = await _last_reason(session, integration.id, contact)
        late = self._clock.time() - float(row.plan["since"]) > PATIENCE_SECONDS
        if link is None and not late:
            raise Postponed(LOOK_SECONDS, "o registro de teste ainda está a caminho")
        check = _check("Cliente chegou ao Omie", link is not None, f"Código {link.omie_id}." if link else reason)
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "client": link.omie_id if link else None}
            _tell(run, check)

    async def _heard(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """Omie posts what an API made, too: if nothing came, its webhook is not registered."""
        client = row.plan.get("client")
        async with self._db.read() as session:
            posted = client is not None and await _heard_of(session, integration.id, str(client))
        late = self._clock.time() - float(row.plan["since"]) > PATIENCE_SECONDS
        if not posted and not late and client is not None:
            raise Postponed(LOOK_SECONDS, "o registro de teste ainda está a caminho")
        text = "O Omie avisou da mudança." if posted else "Nenhum aviso do Omie: cadastre o webhook no portal do Omie."
        async with turn.commit(None) as (_, run):
            _tell(run, _check("Webhook do Omie", posted, text))

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
            _tell(run, _check("Cliente de teste removido", link is None, text))

    async def _unfit(self, integration: Integration, document: str, *, clients: bool) -> str | None:
        if not clients:
            return "A sincronização de clientes está desligada; nada foi testado."
        async with self._db.read() as session:
            taken = await known.find(session, integration.id, Vendor.OMIE, "clients", document)
        return f"O CPF de teste {document} já existe no Omie; nada foi criado." if taken else None


def _check(name: str, ok: bool, detail: str) -> JsonObject:
    return {"name": name, "ok": ok, "detail": detail}


def _tell(run: Resync, *checks: JsonObject) -> None:
    progress = dict(run.progress)
    told = [*progress.get("checks", []), *checks]
    failed = [check for check in told if not check["ok"]]
    run.progress = {**progress, "checks": told, "done": progress.get("done", 0) + 1, "ok": not failed}


async def _heard_of(session: AsyncSession, integration_id: int, client: str) -> bool:
    """Omie has posted about a client."""
    query = select(Event.id).where(
        Event.integration_id == integration_id,
        Event.vendor == Vendor.OMIE.value,
        Event.entity == "clients",
        Event.external_id == client,
        Event.source == EventSource.WEBHOOK,
    )
    return (await session.execute(query.limit(1))).first() is not None


async def _last_reason(session: AsyncSession, integration_id: int, contact: str) -> str:
    query = (
        select(Event.reason)
        .where(
            Event.integration_id == integration_id,
            Event.vendor == Vendor.PLOOMES.value,
            Event.entity == "clients",
            Event.external_id == contact,
        )
        .order_by(Event.id.desc())
        .limit(1)
    )
    row = (await session.execute(query)).first()
    if row is None:
        return "Nenhum aviso do Ploomes chegou: confira se PUBLIC_URL pode ser alcançado de fora."
    return row[0] or "O aviso do Ploomes ainda está na fila."
