"""Every call the pretend Omie serves: service path -> call name -> what it does."""

from ..catalog import CATALOGS, Listing, Lookup
from . import clients, products, services, stock
from .base import Call

SERVICES: dict[str, dict[str, Call | Listing | Lookup]] = {
    service: dict(calls)
    for table in (clients.CALLS, products.CALLS, services.CALLS, stock.CALLS, CATALOGS)
    for service, calls in table.items()
}

_READS = ("Listar", "Consultar", "Pesquisar", "Obter", "Posicao", "Status", "Validar")


def is_write(call: str) -> bool:
    """Writes never run side by side."""
    return not call.startswith(_READS)
