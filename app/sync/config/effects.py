"""What a change of the configuration touches, costs and warns of."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from app.core.errors import Postponed
from app.core.ports import Gateway, JsonObject, Vendor
from app.sync.config.document import Config
from app.sync.entities import set_of
from app.sync.mapping.mappable import Mappable, mappable

_SECTION_TOUCHES: Mapping[str, Sequence[str]] = {
    "scope.clients": ("clients",),
    "scope.orders": ("orders", "service_orders"),
    "clients": ("clients",),
    "products": ("products", "services"),
    "orders": ("orders",),
    "service_orders": ("service_orders",),
    "carriers": ("orders",),
    "payments": ("orders", "service_orders"),
    "stock": ("stock",),
    "sellers": ("clients", "orders", "service_orders"),
    "history": ("orders", "service_orders"),
}
"""Whose records a changed setting can change. Settings that are not here only rule what happens later."""


def row_of(omie: str, config: Config) -> Mappable:
    """The mappable row of a key that a valid document names."""
    row = mappable(omie, brand_as=config.products.brand_as)
    assert row is not None, omie
    return row


def changed_paths(old: JsonObject, new: JsonObject, prefix: str = "") -> list[str]:
    """Dotted names of the settings that differ; lists count as one setting."""
    paths: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        path = f"{prefix}{name}"
        if isinstance(before, dict) and isinstance(after, dict) and path != "conflicts.fields":
            paths += changed_paths(before, after, f"{path}.")
        else:
            paths.append(path)
    return paths


def touched_entities(old: Config, new: Config) -> set[str]:
    """Entities whose records must be compared again after a change from `old` to `new`."""
    touched: set[str] = set()
    for path in changed_paths(old.document(), new.document()):
        head, _, rest = path.partition(".")
        if head == "entities":
            touched.add(rest)
        for key in (path, f"{head}.{rest.partition('.')[0]}", head):
            touched.update(_SECTION_TOUCHES.get(key, ()))
    before, after = ({(r.omie, r.ploomes, r.direction) for r in config.mappings} for config in (old, new))
    touched.update(row_of(omie, new).entity for omie, _, _ in before ^ after)
    return touched


async def effects_of(records: Mapping[str, int], tables: int, gateways: Mapping[Vendor, Gateway]) -> JsonObject:
    """What comparing linked records (by entity) again costs: lists on both sides, at the limits as they are now; no
    `eta_seconds` where nobody can tell those. `tables` of stock are drawn from what is stored: for all of them together
    the list of places is read."""
    requests = {vendor: _lists(records, vendor, gateway) for vendor, gateway in gateways.items()}
    if tables:
        requests[Vendor.OMIE][gateways[Vendor.OMIE].price("stock_locations", "list").method] += 1
    try:
        seconds = [await gateways[vendor].seconds(calls) for vendor, calls in requests.items()]
    except Postponed:
        seconds = []
    by_vendor = {vendor.value: calls.total() for vendor, calls in requests.items()}
    return {
        "records": sum(records.values()) + tables,
        "requests": sum(by_vendor.values()),
        "requests_by_vendor": by_vendor,
        "eta_seconds": math.ceil(max(seconds)) if seconds else None,
    }


def _lists(records: Mapping[str, int], vendor: Vendor, gateway: Gateway) -> Counter[str]:
    """Requests by method; entities that share a set of a vendor are read together."""
    rows: Counter[str] = Counter()
    for entity, count in records.items():
        rows[set_of(entity, vendor)] += count
    calls: Counter[str] = Counter()
    for name, count in rows.items():
        price = gateway.price(name, "list")
        calls[price.method] += math.ceil(count / price.rows)
    return calls


def warnings_of(config: Config) -> list[str]:
    """What a person should know about a valid document."""
    warnings = []
    if config.maps_taxes:
        warnings.append(
            "Os impostos dos pedidos passam a ser responsabilidade do Ploomes: o Omie deixa de calculá-los."
        )
    elif config.orders.tax_owner == "ploomes":
        warnings.append("Nenhum campo de imposto está mapeado: o Omie continua calculando os impostos dos pedidos.")
    if config.orders.carrier_field is None and config.carriers:
        warnings.append("A tabela de transportadoras só vale quando orders.carrier_field indica o campo do Ploomes.")
    if config.orders.payment_field is None and config.payments:
        warnings.append("A tabela de pagamentos só vale quando orders.payment_field indica o campo do Ploomes.")
    for row in config.mappings:
        kind = row_of(row.omie, config)
        if kind.entity == "products" and row.direction != "to_ploomes":
            warnings.append(
                f"{row.omie}: produtos só vão do Omie para o Ploomes; a direção {row.direction} não tem efeito."
            )
        if kind.line and row.direction == "to_ploomes":
            warnings.append(
                f"{row.omie}: impostos de itens só vão do Ploomes para o Omie; com a direção to_ploomes nada é enviado."
            )
    if config.entities.stock and config.stock.locations == []:
        warnings.append(
            "Com stock.locations vazio, a tabela de estoque não mostra nenhum local; “all” mostra todos os que estão "
            "habilitados para venda."
        )
    if config.deletes.pause_above_in_ten_minutes == 0:
        warnings.append("Com deletes.pause_above_in_ten_minutes igual a 0, toda exclusão espera por uma pessoa.")
    return warnings
