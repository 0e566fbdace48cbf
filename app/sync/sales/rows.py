"""The field rows of sales and their documents: fixed ones, and those people map (F154-F159, F220-F232). Data and pure.

Fixed rows hold the same words on both sides, Omie's: ids are translated where a side is read, so each converter here
only passes them on.
"""

from collections.abc import Sequence

from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.fields import Field
from app.sync.trip import Trip

PREFIX = "VendaProduto."
FREIGHT = PREFIX + "Valor do Frete"
FREIGHT_TYPE = PREFIX + "Tipo do frete"
INSTALMENTS = PREFIX + "Número de Parcelas"
FORECAST = PREFIX + "Previsão de Faturamento"
CONTACT = PREFIX + "Contato"
NOTES = PREFIX + "Observações"


def sale_rows(entity: str, trip: Trip) -> Sequence[Field]:
    """The rows of one kind of document: notes go through a mapped field where there is one."""
    rows = rows_of(entity, trip.config, trip.refs)
    mapped_notes = any(row.key == NOTES for row in rows)
    return [row for row in rows if not (mapped_notes and row.key == "notes")]


def mapped(rows: Sequence[Field]) -> list[Field]:
    """Those that people mapped: read and written by their own paths."""
    return [row for row in rows if not row.fixed]
