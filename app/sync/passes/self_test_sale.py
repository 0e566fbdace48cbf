"""The part of a self-test that sells: a sale of the test client becomes documents, is changed, taken back (F267).

Only when asked for: the documents take a number in Omie, although nothing else of them stays.
"""

from collections.abc import Mapping
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Postponed
from app.core.ports import Gateway, JsonObject, Key, Priority, Vendor
from app.sync import links
from app.sync.config.document import Config, StageCondition
from app.sync.config.scope import patch_for
from app.sync.config.sharing import Condition
from app.sync.config.store import ConfigStore
from app.sync.lookups import known
from app.sync.mapping.fields import completed
from app.sync.models import Integration, Link, Resync, WriteEntry, WriteState
from app.sync.passes.passes import Step, Turn
from app.sync.passes.self_test_checks import LOOK_SECONDS, NAME, PATIENCE_SECONDS, check, tell, whereabouts
from app.sync.vendors import Gateways

SALES = ("orders", "service_orders")
"""Entities of a self-test that sells too."""
PRICE = Decimal(1)
CANDIDATES = 20
"""Linked products that are looked at for an active one."""
LINE = ("Id", "ProductId", "Quantity", "UnitPrice", "Discount", "Total")
_ON_ITS_WAY = "a venda de teste ainda está a caminho"


class SelfTestSale:
    """The steps of the sale; the client of `plan` has arrived in Omie."""

    def __init__(self, db: Database, clock: Clock, gateways: Gateways, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._gateways = gateways
        self._configs = configs

    def steps(self) -> Mapping[str, Step]:
        """By name, in order."""
        return {
            "sell": self._sell,
            "sold": self._sold,
            "change": self._change,
            "changed": self._changed,
            "take_back": self._take_back,
            "taken_back": self._taken_back,
        }

    async def _sell(self, integration: Integration, row: Resync, turn: Turn) -> None:
        config = await self._configs.get(integration.id)
        lines = await self._lines(integration, config)
        problem = None
        if not row.plan.get("client"):
            problem = "O cliente de teste não chegou ao Omie; nada foi vendido."
        elif not config.orders.send_to_omie:
            problem = "A configuração não envia vendas ao Omie (orders.send_to_omie)."
        elif not lines:
            problem = "Nenhum produto ou serviço ativo vinculado; nada foi vendido."
        if problem is not None:
            async with turn.commit(None) as (_, run):
                turn.goto = "remove"
                tell(run, check("Venda de teste", False, problem))
            return
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        contact = str(row.plan["contact"])
        made = await ploomes.find("orders", Key("contact_id", contact))  # a run that died here made it already
        body: JsonObject = {}
        for condition in (config.scope.orders, config.orders.send_when):
            body = completed(body, await condition_patch(ploomes, condition))
        rows = [{**line, "Quantity": 1, "Total": PRICE} for line in lines.values()]
        given = {"ContactId": int(contact), "CurrencyId": 1, "Discount": 0, "Description": f"{NAME} {row.id}"}
        body = completed(body, {**given, "Products": rows, "Amount": PRICE * len(rows)})
        sale = made[0].id if made else (await ploomes.write("orders", "create", None, body)).id
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "sale": sale, "documents": dict.fromkeys(lines), "since": self._clock.time()}
            tell(run, check("Venda criada no Ploomes", True, f"Venda {sale}."))

    async def _sold(self, integration: Integration, row: Resync, turn: Turn) -> None:
        sale, documents = str(row.plan["sale"]), dict(row.plan["documents"])
        async with self._db.read() as session:
            for entity in documents:
                link = await links.find(session, integration.id, entity, Vendor.PLOOMES, sale)
                documents[entity] = link.omie_id if link is not None else None
            there = await whereabouts(session, integration.id, "orders", sale)
        arrived = all(documents.values())
        self._wait(row, arrived or there.rests)
        text = ", ".join(f"{NOUNS[entity]} {omie_id}" for entity, omie_id in documents.items() if omie_id)
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "documents": documents}
            turn.goto = None if arrived else "take_back"
            tell(run, check("Venda chegou ao Omie", arrived, f"Criado: {text}." if arrived else there.reason))

    async def _change(self, integration: Integration, row: Resync, turn: Turn) -> None:
        ploomes, sale = self._gateways.open(integration, Priority.PERSON)[1], str(row.plan["sale"])
        record = await ploomes.fetch("orders", sale)
        lines = record.data["Products"] if record is not None else ()
        rows = [{**{name: line[name] for name in LINE}, "Quantity": 2, "Total": PRICE * 2} for line in lines]
        since = self._clock.time()
        await ploomes.write("orders", "update", sale, {"Products": rows, "Amount": PRICE * 2 * len(rows)})
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "since": since}

    async def _changed(self, integration: Integration, row: Resync, turn: Turn) -> None:
        async with self._db.read() as session:
            written = [
                await _written_since(session, integration.id, str(omie_id), float(row.plan["since"]))
                for omie_id in row.plan["documents"].values()
            ]
            there = await whereabouts(session, integration.id, "orders", str(row.plan["sale"]))
        self._wait(row, all(written) or there.rests)
        text = "A quantidade mudou nos documentos." if all(written) else there.reason
        async with turn.commit(None) as (_, run):
            tell(run, check("Edição da venda chegou ao Omie", all(written), text))

    async def _take_back(self, integration: Integration, row: Resync, turn: Turn) -> None:
        ploomes = self._gateways.open(integration, Priority.PERSON)[1]
        await ploomes.write("orders", "delete", str(row.plan["sale"]), {})
        async with turn.commit(None) as (_, run):
            run.plan = {**run.plan, "since": self._clock.time()}

    async def _taken_back(self, integration: Integration, row: Resync, turn: Turn) -> None:
        """The deletion cancels the documents where the configuration says so; then they are deleted here, so that the
        test leaves nothing behind."""
        config, sale = await self._configs.get(integration.id), str(row.plan["sale"])
        documents = {entity: omie_id for entity, omie_id in row.plan["documents"].items() if omie_id}
        async with self._db.read() as session:
            left = [
                entity
                for entity in documents
                if await links.find(session, integration.id, entity, Vendor.PLOOMES, sale) is not None
            ]
        mirrored = [entity for entity in left if config.orders.cancel_in_omie and _mirrors(config, entity)]
        self._wait(row, not mirrored)
        omie = self._gateways.open(integration, Priority.PERSON)[0]
        for entity, omie_id in documents.items():
            await omie.write(entity, "delete", str(omie_id), {})
        text = "A exclusão não cancelou os documentos; eles foram excluídos à parte." if mirrored else (
            "Os documentos foram cancelados e excluídos do Omie." if documents else "Não havia documentos."
        )  # fmt: skip
        async with turn.commit(None) as (_, run):
            tell(run, check("Venda de teste removida", not mirrored, text))

    def _wait(self, row: Resync, arrived: bool) -> None:
        """Raises Postponed while there is hope."""
        if not arrived and self._clock.time() - float(row.plan["since"]) <= PATIENCE_SECONDS:
            raise Postponed(LOOK_SECONDS, _ON_ITS_WAY)

    async def _lines(self, integration: Integration, config: Config) -> dict[str, JsonObject]:
        """One line per document that the configuration makes: of the newest active product, and service."""
        found: dict[str, JsonObject] = {}
        async with self._db.read() as session:
            if config.entities.orders and (link := await _active(session, integration.id, "products")):
                found["orders"] = _line(link.ploomes_id)
            apart = config.entities.service_orders and not config.orders.services_in_product_order
            if apart and (link := await _active(session, integration.id, "services")):
                found["service_orders"] = _line(link.ploomes_id)
        return found


