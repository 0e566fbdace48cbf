"""What a document gets from the configuration and from Omie's own lists. Pure (contract 5, design 8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from app.core.ports import JsonObject
from app.sync.config.scope import in_scope
from app.sync.mapping.convert import canonical_document
from app.sync.mapping.fields import Refs

if TYPE_CHECKING:
    from app.sync.config.document import Carrier, Config, FieldCondition, Payment, StageCondition

CARRIER_TAG = "Transportadora"
NO_FREIGHT, SENDER_PAYS = "9", "0"


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list of Omie. `usable`: it may be chosen for a sale."""

    code: str
    name: str
    usable: bool


def account(row: JsonObject) -> Choice:
    """A current account (`geral/contacorrente/`)."""
    return Choice(str(row.get("nCodCC")), str(row.get("descricao") or ""), row.get("inativo") != "S")


def category(row: JsonObject) -> Choice:
    """A category (`geral/categorias/`): a sale takes a living leaf of revenue (reference 3.10)."""
    wanted = {"conta_receita": "S", "totalizadora": "N", "conta_inativa": "N", "nao_exibir": "N"}
    usable = all(row.get(name, good) == good for name, good in wanted.items()) and row.get("conta_receita") == "S"
    return Choice(str(row.get("codigo")), str(row.get("descricao") or ""), usable)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The code to send, or why there is none (Portuguese)."""

    code: str | None
    problem: str | None = None


def choose(wanted: object, choices: Sequence[Choice], noun: str, option: str) -> Chosen:
    """The configured code if it is still usable; without one, the only usable choice (contract section 5)."""
    usable = [one for one in choices if one.usable]
    if wanted is None:
        if len(usable) == 1:
            return Chosen(usable[0].code)
        if not usable:
            return Chosen(None, f"O Omie não tem nenhuma {noun} que sirva; cadastre uma e escolha-a em {option}.")
        return Chosen(None, f"Mais de uma {noun} do Omie serviria ({len(usable)}); escolha uma em {option}.")
    known = next((one for one in choices if one.code == str(wanted)), None)
    if known is None:
        return Chosen(None, f"A {noun} {wanted} não existe no Omie.")
    if not known.usable:
        return Chosen(None, f"A {noun} {known.name or wanted} está inativa ou não serve para vendas no Omie.")
    return Chosen(known.code)


def forecast(mapped: date | None, today: date) -> tuple[date, str | None]:
    """The later of the mapped date and today in São Paulo (Omie refuses the past), and what to note about it."""
    if mapped is None or mapped >= today:
        return mapped or today, None
    return today, f"Previsão de faturamento {mapped:%d/%m/%Y} já passou; enviada a de hoje, {today:%d/%m/%Y}."


def final_consumer(rule: str, document: object, *, taxpayer: bool) -> str:
    """`S` or `N`; `auto`: a person, and a company that pays no ICMS, consume what they buy."""
    if rule != "auto":
        return rule
    text = canonical_document(document)
    return "S" if (text is not None and len(text) == 11) or not taxpayer else "N"


def scenario(config: "Config", *, taxpayer: bool) -> str | None:
    """The tax scenario: the second one for clients that pay ICMS, where it is set (F177, F178)."""
    orders = config.orders
    code = orders.tax_scenario_taxpayer if taxpayer and orders.tax_scenario_taxpayer is not None else None
    code = code if code is not None else orders.tax_scenario
    return None if code is None else str(code)


def wanted_now(condition: "StageCondition | FieldCondition | None", sale: JsonObject, refs: Refs) -> bool:
    """Whether a sale fulfils a condition of the configuration; none is fulfilled by every sale (F173)."""
    stage_id = getattr(condition, "stage_id", None)
    if stage_id is not None:
        return str(sale.get("StageId")) == str(stage_id)
    return in_scope(condition, sale, refs)  # type: ignore[arg-type]


def option_of(sale: JsonObject, field_key: str | None) -> int | None:
    """The option chosen in a field of the sale."""
    if field_key is None:
        return None
    for row in sale.get("OtherProperties") or ():
        if row.get("FieldKey") == field_key and row.get("IntegerValue") is not None:
            return int(row["IntegerValue"])
    return None


def carrier_of(config: "Config", sale: JsonObject) -> "Carrier | None":
    """The row of the carriers table for the sale's option (F182-F185)."""
    option = option_of(sale, config.orders.carrier_field)
    return next((row for row in config.carriers if row.option == option), None) if option is not None else None


def payment_of(config: "Config", sale: JsonObject) -> "Payment | None":
    """The row of the payments table for the sale's option (F186-F188)."""
    option = option_of(sale, config.orders.payment_field)
    return next((row for row in config.payments if row.option == option), None) if option is not None else None


def is_carrier(client: JsonObject) -> bool:
    """Whether an Omie client has the role of a carrier; roles are tags (reference 3.1)."""
    tags = {str(row.get("tag", "")).casefold() for row in client.get("tags") or ()}
    return CARRIER_TAG.casefold() in tags


def carrier_client(name: str, cnpj: str, code: str) -> JsonObject:
    """A new carrier in Omie: a client with the tag of its role, and nothing we do not know."""
    return {
        "codigo_cliente_integracao": code,
        "razao_social": name,
        "nome_fantasia": name,
        "cnpj_cpf": cnpj,
        "tags": [{"tag": CARRIER_TAG}],
    }


def freight_type(carrier: "Carrier | None", freight: Decimal) -> str:
    """Who pays the freight, as Omie counts it (reference 3.6, `modalidade`)."""
    if carrier is not None:
        return carrier.freight_type
    return SENDER_PAYS if freight else NO_FREIGHT


def parts_of(rows: Sequence[JsonObject]) -> Mapping[str, int]:
    """Omie's codes of instalments and how many parts each has."""
    return {str(row["nCodigo"]): int(row.get("nParcelas") or 0) for row in rows if row.get("nCodigo")}
