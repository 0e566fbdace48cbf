"""The tables of the business: one file per entity, data and pure rules, no I/O."""

from app.sync.entities import clients
from app.sync.fields import Field

BUILT = ("sellers", "clients")
"""Entities the road carries today; events of others settle as ignored, with that reason."""

FIELDS: dict[str, tuple[Field, ...]] = {"clients": clients.FIELDS}
"""Fixed rows by entity."""