NOUNS = {"orders": "pedido", "service_orders": "ordem de serviço"}


async def condition_patch(ploomes: Gateway, condition: Condition) -> JsonObject:
    """What makes a test record meet a condition of the configuration."""
    if condition is None:
        return {}
    if isinstance(condition, StageCondition):
        return {"StageId": condition.stage_id}
    field = await ploomes.fetch("fields", condition.field_key)
    return patch_for(condition, field.data if field is not None else None)


def _line(ploomes_id: str) -> JsonObject:
    return {"ProductId": int(ploomes_id), "UnitPrice": PRICE, "Discount": 0}


def _mirrors(config: Config, entity: str) -> bool:
    return str(getattr(config.deletes, entity)) == "mirror"


async def newest(session: AsyncSession, integration_id: int, entity: str) -> str | None:
    """The Omie id of the newest linked and active record of an entity."""
    link = await _active(session, integration_id, entity)
    return link.omie_id if link is not None else None


async def _active(session: AsyncSession, integration_id: int, entity: str) -> Link | None:
    """The newest link of an entity whose record Omie has as active."""
    query = (
        select(Link)
        .where(Link.integration_id == integration_id, Link.entity == entity, Link.state.in_(links.LIVING))
        .order_by(Link.id.desc())
        .limit(CANDIDATES)
    )
    for link in await session.scalars(query):
        row = await known.get(session, integration_id, Vendor.OMIE, entity, link.omie_id)
        if row is None or row.active:
            return link
    return None


async def _written_since(session: AsyncSession, integration_id: int, omie_id: str, since: float) -> bool:
    """A write of ours to a document is done that was sent after a moment."""
    query = select(WriteEntry.sent_at).where(
        WriteEntry.integration_id == integration_id,
        WriteEntry.vendor == Vendor.OMIE.value,
        WriteEntry.external_id == omie_id,
        WriteEntry.state == WriteState.DONE,
    )
    return any(sent_at.timestamp() >= since for sent_at in await session.scalars(query))
