"""The tables of the business: one file per entity, data and pure rules, no I/O."""

from app.sync.entities import clients
from app.sync.entities.rules import Rules
from app.sync.fields import Field

BUILT = ("sellers", "clients")
"""Entities the road carries today; events of others settle as ignored, with that reason."""

RULES: dict[str, Rules] = {clients.ENTITY: clients}
"""Entities that are kept as pairs, by name."""

FIELDS: dict[str, tuple[Field, ...]] = {name: rules.FIELDS for name, rules in RULES.items()}
"""Fixed rows by entity."""
