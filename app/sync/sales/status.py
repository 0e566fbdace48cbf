"""What an Omie document is: its state lies in the stage and in the audit block together (reference 3.6, 3.8). Pure."""

from enum import StrEnum

from app.core.ports import JsonObject

QUOTE_STAGE = "00"


class Status(StrEnum):
    """The state of a document. Only an open one is ever edited, cancelled or deleted."""

    QUOTE = "quote"
    OPEN = "open"
    CANCELLED = "cancelled"
    INVOICED = "invoiced"
    RETURNED = "returned"
    PARTLY_RETURNED = "partly_returned"
    DENIED = "denied"

    @property
    def label(self) -> str:
        """For people."""
        return LABELS[self]

    @property
    def frozen(self) -> bool:
        """True when a person has to act in Omie: an invoice hangs on it."""
        return self in (Status.INVOICED, Status.RETURNED, Status.PARTLY_RETURNED, Status.DENIED)


LABELS = {
    Status.QUOTE: "Proposta",
    Status.OPEN: "Em aberto",
    Status.CANCELLED: "Cancelado",
    Status.INVOICED: "Faturado",
    Status.RETURNED: "Devolvido",
    Status.PARTLY_RETURNED: "Devolvido em parte",
    Status.DENIED: "Nota denegada",
}

ORDER_FLAGS: tuple[tuple[str, Status], ...] = (
    ("cancelado", Status.CANCELLED),
    ("devolvido", Status.RETURNED),
    ("devolvido_parcial", Status.PARTLY_RETURNED),
    ("denegado", Status.DENIED),
    ("autorizado", Status.INVOICED),
    ("faturado", Status.INVOICED),
)
"""Flags of `infoCadastro`, the telling one first. Cancelling does not change the stage, so it is asked first."""

SERVICE_FLAGS: tuple[tuple[str, Status], ...] = (("cCancelada", Status.CANCELLED), ("cFaturada", Status.INVOICED))
"""Flags of a service order's `InfoCadastro`."""


def order_status(order: JsonObject) -> Status:
    """The state of a product order."""
    stage = str((order.get("cabecalho") or {}).get("etapa") or "")
    return _status(order.get("infoCadastro") or {}, ORDER_FLAGS, stage)


def service_status(order: JsonObject) -> Status:
    """The state of a service order."""
    stage = str((order.get("Cabecalho") or {}).get("cEtapa") or "")
    return _status(order.get("InfoCadastro") or {}, SERVICE_FLAGS, stage)


def _status(info: JsonObject, flags: tuple[tuple[str, Status], ...], stage: str) -> Status:
    for name, status in flags:
        if info.get(name) == "S":
            return status
    return Status.QUOTE if stage == QUOTE_STAGE else Status.OPEN
