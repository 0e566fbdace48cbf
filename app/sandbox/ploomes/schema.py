"""The entity sets of the pretend Ploomes by name; the rows are in `tables` and `tables_more`."""

from .shape import EntitySet, Nav, Prop
from .tables import TABLE
from .tables_more import TABLE as MORE

__all__ = ["SETS", "EntitySet", "Nav", "Prop"]

SETS: dict[str, EntitySet] = {entity_set.name: entity_set for entity_set in (*TABLE, *MORE)}
