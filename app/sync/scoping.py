"""What puts a record that Ponte makes in Ploomes into its own integration's scope, so that everybody sees whose it is
(F287, F290)."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.ports import JsonObject, Vendor
from app.sync.config.document import StageCondition
from app.sync.config.scope import patch_for
from app.sync.config.sharing import Condition
from app.sync.creating import Extra
from app.sync.lookups import known
from app.sync.trip import Trip


class Scoping:
    """Knows a scope's field from our index, or asks Ploomes once."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def patch(self, trip: Trip, condition: Condition) -> JsonObject:
        """What a new record carries beside its values; nothing where the field is in Ploomes no more, which the watch
        tells. Raises Postponed, VendorError."""
        if condition is None:
            return {}
        if isinstance(condition, StageCondition):
            return {"StageId": condition.stage_id}
        if condition.field_key[:1].isupper():  # the property itself, as documents of earlier versions name it
            return {condition.field_key: condition.equals}
        async with self._db.read() as session:
            row = await known.get(session, trip.integration.id, Vendor.PLOOMES, "fields", condition.field_key)
        if row is not None and row.gone_at is None:
            return patch_for(condition, row.data)
        found = await trip.ploomes.fetch("fields", condition.field_key)
        if found is None:
            return {}
        async with self._db.transaction() as session:
            await known.upsert(session, trip.integration.id, [known.known_of(found)], self._clock.now())
        return patch_for(condition, found.data)

    async def of_client(self, trip: Trip) -> Extra | None:
        """The same for a contact made from a client of Omie."""
        body = await self.patch(trip, trip.config.scope.clients)
        return Extra(body, _nothing_else) if body else None


async def _nothing_else(session: AsyncSession, data: JsonObject) -> None:
    """Nothing is remembered of it."""
