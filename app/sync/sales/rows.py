"""The field rows of sales and their documents: fixed ones, those people map (F154-F159, F220-F232), and the options
that choose carrier and payment (F182-F188). Data and pure.

Fixed rows hold the same words on both sides, Omie's: ids are translated where a side is read, so each converter here
only passes them on.
"""

from collections.abc import Sequence
from typing import Protocol

from app.core.ports import Vendor
from app.sync.config.document import Config
from app.sync.entities.sales import chosen_rows
from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.decide import Sides
from app.sync.mapping.fields import Field, Refs

PREFIX = "VendaProduto."
FREIGHT = PREFIX + "Valor do Frete"
FREIGHT_TYPE = PREFIX + "Tipo do frete"
INSTALMENTS = PREFIX + "Número de Parcelas"
FORECAST = PREFIX + "Previsão de Faturamento"
CONTACT = PREFIX + "Contato"
NOTES = PREFIX + "Observações"


class Knowing(Protocol):
    """Whoever has the configuration and the look-ups at hand."""

    config: Config
    refs: Refs


def sale_rows(entity: str, knowing: Knowing) -> Sequence[Field]:
    """The rows of one kind of document: notes go through a mapped field where there is one."""
    rows, orders = rows_of(entity, knowing.config, knowing.refs), knowing.config.orders
    mapped_notes = any(row.key == NOTES for row in rows)
    own = [row for row in rows if not (mapped_notes and row.key == "notes")]
    return [*own, *chosen_rows(entity, orders.carrier_field, orders.payment_field)]


def mapped(rows: Sequence[Field], vendor: Vendor = Vendor.PLOOMES) -> list[Field]:
    """Those that people mapped: read and written by their own paths; what only Ploomes can be asked for is no part of
    what Omie holds."""
    return [row for row in rows if not row.fixed and not (row.watched and vendor is Vendor.OMIE)]


def only_noted(row: Field, sides: Sides) -> bool:
    """A client changed in Omie is noted, never applied (F166)."""
    if row.key != "client" or not sides.based(row):
        return False
    return sides.changed(row, Vendor.OMIE) and not sides.changed(row, Vendor.PLOOMES)
