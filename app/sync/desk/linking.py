"""Links as people handle them: looked at, made, accepted and undone by hand (F111).

A link that a person ends is `excluded`: every path honours it, nothing comes back by itself.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import LaneBusy, Postponed, UserError, VendorError
from app.core.ports import JsonObject, Kind, Priority, Record, Vendor
from app.core.queue import Queue
from app.sync import links
from app.sync.config.document import Config
from app.sync.config.store import ConfigStore
from app.sync.entities import BUILT, FIELDS, RULES, set_of
from app.sync.lanes import Lanes, record_lane
from app.sync.lookups import known
from app.sync.lookups.references import References
from app.sync.lookups.snapshots import learn
from app.sync.mapping.canonical import canonical
from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.fields import Field, MissingReference, Refs, Values
from app.sync.models import Change, Event, EventSource, EventState, Integration, Link, LinkState
from app.sync.stock.book import show_linked
from app.sync.vendors import Gateways, patiently, say

BY_HAND = "Desvinculado por"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that a person says are the same thing."""

    omie_id: str
    ploomes_id: str

    @property
    def ids(self) -> tuple[str, str]:
        """Omie's and Ploomes'."""
        return self.omie_id, self.ploomes_id

    def id_on(self, vendor: Vendor) -> str:
        """The id on a vendor."""
        return self.omie_id if vendor is Vendor.OMIE else self.ploomes_id


