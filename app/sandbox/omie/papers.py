"""What orders and service orders share: number, stages, what happened to them, instalments and cents."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any, cast

from ..wire import Row
from . import faults
from .company import Actor, Company, Entry

_CENT = Decimal("0.01")
_ROUNDING = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "down": ROUND_DOWN}
FIRST_AFTER_INVOICE = "60"
SALE, SERVICE = "11", "01"
FREE_TERMS = "999"


@dataclass(frozen=True)
class Act:
    """Something that happened to a document once: when and by whom."""

    at: datetime
    by: str


@dataclass
class Paper(Entry):
    """An order or service order. `acts`: cancelled, invoiced, authorised, denied, returned, partly_returned."""

    number: int = 0
    acts: dict[str, Act] = field(default_factory=dict)
    stages: list[tuple[str, Act]] = field(default_factory=list)
    invoice: Row = field(default_factory=dict)
    returned: dict[int, Decimal] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Neither cancelled nor invoiced."""
        return not self.acts.keys() & {"cancelled", "invoiced"}

    def numbered(self, company: Company) -> bool:
        """Whether the tax office or the town hall has answered with the note's number."""
        waited = (company.now() - self.acts["invoiced"].at).total_seconds() if self.invoice else 0.0
        return bool(self.invoice) and waited >= company.kernel.quirks.omie_invoice_number_after_s

    def flag(self, act: str) -> str:
        """S when it happened."""
        return "S" if act in self.acts else "N"

    def triple(self, act: str, suffix: str, tags: tuple[str, str, str] = ("d", "h", "u")) -> Row:
        """Day, hour and user of an act, {} when it did not happen."""
        if act not in self.acts:
            return {}
        done = self.acts[act]
        day, hour, user = tags
        return {f"{day}{suffix}": f"{done.at:%d/%m/%Y}", f"{hour}{suffix}": f"{done.at:%H:%M:%S}",
                f"{user}{suffix}": done.by}  # fmt: skip

    def did(self, act: str, company: Company, actor: Actor) -> None:
        """It happens now."""
        self.acts[act] = Act(company.now(), actor.code)


def papers(company: Company, register: str) -> dict[int, Paper]:
    """The documents of a register by Omie id."""
    return cast(dict[int, Paper], company.registers[register])


def cents(company: Company, value: Decimal) -> Decimal:
    """Rounded to cents; the reference does not say how Omie rounds, hence the switch."""
    return value.quantize(_CENT, _ROUNDING[company.kernel.quirks.omie_rounding])


def stages(company: Company, operation: str) -> dict[str, Row]:
    """The stages of an operation by code, inactive ones too: they can still hold orders (omie-api.md 3.6)."""
    for row in company.catalogs["etapafat"]:
        if row.get("cCodOperacao") == operation:
            return {stage["cCodigo"]: stage for stage in row["etapas"]}
    return {}


def check_stage(company: Company, operation: str, tag: str, stage: str) -> None:
    """Raises Fault for a stage that the operation does not have, or that only invoicing leads to."""
    known = stages(company, operation)
    if stage not in known or stage >= FIRST_AFTER_INVOICE:
        before = ", ".join(code for code in known if code < FIRST_AFTER_INVOICE)
        raise faults.invalid(tag, f"uma das etapas {before}")


def refused_move(company: Company, operation: str, paper: Paper, stage: str) -> str | None:
    """Why the document may not go to that stage: before invoicing among the earlier ones, after among the later."""
    if stage not in stages(company, operation):
        return f"Não é possível trocar a etapa: a etapa [{stage}] não está cadastrada."
    if ("invoiced" in paper.acts) != (stage >= FIRST_AFTER_INVOICE):
        return f"Não é possível trocar para a etapa [{stage}] pela situação do faturamento."
    if "cancelled" in paper.acts and "invoiced" not in paper.acts:
        return "Não é possível trocar a etapa de um pedido cancelado."
    return None


def enter_stage(company: Company, paper: Paper, stage: str, actor: Actor) -> None:
    """Notes the stage in the document's history."""
    paper.stages.append((stage, Act(company.now(), actor.code)))


def terms(company: Company, tag: str, code: str) -> list[int] | None:
    """Days of each instalment of a payment term, None for the free one; raises Fault for an unknown code."""
    for row in company.catalogs["formaspagvendas"]:
        if row["cCodigo"] == code:
            return None if code == FREE_TERMS else [int(days) for days in row["cListaParc"].split("/")]
    raise faults.missing_reference("Parcela", code, tag, feminine=True)


@dataclass(frozen=True)
class Share:
    """One computed instalment."""

    number: int
    value: Decimal
    percent: Decimal
    due: date
    days: int


def shares(company: Company, total: Decimal, start: date, days: list[int]) -> list[Share]:
    """Equal parts, the last one takes what is left."""
    count = len(days)
    part, percent = cents(company, total / count), (Decimal(100) / count).quantize(_CENT)
    result = []
    for place, wait in enumerate(days, 1):
        last = place == count
        value = total - part * (count - 1) if last else part
        share = Decimal(100) - percent * (count - 1) if last else percent
        result.append(Share(place, value, share, start + timedelta(days=wait), wait))
    return result


def day(tag: str, text: str) -> date:
    """A day as dd/mm/aaaa; raises Fault."""
    if not text:
        raise faults.required(tag)
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007  a day has no zone
    except ValueError:
        raise faults.Fault(f"ERROR: Data inválida na tag [{tag}], utilize dd/mm/aaaa !", 104) from None


def check_forecast(company: Company, tag: str, text: str) -> None:
    """Today or later, on inclusion (omie-api.md 5.23; the exact text is unknown)."""
    if day(tag, text) < company.now().date():
        raise faults.Fault(f"ERROR: A data informada na tag [{tag}] não pode ser menor que a data atual !", 104)


def check_references(company: Company, wanted: dict[str, tuple[str, str, bool, Any]]) -> None:
    """Each `tag: (register or catalogue, thing, feminine, value)` must exist where a value is given; raises Fault."""
    for tag, (name, thing, feminine, value) in wanted.items():
        if not value:
            continue
        known = value in company.registers[name] if name in company.registers else _in_catalog(company, name, value)
        if not known:
            raise faults.missing_reference(thing, value, tag, feminine=feminine)


def client_of(company: Company, number: int, tag: str) -> Row:
    """The client a document names; raises Fault when it is gone, which one reading of Omie allows (6, row 21)."""
    if number not in company.clients:
        raise faults.missing_reference("Cliente", number, tag)
    return company.clients[number].row


def _in_catalog(company: Company, name: str, value: Any) -> bool:
    keys = ("codigo", "nCodigo", "nCodCC")
    return any(str(row.get(key)) == str(value) for row in company.catalogs[name] for key in keys if key in row)


def fiscal_gaps(client: Row) -> list[str]:
    """What an invoice needs and the client lacks, in Omie's words (omie-api.md 5.22)."""
    needed = {
        "cnpj_cpf": "o CNPJ/CPF", "endereco": "o Endereço", "endereco_numero": "o Número do Endereço",
        "bairro": "o Bairro", "cidade": "a Cidade", "estado": "o Estado", "cep": "o CEP", "email": "o E-mail",
    }  # fmt: skip
    return [text for tag, text in needed.items() if not client.get(tag)]


def gap_text(document: str, gaps: list[str]) -> str:
    """`Para emitir a NF-e falta preencher o Número do Endereço e o E-mail.`"""
    listed = ", ".join(gaps[:-1]) + " e " + gaps[-1] if len(gaps) > 1 else gaps[0]
    return f"Para emitir a {document} falta preencher {listed}."
