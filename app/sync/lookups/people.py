"""Sellers of Omie beside users of Ploomes: who is paired and how, and who stands alone (F190-F193)."""

from app.core.db import Database
from app.core.ports import JsonObject, Vendor
from app.sync.config.store import ConfigStore
from app.sync.lookups import known
from app.sync.lookups.snapshots import pair_people
from app.sync.models import KnownRecord


class People:
    """Reads our own index; pairs by hand are part of the configuration (`sellers.pairs`)."""

    def __init__(self, db: Database, configs: ConfigStore) -> None:
        self._db = db
        self._configs = configs

    async def overview(self, integration_id: int) -> JsonObject:
        """Pairs with how each came about, sellers and users without a partner, and the default seller."""
        config = await self._configs.get(integration_id)
        async with self._db.read() as session:
            sellers = await known.everything(session, integration_id, Vendor.OMIE, "sellers")
            users = await known.everything(session, integration_id, Vendor.PLOOMES, "users")
        user_of, seller_of = pair_people(sellers, users, config)
        by_hand = {str(pair.omie) for pair in config.sellers.pairs}
        named = {row.external_id: row for row in users}
        default = config.sellers.default_seller
        return {
            "pairs": [
                {
                    "omie": _person(seller),
                    "ploomes": _person(named[user_of[seller.external_id]]),
                    "by": "hand" if seller.external_id in by_hand else "email",
                }
                for seller in sellers
                if user_of.get(seller.external_id) in named
            ],
            "sellers_without_user": [_person(row) for row in sellers if user_of.get(row.external_id) not in named],
            "users_without_seller": [
                _person(row) for row in users if row.external_id not in seller_of and not row.data.get("Integration")
            ],
            "default_seller": str(default) if default is not None else None,
        }


def _person(row: KnownRecord) -> JsonObject:
    return {
        "code": row.external_id,
        "name": row.name or row.external_id,
        "email": row.natural_key,
        "active": row.active,
    }