class Linking:
    """Every action of people on links."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        queue: Queue,
        lanes: Lanes,
        gateways: Gateways,
        configs: ConfigStore,
        references: References,
    ) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._lanes = lanes
        self._gateways = gateways
        self._configs = configs
        self._references = references

    async def preview(self, integration: Integration, entity: str, pair: Pair) -> JsonObject:
        """Both records as they are now, what differs, and what stands in the way. Raises UserError 404, 503."""
        refuse_entity(entity)
        gateways = dict(zip(Vendor, self._gateways.open(integration, Priority.PERSON), strict=True))
        config = await self._configs.get(integration.id)
        records: dict[Vendor, Record] = {}
        vendor = Vendor.OMIE
        try:
            for vendor, gateway in gateways.items():
                records[vendor] = await self._read(gateway, set_of(entity, vendor), pair.id_on(vendor))
            refs = await self._references.of(integration, config, gateways[Vendor.OMIE], gateways[Vendor.PLOOMES])
            rows = rows_of(entity, config, refs) if entity in RULES else ()
            while True:
                try:
                    shown, differences = _compared(rows, records, refs)
                    break
                except MissingReference as missing:
                    await self._references.resolve(
                        integration, missing, refs, gateways[Vendor.OMIE], gateways[Vendor.PLOOMES]
                    )
        except (VendorError, Postponed) as error:
            raise UserError(HTTPStatus.SERVICE_UNAVAILABLE, "Leitura adiada", say(error, vendor)) from error
        async with self._db.read() as session:
            taken = await taken_by(session, integration.id, entity, pair)
        return {**shown, "differences": differences, "blocked_by": [link_json(link) for link in taken]}

    async def link(self, integration: Integration, entity: str, pair: Pair, *, author: str) -> JsonObject:
        """Links two living records and sends them on their way. Raises UserError 404, 409 when one has a link."""
        refuse_entity(entity)
        gateways = dict(zip(Vendor, self._gateways.open(integration, Priority.PERSON), strict=True))
        vendor = Vendor.OMIE
        read: list[Record] = []
        try:
            for vendor, gateway in gateways.items():
                read.append(await self._read(gateway, set_of(entity, vendor), pair.id_on(vendor)))
        except (VendorError, Postponed) as error:
            raise UserError(HTTPStatus.SERVICE_UNAVAILABLE, "Leitura adiada", say(error, vendor)) from error
        async with self._db.transaction() as session:  # one that our index took for gone is there
            await known.upsert(session, integration.id, [known.known_of(record) for record in read], self._clock.now())
        row = await self._place(integration, entity, pair, author)
        await self._queue.ring("live")
        return link_json(row)

    async def unlink(self, integration: Integration, link_id: int, *, author: str) -> JsonObject:
        """Ends a link; both records stay, and nothing links them again by itself. Raises UserError 404, 409."""
        async with self._db.read() as session:
            found = await session.get(Link, link_id)
        if found is None or found.integration_id != integration.id:
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrado", "Este vínculo não existe nesta integração.")
        pair, now = Pair(found.omie_id, found.ploomes_id), self._clock.now()
        async with self._alone(integration, found.entity, pair), self._db.transaction() as session:
            row = await session.get_one(Link, link_id, with_for_update=True)
            if row.state in links.LIVING:
                links.end(row, LinkState.EXCLUDED, f"{BY_HAND} {author}.", now)
                session.add(change_of(integration, row, "unlink", author, now))
        return link_json(row)

    async def accept(self, integration: Integration, entity: str, pairs: Sequence[Pair], *, author: str) -> JsonObject:
        """Links proposals that a person accepted; those that somebody linked meanwhile, or of which one record is not
        there, are told and not forced."""
        refuse_entity(entity)
        made, skipped = 0, []
        for pair in pairs:
            try:
                await self._refuse_absent(integration, entity, pair)
                await self._place(integration, entity, pair, author)
                made += 1
            except UserError as refused:
                skipped.append({"omie_id": pair.omie_id, "ploomes_id": pair.ploomes_id, "message": refused.detail})
        if made:
            await self._queue.ring("live")
        return {"linked": made, "skipped": skipped}

    async def _place(self, integration: Integration, entity: str, pair: Pair, author: str) -> Link:
        config = await self._configs.get(integration.id)
        async with (
            self._alone(integration, entity, pair),
            self._refusing_twins(),
            self._db.transaction() as session,
        ):
            taken = await taken_by(session, integration.id, entity, pair)
            if taken:
                raise already_linked(taken[0])
            return await make_link(
                session, integration, entity, pair, config, author=author, source=EventSource.PERSON, clock=self._clock
            )

    async def _refuse_absent(self, integration: Integration, entity: str, pair: Pair) -> None:
        """Raises UserError 404 for a pair that nobody reads before it is linked, where our index does not hold it."""
        async with self._db.read() as session:
            reason = await absent(session, integration.id, entity, pair)
        if reason is not None:
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrado", reason)

    # --- steps ---------------------------------------------------------------------------------------------------

    async def _read(self, gateway: Any, entity: str, external_id: str) -> Record:
        record: Record | None = await patiently(self._clock, lambda: gateway.fetch(entity, external_id))
        if record is None:
            text = f"O registro {external_id} não existe no {gateway.vendor.label}."
            raise UserError(HTTPStatus.NOT_FOUND, "Não encontrado", text)
        return record

    @asynccontextmanager
    async def _alone(self, integration: Integration, entity: str, pair: Pair) -> AsyncIterator[None]:
        """Both records' lanes. Raises UserError 409 while a worker has one of them."""
        names = [record_lane(integration, vendor, set_of(entity, vendor), pair.id_on(vendor)) for vendor in Vendor]
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._lanes.hold(*names))
            except LaneBusy:
                text = "Um destes registros está sendo processado agora; repita em alguns segundos."
                raise UserError(HTTPStatus.CONFLICT, "Registro ocupado", text) from None
            yield

    @asynccontextmanager
    async def _refusing_twins(self) -> AsyncIterator[None]:
        """The unique indexes have the last word. Raises UserError 409."""
        try:
            yield
        except IntegrityError as error:
            text = "Um destes registros acabou de ser vinculado a outro."
            raise UserError(HTTPStatus.CONFLICT, "Já vinculado", text) from error


def _compared(
    rows: Sequence[Field], records: Mapping[Vendor, Record], refs: Refs
) -> tuple[JsonObject, list[JsonObject]]:
    """Both records in canonical form, and the fields that differ. Pure. Raises MissingReference."""
    values: dict[Vendor, Values] = {}
    for vendor, record in records.items():
        learn(record.data, refs)
        values[vendor] = canonical(vendor, rows, record.data, refs)
    omie, ploomes = values[Vendor.OMIE], values[Vendor.PLOOMES]
    differences = [
        {"field": row.id, "label": row.label, "omie": omie.get(row.id), "ploomes": ploomes.get(row.id)}
        for row in rows
        if not row.agree(omie.get(row.id), ploomes.get(row.id), refs)
    ]
    return {vendor.value: {"id": records[vendor].id, **values[vendor]} for vendor in records}, differences


def listing(integration_id: int, entity: str | None, state: str | None, search: str | None) -> Select[Link]:
    """The links a person wants to see."""
    query = select(Link).where(Link.integration_id == integration_id)
    if entity is not None:
        query = query.where(Link.entity == entity)
    if state is not None:
        query = query.where(Link.state == state)
    if search is not None:
        query = query.where(or_(Link.omie_id == search, Link.ploomes_id == search, Link.natural_key == search))
    return query


