"""Carriers are Omie clients with a tag: found by CNPJ, made or refused by policy (F182-F185)."""

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Fault, VendorError
from app.core.ports import Key, Vendor
from app.sync.config.document import Carrier
from app.sync.lookups import known
from app.sync.mapping.convert import canonical_document
from app.sync.sales.choices import carrier_client, is_carrier
from app.sync.sales.visit import Visit
from app.sync.writing import Draft, Writer

ENTITY = "clients"


class CarrierMissing(Exception):
    """The carrier of the sale is no carrier in Omie, and the policy is to refuse."""

    def __init__(self, carrier: Carrier) -> None:
        super().__init__(carrier.name)
        self.carrier = carrier


class Carriers:
    """Finds carriers in Omie, and makes those it may."""

    def __init__(self, db: Database, clock: Clock, writer: Writer) -> None:
        self._db = db
        self._clock = clock
        self._writer = writer

    async def omie_id(self, visit: Visit, carrier: Carrier) -> str:
        """The Omie client of a carrier. Raises CarrierMissing, LaneBusy, Postponed, VendorError.

        A client with that CNPJ and without the tag is no carrier yet: with `create` it gets the tag, else it is
        refused like one that is missing. Our own index is asked first, a search in Omie costs an error when empty.
        """
        trip = visit.trip
        document = str(canonical_document(carrier.cnpj))
        async with self._db.read() as session:
            rows = await known.find(session, visit.integration_id, Vendor.OMIE, ENTITY, document)
        for row in rows:
            record = await trip.omie.fetch(ENTITY, row.external_id)
            if record is None:
                continue
            if is_carrier(record.data):
                return record.id
            if trip.config.orders.carrier_missing == "create":
                await self._tag(visit, record.id)
                return record.id
        if trip.config.orders.carrier_missing != "create":
            raise CarrierMissing(carrier)
        return await self._make(visit, carrier, document)

    async def _tag(self, visit: Visit, client_id: str) -> None:
        body = {"tags": [{"tag": "Transportadora"}]}
        draft = Draft(Vendor.OMIE, "include_tags", client_id, body, {"tags": ["Transportadora"]}, entity=ENTITY)
        await self._writer.sent(visit.trip, draft)

    async def _make(self, visit: Visit, carrier: Carrier, document: str) -> str:
        """Makes a carrier in a lane by its document; a duplicate names the one there is."""
        trip = visit.trip
        await trip.lease.take([f"carrier:{visit.integration_id}:{document}"])
        code = f"TRANSP-{document}"
        draft = Draft(
            Vendor.OMIE, "create", None, carrier_client(carrier.name, document, code), {"name": carrier.name},
            code=code, entity=ENTITY,
        )  # fmt: skip
        try:
            made = (await self._writer.sent(trip, draft)).id
        except VendorError as error:
            if error.fault is not Fault.DUPLICATE:
                raise
            found = error.existing_id
            if found is None:
                named = await trip.omie.find(ENTITY, Key("integration_code", code))
                found = named[0].id if named else None
            if found is None:
                raise
            made = found
        async with self._db.transaction() as session:
            row = known.Known(Vendor.OMIE, ENTITY, made, document, carrier.name)
            await known.upsert(session, visit.integration_id, [row], self._clock.now())
        return made
