"""What must hold before a sale may become a document: one table, every line of it with its fix (X01, F161-F163). Pure.

Texts are Portuguese: they are the issue, the note on the client's timeline and the answer to "why".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from app.core.ports import JsonObject
from app.sync.mapping.convert import canonical_document, clean
from app.sync.mapping.places import fold

FAMILIES = ("PRODUTOS", "SERVICOS")
GENERIC_WORDS = frozenset({"CLIENTE", "CLIENTES", "TESTE", "TESTES", "FORNECEDOR", "FORNECEDORES"})
BRAZIL = "BR"


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What is known of one line of a sale. `linked`: its product has a partner in Omie."""

    name: str
    quantity: Decimal
    value: Decimal
    linked: bool
    family: str | None

    @property
    def counts(self) -> bool:
        """True for a line with quantity and value; others are left out, visibly (F162, F163)."""
        return self.quantity > 0 and self.value > 0


@dataclass(slots=True)
class Facts:
    """Everything the conditions look at, gathered before."""

    contact: JsonObject | None
    """The client in Ploomes; None when the sale names none or it is gone."""
    country: str | None = BRAZIL
    client_waits: str | None = None
    """Why the client has no partner in Omie, once its document is good."""
    owner: str | None = None
    """Name or id of the sale's owner in Ploomes."""
    seller: str | None = None
    seller_active: bool = True
    lines: Sequence[LineFacts] = ()
    amount: Decimal = Decimal(0)
    totals: str | None = None
    """How the sale contradicts itself."""
    choices: Sequence[tuple[str, str]] = ()
    """What the configuration leaves open: (option, problem)."""
    products: bool = True
    """False for a sale that only has services."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that does not hold."""

    name: str
    title: str
    detail: str
    fix: str
    who: str = "vendas"

    @property
    def text(self) -> str:
        """For the issue: what is missing and what to do."""
        return f"{self.detail} {self.fix}"

    def as_json(self) -> JsonObject:
        """For the issue's data."""
        return {"name": self.title, "ok": False, "detail": self.detail, "fix": self.fix, "who": self.who}


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the table. `test` answers what is wrong, or None."""

    name: str
    title: str
    test: Callable[[Facts], str | None]
    fix: str
    who: str = "vendas"
    after: Sequence[str] = field(default=())
    """Conditions that must hold before this one says anything."""


def _document(facts: Facts) -> str | None:
    contact = facts.contact or {}
    if facts.country not in (None, BRAZIL):
        return None
    raw = clean(contact.get("Register") or contact.get("CNPJ") or contact.get("CPF"))
    if canonical_document(raw) is not None:
        return None
    return "O cliente não tem CNPJ/CPF." if raw is None else f"O CNPJ/CPF “{raw}” do cliente não é válido."


def _address(name: str, text: str) -> Callable[[Facts], str | None]:
    return lambda facts: None if clean((facts.contact or {}).get(name)) else text


def _unlinked(facts: Facts) -> str | None:
    names = [line.name for line in facts.lines if line.counts and not line.linked]
    return f"Sem vínculo com o Omie: {', '.join(names)}." if names else None


def _family(facts: Facts) -> str | None:
    names = [line.name for line in facts.lines if line.counts and fold(line.family or "") not in FAMILIES]
    return f"Fora das famílias Produtos e Serviços: {', '.join(names)}." if names else None


def _no_line(facts: Facts) -> str | None:
    return None if facts.lines else "A venda não tem nenhum produto."


def _quantity(facts: Facts) -> str | None:
    if any(line.counts for line in facts.lines):
        return None
    names = [line.name for line in facts.lines if line.quantity <= 0]
    return f"Sem quantidade: {', '.join(names)}." if names else None


def _value(facts: Facts) -> str | None:
    if any(line.counts for line in facts.lines):
        return None
    names = [line.name for line in facts.lines if line.quantity > 0 and line.value <= 0]
    return f"Sem valor: {', '.join(names)}." if names else None


def _amount(facts: Facts) -> str | None:
    return None if facts.amount > 0 or not any(line.counts for line in facts.lines) else "O valor da venda é zero."


def _seller(facts: Facts) -> str | None:
    if facts.owner is None:
        return None
    if facts.seller is None:
        return f"O responsável {facts.owner} não tem vendedor com o mesmo e-mail no Omie."
    return None if facts.seller_active else f"O vendedor do responsável {facts.owner} está inativo no Omie."


def _choices(option: str) -> Callable[[Facts], str | None]:
    return lambda facts: next((problem for name, problem in facts.choices if name == option), None)


CONDITIONS: Sequence[Condition] = (
    Condition(
        "client",
        "Cliente informado",
        lambda f: None if f.contact else "A venda não tem cliente.",
        "Informe o cliente da venda.",
    ),
    Condition(
        "document",
        "CNPJ/CPF do cliente",
        _document,
        "Preencha um CNPJ ou CPF válido no cadastro do cliente.",
        after=("client",),
    ),
    Condition(
        "city",
        "Cidade do cliente",
        _address("CityId", "O cliente não tem cidade."),
        "Preencha a cidade no cadastro do cliente.",
        after=("client",),
    ),
    Condition(
        "state",
        "Estado do cliente",
        _address("StateId", "O cliente não tem estado."),
        "Preencha o estado no cadastro do cliente.",
        after=("client",),
    ),
    Condition(
        "number",
        "Número do endereço do cliente",
        _address("StreetAddressNumber", "O endereço do cliente não tem número."),
        "Preencha o número do endereço no cadastro do cliente (ou S/N).",
        after=("client",),
    ),
    Condition(
        "client_linked",
        "Cliente no Omie",
        lambda f: f.client_waits,
        "Resolva a pendência do cadastro do cliente.",
        after=("client", "document", "city", "state", "number"),
    ),
    Condition("lines", "Produtos na venda", _no_line, "Inclua ao menos um produto na venda."),
    Condition("quantity", "Quantidade", _quantity, "Informe a quantidade de ao menos um produto.", after=("lines",)),
    Condition("price", "Valor unitário", _value, "Informe o valor de ao menos um produto.", after=("lines",)),
    Condition("amount", "Valor da venda", _amount, "Confira o valor total da venda.", after=("lines",)),
    Condition(
        "linked",
        "Produtos vinculados",
        _unlinked,
        "Cadastre o produto no Omie ou vincule-o; o campo “Id (Omie)” mostra o vínculo.",
        "admin",
    ),
    Condition(
        "family",
        "Família dos produtos",
        _family,
        "Coloque o produto na família Produtos ou Serviços do Ploomes.",
        "admin",
    ),
    Condition(
        "totals",
        "Totais coerentes",
        lambda f: f.totals,
        "Abra a venda no Ploomes, confira quantidade, valor, desconto e total, e salve de novo.",
        after=("lines", "quantity", "price", "amount"),
    ),
    Condition(
        "seller",
        "Responsável no Omie",
        _seller,
        "Use o mesmo e-mail nos dois sistemas, ou informe o par em sellers.pairs ou um sellers.default_seller.",
        "admin",
    ),
    Condition("account", "Conta corrente", _choices("account"), "Ajuste a conta na configuração.", "admin"),
    Condition("category", "Categoria", _choices("category"), "Ajuste a categoria na configuração.", "admin"),
    Condition("city_of_service", "Cidade do serviço", _choices("city"), "Informe service_orders.city.", "admin"),
    Condition("carrier", "Transportadora", _choices("carrier"), "Ajuste a tabela de transportadoras.", "admin"),
    Condition("payment", "Pagamento", _choices("payment"), "Ajuste a tabela de pagamentos.", "admin"),
)
"""Every condition, in the order a person should read them."""


def unmet(facts: Facts) -> list[Unmet]:
    """The conditions that do not hold, each with its own reason."""
    failed: dict[str, Unmet] = {}
    for one in CONDITIONS:
        if any(name in failed for name in one.after):
            continue
        detail = one.test(facts)
        if detail is not None:
            failed[one.name] = Unmet(one.name, one.title, detail, one.fix, one.who)
    return list(failed.values())


def unmet_choices(choices: Sequence[tuple[str, str]]) -> list[Unmet]:
    """What only the configuration leaves open, for a document that is there already."""
    return [one for one in unmet(Facts(contact=None, choices=choices)) if one.name in dict(choices)]


def warnings(facts: Facts) -> list[str]:
    """What is odd and stops nothing."""
    found = []
    name = clean((facts.contact or {}).get("Name")) or ""
    if GENERIC_WORDS & set(fold(name).replace("-", " ").split()):
        found.append(f"O nome do cliente, “{name}”, parece genérico.")
    left_out = [line.name for line in facts.lines if not line.counts]
    if left_out and any(line.counts for line in facts.lines):
        found.append(f"Linhas sem quantidade ou sem valor ficaram de fora: {', '.join(left_out)}.")
    return found
