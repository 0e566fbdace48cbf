"""Omie's complex types, one table per area: type -> fields in their documented order (omie-api.md 3).

Notation: `name:s60` text of at most 60, `i` integer, `d` decimal, `f` S/N flag, `b` boolean, `{x}` object and `[x]`
array of type x. A type is shown in faults by what follows its last dot. Names of requests that the reference does not
quote are ours; those it quotes are Omie's.
"""

from . import auxiliary, clients, orders, products, service_orders, services, stock

_TABLES = (clients, products, services, stock, orders, service_orders, auxiliary)

TYPES: dict[str, str] = {name: spec for table in _TABLES for name, spec in table.TYPES.items()}
