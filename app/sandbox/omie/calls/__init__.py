"""Every call the pretend Omie serves: service path -> call name -> what it does."""

from ..catalog import CATALOGS, Listing, Lookup
from . import auxiliary, clients, products, sales, services, stock, works
from .base import Call

SERVICES: dict[str, dict[str, Call | Listing | Lookup]] = {service: dict(calls) for service, calls in CATALOGS.items()}
for _table in (clients, products, services, stock, sales, works, auxiliary):
    for _service, _calls in _table.CALLS.items():
        SERVICES.setdefault(_service, {}).update(_calls)

_READS = ("Listar", "Consultar", "Pesquisar", "Obter", "Posicao", "Status", "Validar")


def is_write(call: str) -> bool:
    """Writes never run side by side."""
    return not call.startswith(_READS)
