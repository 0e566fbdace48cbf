"""Carriers are Omie clients with a tag: found by CNPJ, made or refused by policy (F182-F185)."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, Postponed, VendorError
from app.core.ports import Key, Vendor
from app.sync import journal
from app.sync.config.document import Carrier
from app.sync.creating import REPEAT_AFTER
from app.sync.lookups import known
from app.sync.mapping.convert import canonical_document
from app.sync.models import WriteEntry, WriteState
from app.sync.sales.choices import CARRIER_TAG, carrier_client, is_carrier
from app.sync.sales.looks import REDUNDANCY
from app.sync.sales.preflight import Unmet
from app.sync.sales.visit import Visit
from app.sync.writing import Draft, Writer

ENTITY = "clients"


class CarrierMissing(Exception):
    """The carrier of the sale is no carrier in Omie, and the policy is to refuse."""

    def __init__(self, carrier: Carrier) -> None:
        super().__init__(carrier.name)
        self.carrier = carrier

    @property
    def unmet(self) -> Unmet:
        """The condition that the sale waits for."""
        text = f"{self.carrier.name} (CNPJ {self.carrier.cnpj}) não é uma transportadora no Omie."
        fix = "Cadastre-a no Omie com a tag Transportadora, ou use orders.carrier_missing = create."
        return Unmet("carrier", "Transportadora", text, fix, "admin")


class Carriers:
    """Finds carriers in Omie, and makes those it may."""

    def __init__(self, db: Database, clock: Clock, writer: Writer) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer

    async def omie_id(self, visit: Visit, carrier: Carrier) -> str:
        """The Omie client of a carrier. Raises CarrierMissing, LaneBusy, Postponed, VendorError.

        A client with that CNPJ and without the tag is no carrier yet: with `create` it gets the tag, else it is
        refused like one that is missing. Our own index is asked, a search in Omie costs an error when empty.
        """
        trip, document = visit.trip, str(canonical_document(carrier.cnpj))
        wish = Wish(document, carrier.name)
        client_id, tagged = await self._there(visit, document)
        if client_id is not None and tagged:
            await self._settle(await self._unanswered(visit, wish), "a leitura confirma")
            return client_id
        if trip.config.orders.carrier_missing != "create":
            raise CarrierMissing(carrier)
        await trip.lease.take([f"carrier:{visit.integration_id}:{document}"])
        client_id, tagged = await self._there(visit, document)  # another sale may have made it meanwhile
        if client_id is not None and tagged:
            return client_id
        lost = await self._lost(visit, wish)
        made = await self._make(visit, wish) if client_id is None else await self._tag(visit, wish, client_id)
        await self._made(visit, wish, made, lost)
        return made

    async def _there(self, visit: Visit, document: str) -> tuple[str | None, bool]:
        """The client with a document, and whether it has the carrier's tag. A client that the index holds without it is
        read, at most once a minute whatever number of sales name it: the tag may be new."""
        trip, found = visit.trip, None
        async with self._db.read() as session:
            rows = await known.find(session, visit.integration_id, Vendor.OMIE, ENTITY, document)
        for row in rows:
            if is_carrier(row.data):
                return row.external_id, True
            if "tags" in row.data and self._clock.now() - row.seen_at < REDUNDANCY:
                found = found or row.external_id
                continue
            record = await trip.omie.fetch(ENTITY, row.external_id)
            if record is None:
                continue
            async with self._db.transaction() as session:
                await known.upsert(session, visit.integration_id, [known.known_of(record)], record.read_at)
            if is_carrier(record.data):
                return record.id, True
            found = found or record.id
        return found, False

    async def _unanswered(self, visit: Visit, wish: "Wish") -> Sequence[WriteEntry]:
        """Earlier writes of this carrier whose answer was lost."""
        async with self._db.read() as session:
            return await journal.unfinished(session, visit.integration_id, ENTITY, Vendor.PLOOMES, wish.source_id)

    async def _settle(self, lost: Sequence[WriteEntry], how: str) -> None:
        if not lost:
            return
        async with self._db.transaction() as session:
            for entry in lost:
                row = await session.get_one(WriteEntry, entry.id)
                journal.finish(row, WriteState.RESOLVED, self._clock.now(), f"resposta perdida; {how}")

    async def _lost(self, visit: Visit, wish: "Wish") -> Sequence[WriteEntry]:
        """Those, once Omie would not call their repetition redundant any more. Raises Postponed until then."""
        lost = await self._unanswered(visit, wish)
        wait = max((REPEAT_AFTER[Vendor.OMIE] - (self._clock.now() - one.sent_at).total_seconds() for one in lost),
                   default=0.0)  # fmt: skip
        if wait > 0:
            raise Postponed(wait, "a resposta sobre a transportadora se perdeu; conferindo de novo", "answer_lost")
        return lost

    async def _tag(self, visit: Visit, wish: "Wish", client_id: str) -> str:
        body = {"tags": [{"tag": CARRIER_TAG}]}
        draft = Draft(
            Vendor.OMIE, "include_tags", client_id, body, {"tags": [CARRIER_TAG]},
            entity=ENTITY, source_id=wish.source_id,
        )  # fmt: skip
        await self._writer.sent(visit.trip, draft)
        return client_id

    async def _make(self, visit: Visit, wish: "Wish") -> str:
        """Makes a carrier; a duplicate names the one there is."""
        draft = Draft(
            Vendor.OMIE, "create", None, carrier_client(wish.name, wish.document, wish.code), {"name": wish.name},
            code=wish.code, entity=ENTITY, source_id=wish.source_id,
        )  # fmt: skip
        try:
            return (await self._writer.sent(visit.trip, draft)).id
        except VendorError as error:
            if error.fault is not Fault.DUPLICATE:
                raise
            found = error.existing_id
            if found is None:
                named = await visit.trip.omie.find(ENTITY, Key("integration_code", wish.code))
                found = named[0].id if named else None
            if found is None:
                raise
            return found

    async def _made(self, visit: Visit, wish: "Wish", client_id: str, lost: Sequence[WriteEntry]) -> None:
        """The next sale finds it in our index; what was not answered before is settled by it."""
        async with self._db.transaction() as session:
            before = await known.get(session, visit.integration_id, Vendor.OMIE, ENTITY, client_id)
            held = before.data if before is not None else {}
            tags = [*(held.get("tags") or ()), {"tag": CARRIER_TAG}]
            row = known.Known(Vendor.OMIE, ENTITY, client_id, wish.document, wish.name, data={**held, "tags": tags})
            await known.upsert(session, visit.integration_id, [row], self._clock.now())
        await self._settle(lost, "repetido")


@dataclass(frozen=True, slots=True)
class Wish:
    """A carrier that shall be one in Omie."""

    document: str
    name: str

    @property
    def code(self) -> str:
        """Its integration code."""
        return f"TRANSP-{self.document}"

    @property
    def source_id(self) -> str:
        """What its writes copy: no record of Ploomes, a line of the configuration."""
        return f"carrier.{self.document}"
