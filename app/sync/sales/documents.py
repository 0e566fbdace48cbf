"""A document of Omie, reduced to what the two sides of a sale are compared by. Two kinds, one shape. Pure.

Product orders: reference 3.6. Service orders: reference 3.8. What ConsultarPedido leaves out is empty or zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from app.core.ports import JsonObject
from app.sync.mapping.convert import canonical_decimal, clean
from app.sync.mapping.fields import Values
from app.sync.sales.lines import Item
from app.sync.sales.money import ZERO, cents, plain
from app.sync.sales.status import Status, order_status, service_status

ORDERS, SERVICE_ORDERS = "orders", "service_orders"


@dataclass(frozen=True, slots=True)
class Document:
    """What Omie holds."""

    id: str
    code: str | None
    """Our integration code, when it carries one."""
    number: str | None
    stage: str
    status: Status
    client: str | None
    seller: str | None
    items: Sequence[Item]
    freight: Decimal
    notes: str | None
    terms: str
    parts: Sequence[tuple[Decimal, date | None]] = ()
    created: date | None = None
    tracking: str | None = None
    raw: JsonObject = field(default_factory=dict)

    @property
    def total(self) -> Decimal:
        """Items and freight; taxes that Omie adds are no part of it (design section 8)."""
        return sum((item.total for item in self.items), ZERO) + self.freight

    def values(self) -> Values:
        """Comparable values by row."""
        return {
            "client": self.client,
            "owner": self.seller,
            "items": sorted(item.canonical for item in self.items),
            "freight": plain(self.freight),
            "notes": self.notes,
            "stage": self.stage,
            "status": self.status.value,
            "number": self.number,
            "omie_id": self.id,
        }


def number_of(raw: object) -> str | None:
    """A number for people: some answers pad it with zeros (reference 1.2)."""
    return str(raw or "").lstrip("0") or None


def decimal(raw: object) -> Decimal:
    """A number of the wire; absent and empty are zero."""
    return Decimal(canonical_decimal(raw) or 0)


def day(raw: object) -> date | None:
    """A day as Omie spells it."""
    parts = str(raw or "").split("/")
    try:
        return date(int(parts[2]), int(parts[1]), int(parts[0]))
    except (ValueError, IndexError):
        return None


def _id(raw: object) -> str | None:
    text = str(raw or "")
    return text if text not in ("", "0") else None


def read_order(record: JsonObject) -> Document:
    """A product order as ConsultarPedido or ListarPedidos gave it."""
    head, more = record.get("cabecalho") or {}, record.get("informacoes_adicionais") or {}
    freight = record.get("frete") or {}
    parts = (record.get("lista_parcelas") or {}).get("parcela") or ()
    return Document(
        id=str(head.get("codigo_pedido")),
        code=clean(head.get("codigo_pedido_integracao")),
        number=number_of(head.get("numero_pedido")),
        stage=str(head.get("etapa") or ""),
        status=order_status(record),
        client=_id(head.get("codigo_cliente")),
        seller=_id(more.get("codVend")),
        items=[_order_item(row) for row in record.get("det") or ()],
        freight=cents(decimal(freight.get("valor_frete"))),
        notes=clean((record.get("observacoes") or {}).get("obs_venda")),
        terms=str(head.get("codigo_parcela") or ""),
        parts=[(decimal(part.get("valor")), day(part.get("data_vencimento"))) for part in parts],
        created=day((record.get("infoCadastro") or {}).get("dInc")),
        tracking=clean(freight.get("codigo_rastreio")),
        raw=record,
    )


def _order_item(row: JsonObject) -> Item:
    names, product = row.get("ide") or {}, row.get("produto") or {}
    quantity, unit = decimal(product.get("quantidade")), decimal(product.get("valor_unitario"))
    total = product.get("valor_total")
    net = decimal(total) if total is not None else cents(quantity * unit) - decimal(product.get("valor_desconto"))
    code = clean(names.get("codigo_item_integracao"))
    return Item(
        product=str(product.get("codigo_produto")),
        quantity=quantity,
        unit=unit,
        total=cents(net),
        item_id=_id(names.get("codigo_item")),
        code=code or _id(names.get("codigo_item")),
        name=clean(product.get("descricao")) or "",
    )


def read_service_order(record: JsonObject) -> Document:
    """A service order as ConsultarOS or ListarOS gave it."""
    head = record.get("Cabecalho") or {}
    return Document(
        id=str(head.get("nCodOS")),
        code=clean(head.get("cCodIntOS")),
        number=number_of(head.get("cNumOS")),
        stage=str(head.get("cEtapa") or ""),
        status=service_status(record),
        client=_id(head.get("nCodCli")),
        seller=_id(head.get("nCodVend")),
        items=[_service_item(row, place) for place, row in enumerate(record.get("ServicosPrestados") or (), 1)],
        freight=ZERO,
        notes=clean((record.get("Observacoes") or {}).get("cObsOS")),
        terms=str(head.get("cCodParc") or ""),
        parts=[(decimal(part.get("nValor")), day(part.get("dDtVenc"))) for part in record.get("Parcelas") or ()],
        created=day((record.get("InfoCadastro") or {}).get("dDtInc")),
        raw=record,
    )


def _service_item(row: JsonObject, place: int) -> Item:
    quantity, unit = decimal(row.get("nQtde")), decimal(row.get("nValUnit"))
    gross = cents(quantity * unit)
    by_percent = cents(gross * decimal(row.get("nAliqDesconto")) / 100)
    discount = by_percent if row.get("cTpDesconto") == "P" else decimal(row.get("nValorDesconto"))
    return Item(
        product=str(row.get("nCodServico")),
        quantity=quantity,
        unit=unit,
        total=cents(gross - discount),
        item_id=_id(row.get("nIdItem")),
        code=_id(row.get("nSeqItem")) or str(place),
        name=clean(row.get("cDescServ")) or "",
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document: what differs between the two, and where."""

    entity: str
    products: str
    """Entity whose links say which lines of a sale belong to it."""
    noun: str
    """For people."""
    section: str
    """Its part of the configuration."""
    read: Callable[[JsonObject], Document]
    key: str
    """Word of the vendor's set for a search by integration code."""
    states: str
    """Set that tells of its invoices."""

    def setting(self, config: Any, name: str) -> Any:
        """A setting of its part of the configuration."""
        return getattr(getattr(config, self.section), name)


KINDS: Mapping[str, Kind] = {
    ORDERS: Kind(ORDERS, "products", "Pedido", "orders", read_order, "integration_code", "order_states"),
    SERVICE_ORDERS: Kind(
        SERVICE_ORDERS,
        "services",
        "OS",
        "service_orders",
        read_service_order,
        "integration_code",
        "service_order_states",
    ),
}
"""By entity; a sale has at most one document of each."""


def invoices(kind: Kind, states: JsonObject) -> list[tuple[str, str | None]]:
    """Numbers and links of the invoices of a document, as StatusPedido or StatusOS told them."""
    if kind.entity == ORDERS:
        rows = [(row.get("numero_nfe"), row.get("danfe")) for row in states.get("ListaNfe") or ()]
        prefix = "NF-e"
    else:
        rows = [(row.get("nNfse"), row.get("cUrlNfse")) for row in states.get("ListaRpsNfse") or ()]
        prefix = "NFS-e"
    return [(f"{prefix} {number_of(number)}", clean(url)) for number, url in rows if number_of(number)]
