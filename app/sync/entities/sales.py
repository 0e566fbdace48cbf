"""Sales: the fixed rows of both kinds of document (F154-F159). Data; their rules are the money road in `sync/sales`.

Both halves of a base hold Omie's words (ids, items as texts), so nothing is translated between them.
"""

from dataclasses import dataclass

from app.core.ports import JsonObject, Vendor
from app.sync.mapping.convert import Text, clean
from app.sync.mapping.fields import Field, Master, Refs, Value, get_path, patch_at

ORDERS, SERVICE_ORDERS = "orders", "service_orders"


@dataclass(frozen=True, slots=True)
class Told(Text):
    """A value the money road reads and writes itself; here it is only shown."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        raw = get_path(record, path, refs)
        return None if isinstance(raw, list | dict) else clean(raw)


@dataclass(frozen=True, slots=True)
class Chosen(Text):
    """The option of a Ploomes field that the configuration translates, as its id; Omie holds what it stands for."""

    def read(self, vendor: Vendor, record: JsonObject, path: str, refs: Refs) -> Value:
        return clean(get_path(record, path, refs)) if vendor is Vendor.PLOOMES else None

    def write(self, vendor: Vendor, value: Value, path: str, current: JsonObject | None, refs: Refs) -> JsonObject:
        return patch_at(path, int(str(value)) if value else None, refs) if vendor is Vendor.PLOOMES else {}


def _rows(entity: str, client: str, seller: str, items: str, notes: str) -> tuple[Field, ...]:
    by = Told()
    return (
        Field("client", "Cliente", client, "ContactId", by, Master.PLOOMES, entity=entity, features=("F154",)),
        Field("owner", "Vendedor / Responsável", seller, "OwnerId", by, entity=entity, features=("F155",)),
        Field("items", "Itens", items, "Products", by, entity=entity, features=("F156", "F157", "F158", "F159")),
        Field("notes", "Observações / Descrição", notes, "Description", by, entity=entity),
    )


FIELDS: dict[str, tuple[Field, ...]] = {
    ORDERS: _rows(
        ORDERS,
        "cabecalho.codigo_cliente",
        "informacoes_adicionais.codVend",
        "det",
        "observacoes.obs_venda",
    ),
    SERVICE_ORDERS: _rows(
        SERVICE_ORDERS, "Cabecalho.nCodCli", "Cabecalho.nCodVend", "ServicosPrestados", "Observacoes.cObsOS"
    ),
}
"""By entity."""

CARRIER, PAYMENT = "carrier", "payment"


def chosen_rows(entity: str, carrier_field: str | None, payment_field: str | None) -> list[Field]:
    """The rows of the option fields that the configuration names (F182-F188); a service order has no carrier."""
    named = [
        (CARRIER, "Transportadora", "frete.codigo_transportadora", carrier_field if entity == ORDERS else None),
        (PAYMENT, "Pagamento", "informacoes_adicionais.codigo_conta_corrente", payment_field),
    ]
    return [
        Field(key, label, omie, f"@{field}:IntegerValue", Chosen(), Master.PLOOMES, entity=entity, fixed=False,
              ploomes_type="Opções pré-cadastradas", watched=True)
        for key, label, omie, field in named
        if field is not None
    ]  # fmt: skip


SHARED_SETS: dict[tuple[str, Vendor], str] = {(SERVICE_ORDERS, Vendor.PLOOMES): ORDERS}
"""Both documents of a sale are one record in Ploomes."""
