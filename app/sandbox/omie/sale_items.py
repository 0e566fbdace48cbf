"""The items of a sales order: which one a row means, its product, discount and taxes (omie-api.md 3.6 and 5.10)."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal

from ..wire import Row
from . import faults
from .company import Company, Entry
from .papers import cents, check_references
from .products import PRODUCTS
from .stock import location

_NIL, _HUNDRED = Decimal(0), Decimal(100)
_DISCOUNTS = ("tipo_desconto", "percentual_desconto", "valor_desconto")
_FROM_PRODUCT = ("codigo", "descricao", "ncm", "ean", "unidade")


@dataclass(frozen=True)
class Tax:
    """One tax of an item: its block and tags, the situation code by default, and the rate's name in a scenario."""

    block: str
    rate: str
    base: str
    value: str
    situation: str
    default: str


TAXES = {
    "icms": Tax("icms", "aliq_icms", "base_icms", "valor_icms", "cod_sit_trib_icms", "00"),
    "icms_sn": Tax("icms_sn", "aliq_icms_sn", "base_icms_sn", "valor_icms_sn", "cod_sit_trib_icms_sn", "102"),
    "ipi": Tax("ipi", "aliq_ipi", "base_ipi", "valor_ipi", "cod_sit_trib_ipi", "50"),
    "pis": Tax("pis_padrao", "aliq_pis", "base_pis", "valor_pis", "cod_sit_trib_pis", "01"),
    "cofins": Tax("cofins_padrao", "aliq_cofins", "base_cofins", "valor_cofins", "cod_sit_trib_cofins", "01"),
}


def merge(company: Company, items: list[Row], given: list[Row]) -> list[Row]:
    """`items` with the given rows applied: found by their keys, deleted by `acao_item` E, else added.

    Items not mentioned stay. A deep copy is returned; raises Fault.
    """
    kept = deepcopy(items)
    for row in given:
        ide = row.get("ide", {})
        action, place = ide.get("acao_item", ""), _place(kept, ide)
        if action not in ("", "E"):
            raise faults.invalid("acao_item", "E ou vazio")
        if action == "E":
            if place is None:
                wanted = ide.get("codigo_item") or ide.get("codigo_item_integracao", "")
                raise faults.missing_reference("Item", wanted, "codigo_item")
            del kept[place]
        elif place is None:
            kept.append(_apply(company, {}, row))
        else:
            kept[place] = _apply(company, kept[place], row)
    if not kept:
        raise faults.required("det")
    return kept


def _place(items: list[Row], ide: Row) -> int | None:
    code, number = ide.get("codigo_item_integracao", ""), ide.get("codigo_item", 0)
    for place, item in enumerate(items):
        if code and item["ide"].get("codigo_item_integracao") == code:
            return place
    for place, item in enumerate(items):
        if number and item["ide"]["codigo_item"] == number:
            return place
    if number:
        raise faults.missing_reference("Item", number, "codigo_item")
    return None


def _apply(company: Company, old: Row, row: Row) -> Row:
    item = {**old}
    for block, values in row.items():
        item[block] = {**old.get(block, {}), **values} if isinstance(values, dict) else values
    item["imposto"] = _taxes_kept(old.get("set_taxes", {}), row.get("imposto", {}))
    item["set_taxes"] = item["imposto"]
    ide = item["ide"] = {k: v for k, v in item.get("ide", {}).items() if k != "acao_item"}
    ide["codigo_item"] = old["ide"]["codigo_item"] if old else company.kernel.omie_id()
    item["produto"] = _product(company, item.get("produto", {}), row.get("produto", {}))
    extra = item.get("inf_adic", {})
    location(company, extra.get("codigo_local_estoque", 0))
    check_references(company, {
        "codigo_categoria_item": ("categorias", "Categoria", True, extra.get("codigo_categoria_item")),
        "codigo_cenario_impostos_item": ("cenarios", "Cenário de impostos", False,
                                         extra.get("codigo_cenario_impostos_item")),
    })  # fmt: skip
    return item


def _taxes_kept(old: Row, given: Row) -> Row:
    return {block: {**old.get(block, {}), **given.get(block, {})} for block in {**old, **given}}


def _product(company: Company, merged: Row, given: Row) -> Row:
    entry = _entry_of(company, given if given.get("codigo_produto") or given.get("codigo_produto_integracao")
                      else merged)  # fmt: skip
    if entry.row.get("inativo") == "S":
        name, code = entry.row["codigo"], entry.row.get("codigo_produto_integracao", "")
        raise faults.Fault(f"ERROR: O produto [{name}] está inativo !(Id: [{entry.id}] / Integração: [{code}])", 115)
    for tag in ("quantidade", "valor_unitario"):
        if not merged.get(tag):
            raise faults.required(tag)
        if merged[tag] < 0:
            raise faults.invalid(tag, "um valor maior que zero")
    if merged.get("tipo_desconto", "") not in ("", "V", "P"):
        raise faults.invalid("tipo_desconto", "V ou P")
    product = {**merged, "codigo_produto": entry.id,
               "codigo_produto_integracao": entry.row.get("codigo_produto_integracao", ""),
               **{name: entry.row.get(name, "") for name in _FROM_PRODUCT},
               "kit": "S" if entry.row.get("componentes_kit") else "N"}  # fmt: skip
    return product | {"cfop": product.get("cfop") or "5.102"}


