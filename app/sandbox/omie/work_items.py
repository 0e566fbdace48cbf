"""The items of a service order: which one a row means, its service, discount and taxes (omie-api.md 3.8)."""

from copy import deepcopy
from decimal import Decimal

from ..wire import Row
from . import faults
from .company import Company, Entry
from .papers import cents
from .services import SERVICES

_NIL, _HUNDRED = Decimal(0), Decimal(100)
_MOST = 199
#: What an item without a service record must say itself.
_OWN_NEEDS = ("cTribServ", "cCodServMun", "cCodServLC116", "nValUnit", "cDescServ")
#: Tax -> (rate in the service record, flag of its retention there, in the item).
_TAXES = {"IRRF": ("nAliqIR", "cRetIR"), "PIS": ("nAliqPIS", "cRetPIS"), "COFINS": ("nAliqCOFINS", "cRetCOFINS"),
          "CSLL": ("nAliqCSLL", "cRetCSLL"), "INSS": ("nAliqINSS", "cRetINSS")}  # fmt: skip


def merge(company: Company, items: list[Row], given: list[Row]) -> list[Row]:
    """`items` with the given rows applied by `cAcaoItem`: A changes (the default), E deletes, I includes.

    In an order without items every row is an inclusion. A deep copy is returned; raises Fault.
    """
    kept, fresh = deepcopy(items), not items
    for row in given:
        action = row.get("cAcaoItem") or ("I" if fresh else "A")
        if action not in ("A", "E", "I"):
            raise faults.invalid("cAcaoItem", "A, E ou I")
        if action == "I":
            kept.append(_apply(company, {}, {"nSeqItem": len(kept) + 1, **row}))
            continue
        if not row.get("nSeqItem") and not row.get("nIdItem"):
            raise faults.required("nSeqItem")
        place = _place(kept, row)
        if action == "E":
            del kept[place]
        else:
            kept[place] = _apply(company, kept[place], row)
    if not kept:
        raise faults.required("ServicosPrestados")
    numbers = [item["nSeqItem"] for item in kept]
    if len(set(numbers)) < len(numbers) or not all(1 <= number <= _MOST for number in numbers):
        raise faults.invalid("nSeqItem", f"de 1 a {_MOST}, sem repetir")
    return kept


def _place(items: list[Row], row: Row) -> int:
    for tag in ("nIdItem", "nSeqItem"):
        for place, item in enumerate(items):
            if row.get(tag) and item[tag] == row[tag]:
                return place
        if row.get(tag):
            raise faults.missing_reference("Item", row[tag], tag)
    raise faults.required("nSeqItem")


def _apply(company: Company, old: Row, row: Row) -> Row:
    sent = {name: value for name, value in row.items() if name not in ("cAcaoItem", "nIdItem", "impostos")}
    item = {**old, **sent, "nIdItem": old.get("nIdItem") or company.kernel.omie_id()}
    item["set_taxes"] = {**old.get("set_taxes", {}), **row.get("impostos", {})}
    service = _service_of(company, row if row.get("nCodServico") or row.get("cCodIntServico") else item)
    if service is not None:
        _fill(item, service, row, changed=service.id != old.get("nCodServico"))
    for tag in () if service else _OWN_NEEDS:
        if not item.get(tag):
            raise faults.required(tag)
    for tag in ("nQtde", "nValUnit"):
        if not item.get(tag):
            raise faults.required(tag)
        if item[tag] < 0:
            raise faults.invalid(tag, "um valor maior que zero")
    if item.get("cTpDesconto", "") not in ("", "V", "P"):
        raise faults.invalid("cTpDesconto", "V ou P")
    return item


def _service_of(company: Company, row: Row) -> Entry | None:
    code, number = row.get("cCodIntServico", ""), row.get("nCodServico", 0)
    if not code and not number:
        return None
    entry = SERVICES.coded(company, code) if code else company.registers["servicos"].get(number)
    if entry is None:
        raise faults.missing_reference("Serviço", code or number, "cCodIntServico" if code else "nCodServico")
    if entry.row["inativo"] == "S":
        name, own = entry.row["cabecalho"]["cCodigo"], entry.row.get("cCodIntServ", "")
        raise faults.Fault(f"ERROR: O serviço [{name}] está inativo !(Id: [{entry.id}] / Integração: [{own}])", 115)
    return entry


def _fill(item: Row, service: Entry, sent: Row, *, changed: bool) -> None:
    """Description, price, codes and taxation come from the service record unless the row says otherwise."""
    head, taxes = service.row["cabecalho"], service.row.get("impostos", {})
    told = {
        "cTribServ": head.get("cIdTrib") or "01", "cCodServMun": head.get("cCodServMun", ""),
        "cCodServLC116": head.get("cCodLC116", ""), "cNbs": head.get("nIdNBS", ""),
        "nValUnit": head.get("nPrecoUnit", _NIL), "cRetemISS": taxes.get("cRetISS", "N"),
        "cDescServ": service.row.get("descricao", {}).get("cDescrCompleta") or head["cDescricao"],
    }  # fmt: skip
    if changed:
        item |= {name: value for name, value in told.items() if not sent.get(name)}
    item |= {"nCodServico": service.id, "cCodIntServico": service.row.get("cCodIntServ", ""),
             "cCodigo": head["cCodigo"]}  # fmt: skip


def price(company: Company, item: Row) -> tuple[Decimal, Decimal]:
    """Fills discount and taxes; returns the item's total and what of it the customer withholds."""
    worth = cents(company, item["nQtde"] * item["nValUnit"])
    discount = _discount(company, item, worth)
    if not _NIL <= discount <= worth:
        raise faults.invalid("nValorDesconto", "um desconto até o valor do serviço")
    item["nValorDesconto"] = discount
    total = worth - discount + item.get("nValorAcrescimos", _NIL)
    service = company.registers["servicos"].get(item.get("nCodServico", 0))
    known = service.row.get("impostos", {}) if service else {}
    taxes = dict(item["set_taxes"])
    rate = taxes.setdefault("nAliqISS", known.get("nAliqISS", _NIL))
    base = taxes.setdefault("nBaseISS", total - taxes.get("nTotDeducao", _NIL))
    withheld = taxes.setdefault("nValorISS", cents(company, base * rate / _HUNDRED))
    withheld = withheld if item.get("cRetemISS") == "S" else _NIL
    for tax, (source, flag) in _TAXES.items():
        rate = taxes.setdefault(f"nAliq{tax}", known.get(source, _NIL))
        value = taxes.setdefault(f"nValor{tax}", cents(company, total * rate / _HUNDRED))
        if taxes.setdefault(f"cRetem{tax}", known.get(flag, "N")) == "S":
            withheld += value
    item["impostos"] = taxes
    return total, withheld + item.get("nValorOutrasRetencoes", _NIL)


def _discount(company: Company, item: Row, worth: Decimal) -> Decimal:
    if item.get("cTpDesconto") == "P" or (not item.get("cTpDesconto") and item.get("nAliqDesconto")):
        return cents(company, worth * item.get("nAliqDesconto", _NIL) / _HUNDRED)
    value: Decimal = item.get("nValorDesconto", _NIL)
    return value