def link_json(link: Link) -> JsonObject:
    """A link as REST shows it."""
    names = ("id", "entity", "omie_id", "ploomes_id", "natural_key", "state", "state_reason", "created_at", "ended_at")
    return {name: getattr(link, name) for name in names}


async def make_link(
    session: AsyncSession,
    integration: Integration,
    entity: str,
    pair: Pair,
    config: Config,
    *,
    author: str,
    source: EventSource,
    clock: Clock,
) -> Link:
    """The link, its history and the events that bring the pair into agreement, in the caller's commit."""
    row = links.make(integration.id, entity, pair.omie_id, pair.ploomes_id, None, clock.now())
    session.add(row)
    await session.flush()
    session.add(change_of(integration, row, "link", author, clock.now()))
    priority = Priority.PERSON if source is EventSource.PERSON else Priority.BULK
    session.add(
        Event(
            integration_id=integration.id,
            vendor=Vendor.OMIE.value,
            entity=entity,
            external_id=pair.omie_id,
            kind=Kind.CHANGED.value,
            topic="link",
            source=source,
            priority=int(priority),
            author=author,
            state=EventState.RECEIVED,
            received_at=clock.now(),
            due_at=clock.time(),
        )
    )
    await show_linked(session, row, config, source, priority, clock.now())
    return row


def change_of(integration: Integration, row: Link, action: str, author: str, at: datetime) -> Change:
    """The history row of a link that a person made or ended."""
    return Change(
        integration_id=integration.id,
        link_id=row.id,
        entity=row.entity,
        vendor=Vendor.OMIE.value,
        external_id=row.omie_id,
        action=action,
        before={},
        after={"omie_id": row.omie_id, "ploomes_id": row.ploomes_id},
        lost={},
        notes=[],
        cause=f"person:{author}",
        config_version=integration.config_version,
        at=at,
    )


async def taken_by(session: AsyncSession, integration_id: int, entity: str, pair: Pair) -> list[Link]:
    """Living links that hold either record, whatever it is linked as: a product of Ploomes is never two of Omie's."""
    found = [await links.holder(session, integration_id, entity, side, pair.id_on(side)) for side in Vendor]
    return list({link.id: link for link in found if link is not None}.values())


async def absent(session: AsyncSession, integration_id: int, entity: str, pair: Pair) -> str | None:
    """Which record of a pair is not there, in Portuguese, as far as our index tells: one that is gone, or one that it
    does not hold although its set was read whole. Of sales it holds those with a link only."""
    for side in Vendor:
        set_name, external_id = set_of(entity, side), pair.id_on(side)
        row = await known.get(session, integration_id, side, set_name, external_id)
        if row is not None and row.gone_at is not None:
            return f"O registro {external_id} foi excluído no {side.label}."
        whole = row is None and entity in RULES
        if whole and await known.whole_at(session, integration_id, side, set_name) is not None:
            return f"O registro {external_id} não existe no {side.label}, ou ainda não foi lido: confira o código."
    return None


def already_linked(link: Link) -> UserError:
    """409 that names the link in the way."""
    text = f"Já existe o vínculo entre Omie {link.omie_id} e Ploomes {link.ploomes_id}; desfaça-o primeiro."
    return UserError(HTTPStatus.CONFLICT, "Já vinculado", text, link=link_json(link))


def refuse_entity(entity: str) -> None:
    """Raises UserError for an entity without links of its own: 409, or 422 where a number of a product is meant."""
    if entity == "sellers":
        text = "Vendedores são pareados em sellers.pairs, na configuração."
        raise UserError(HTTPStatus.CONFLICT, "Vendedores têm pares", text)
    if entity in BUILT and not has_links(entity):
        text = f"A entidade {entity} não tem vínculos próprios: ela segue os vínculos dos produtos."
        raise UserError(HTTPStatus.UNPROCESSABLE_ENTITY, "Sem vínculos", text)
    if entity not in BUILT:
        raise UserError(HTTPStatus.CONFLICT, "Sem vínculos", f"A entidade {entity} não tem vínculos.")


def has_links(entity: str) -> bool:
    """Whether records of an entity are pairs that a person may make: what flows along others' links has none."""
    return entity in FIELDS