def _entry_of(company: Company, product: Row) -> Entry:
    code, number = product.get("codigo_produto_integracao", ""), product.get("codigo_produto", 0)
    if not code and not number:
        raise faults.required("codigo_produto", "codigo_produto_integracao")
    entry = PRODUCTS.coded(company, code) if code else company.registers["produtos"].get(number)
    if entry is None:
        tag = "codigo_produto_integracao" if code else "codigo_produto"
        raise faults.missing_reference("Produto", code or number, tag)
    return entry


def check_codes(items: list[Row], *, needed: bool) -> None:
    """Every item has an integration code of its own, unless a person typed it; raises Fault."""
    seen: set[str] = set()
    for item in items:
        code = item["ide"].get("codigo_item_integracao", "")
        if not code and needed:
            raise faults.required("codigo_item_integracao")
        if code and code in seen:
            raise faults.duplicate_code("Item", code)
        seen.add(code)


def spread_discount(company: Company, head: Row, items: list[Row]) -> None:
    """A discount of the order becomes one of its items and reads back only there (omie-api.md 5.11)."""
    kind = head.pop("tipo_desconto_pedido", "")
    percent, value = head.pop("perc_desconto_pedido", _NIL), head.pop("valor_desconto_pedido", _NIL)
    if not percent and not value:
        return
    if kind not in ("V", "P"):
        raise faults.invalid("tipo_desconto_pedido", "V ou P")
    if any(item["produto"].get("valor_desconto") or item["produto"].get("percentual_desconto") for item in items):
        raise faults.only_when("tipo_desconto_pedido", "os itens não tiverem desconto")
    if kind == "P":
        for item in items:
            item["produto"] |= {"tipo_desconto": "P", "percentual_desconto": percent}
        return
    worth = [cents(company, item["produto"]["quantidade"] * item["produto"]["valor_unitario"]) for item in items]
    left = value
    for item, share in zip(items[:-1], worth[:-1], strict=True):
        part = cents(company, value * share / sum(worth))
        left -= part
        item["produto"] |= {"tipo_desconto": "V", "valor_desconto": part}
    items[-1]["produto"] |= {"tipo_desconto": "V", "valor_desconto": left}


def price(company: Company, item: Row, scenario: dict[str, Decimal], *, simples: bool) -> None:
    """Fills what Omie computes: merchandise, discount, total and the taxes of the scenario, overridden as sent."""
    product = item["produto"]
    worth = cents(company, product["quantidade"] * product["valor_unitario"])
    discount = _discount(company, product, worth)
    if not _NIL <= discount <= worth:
        raise faults.invalid("valor_desconto", "um desconto até o valor da mercadoria")
    total = worth - discount - product.get("valor_deducao", _NIL)
    product |= {"valor_mercadoria": worth, "valor_desconto": discount, "valor_total": total}
    item["imposto"] = _taxes(company, item["set_taxes"], total, scenario, simples=simples)
    item["ide"]["simples_nacional"] = "S" if simples else "N"


def _discount(company: Company, product: Row, worth: Decimal) -> Decimal:
    kind = product.get("tipo_desconto") or ("P" if product.get("percentual_desconto") else "V")
    if kind == "P":
        return cents(company, worth * product.get("percentual_desconto", _NIL) / _HUNDRED)
    value: Decimal = product.get("valor_desconto", _NIL)
    product["percentual_desconto"] = (value * _HUNDRED / worth).quantize(Decimal("0.01")) if worth else _NIL
    product["tipo_desconto"] = "V"
    return value


def _taxes(company: Company, given: Row, total: Decimal, scenario: dict[str, Decimal], *, simples: bool) -> Row:
    blocks = {name: dict(values) for name, values in given.items()}
    for name, tax in TAXES.items():
        if name == ("icms" if simples else "icms_sn") and tax.block not in given:
            continue
        block = blocks.setdefault(tax.block, {})
        rate = block.setdefault(tax.rate, scenario.get(name, _NIL))
        base = block.setdefault(tax.base, total if rate else _NIL)
        block.setdefault(tax.value, cents(company, base * rate / _HUNDRED))
        block.setdefault(tax.situation, tax.default)
    _replace_tax(company, blocks, total, scenario)
    return blocks


def _replace_tax(company: Company, blocks: Row, total: Decimal, scenario: dict[str, Decimal]) -> None:
    """ICMS ST: on the value with IPI and margin, less the ICMS already due."""
    block = blocks.setdefault("icms_st", {})
    rate = block.setdefault("aliq_icms_st", scenario.get("icms_st", _NIL))
    margin = block.setdefault("margem_icms_st", scenario.get("margin", _NIL) if rate else _NIL)
    base = cents(company, (total + blocks["ipi"]["valor_ipi"]) * (_HUNDRED + margin) / _HUNDRED) if rate else _NIL
    base = block.setdefault("base_icms_st", base)
    own = blocks.get("icms", {}).get("valor_icms", _NIL)
    due = cents(company, base * rate / _HUNDRED) - own if rate else _NIL
    block.setdefault("valor_icms_st", max(due, _NIL))


def amounts(items: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Product and taxes of each item that counts in the total."""
    for item in items:
        if item.get("inf_adic", {}).get("nao_somar_total") != "S":
            yield item["produto"], item["imposto"]
