"""The tables of the business: one file per entity, data and pure rules, no I/O."""

from app.core.ports import Vendor
from app.sync.entities import clients, products, sales, services
from app.sync.entities.rules import Rules
from app.sync.mapping.fields import Field

BUILT = ("sellers", "clients", "products", "services", "stock", "orders", "service_orders")
"""Entities the road carries today; events of others settle as ignored, with that reason."""

RULES: dict[str, Rules] = {clients.ENTITY: clients, products.ENTITY: products, services.ENTITY: services}
"""Entities that are kept as pairs, by name; each stands behind those it needs."""

FIELDS: dict[str, tuple[Field, ...]] = {name: rules.FIELDS for name, rules in RULES.items()} | sales.FIELDS
"""Fixed rows by entity."""


SHARED_SETS = {**sales.SHARED_SETS, ("stock", Vendor.PLOOMES): "products"}
"""Sets of entities that are not kept as pairs, where they are called otherwise."""


def set_of(entity: str, vendor: Vendor) -> str:
    """The set of a vendor's gateway that holds an entity's records; our index goes by the same name."""
    rules = RULES.get(entity)
    return rules.SETS[vendor] if rules is not None else SHARED_SETS.get((entity, vendor), entity)


def sharing(entity: str, vendor: Vendor) -> tuple[str, ...]:
    """An entity and those that share its set on a vendor, where each record is of one of them."""
    rules = RULES.get(entity)
    return (entity, *(rules.SIBLINGS if rules is not None and vendor is Vendor.PLOOMES else ()))


def index_of(entity: str, vendor: Vendor) -> str:
    """Under which set our index keeps the digests of an entity's records: a sale has one per document."""
    return entity if entity in sales.FIELDS else set_of(entity, vendor)


def custom_fields_of(entity: str) -> str | None:
    """Under which word `integrations.provisioned` keeps the keys of an entity's custom fields."""
    rules = RULES.get(entity)
    if rules is not None:
        return rules.CUSTOM_FIELDS
    return "products" if entity == "stock" else sales.ORDERS if entity in sales.FIELDS else None
