"""What a person can do at Omie's screens, by register: one row per kind of record, none of the API's limits."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from ..wire import Row
from . import clients, registers, sale_acts, sales, sellers, work_acts, works
from .auxiliary import ACCOUNTS, PROJECTS
from .company import Actor, Company, Entry
from .faults import Fault
from .papers import Paper
from .products import FAMILIES, PRODUCTS
from .registers import Rules
from .sale_views import listed
from .schemas import check
from .services import SERVICES, flatten
from .stock import LOCATIONS
from .work_views import view


@dataclass(frozen=True)
class Screen:
    """One screen: how a record is typed, changed, deleted and shown. What is typed is checked like the API's."""

    include: Callable[[Company, Row, Actor], Entry]
    alter: Callable[[Company, Entry, Row, Actor], None]
    exclude: Callable[[Company, Entry, Actor], None]
    show: Callable[[Company, Entry], Row]


def _of(rules: Rules, opened: Callable[[Row], Row] = lambda given: given) -> Screen:
    def include(company: Company, given: Row, actor: Actor) -> Entry:
        return registers.include(rules, company, opened(check(rules.shape, given)), actor)

    def alter(company: Company, entry: Entry, given: Row, actor: Actor) -> None:
        registers.alter(rules, company, entry, opened(check(rules.shape, given)), actor)

    def exclude(company: Company, entry: Entry, actor: Actor) -> None:
        registers.exclude(rules, company, entry, actor)

    return Screen(include, alter, exclude, rules.view)


def _on_paper(change: Callable[[Company, Paper, Row, Actor], None]) -> Callable[[Company, Entry, Row, Actor], None]:
    def run(company: Company, entry: Entry, given: Row, actor: Actor) -> None:
        change(company, cast(Paper, entry), given, actor)

    return run


def _move_order(company: Company, order: Paper, given: Row, actor: Actor) -> None:
    refusal = sale_acts.move(company, order, str(given.get("etapa", "")), actor)
    if refusal:
        raise Fault(f"ERROR: {refusal}", 2011)


def _return_order(company: Company, order: Paper, given: Row, actor: Actor) -> None:
    sale_acts.give_back(company, order, check("pvpDevolverRequest", given).get("itens", []), actor)


def _track_order(company: Company, order: Paper, given: Row, actor: Actor) -> None:
    sale_acts.alter_invoiced(company, order, check("pvpAlterarPedFaturadoRequest", given), actor)


def _invoice_order(company: Company, order: Paper, given: Row, actor: Actor) -> None:
    sale_acts.invoice(company, order, actor, denied=bool(given.get("denied")))


def _move_work(company: Company, work: Paper, given: Row, actor: Actor) -> None:
    refusal = work_acts.move(company, work, str(given.get("cEtapa") or given.get("etapa", "")), actor)
    if refusal:
        raise Fault(f"ERROR: {refusal}", 2011)


#: What a person does to a document beside editing it: register -> act -> how.
ACTS: dict[str, dict[str, Callable[[Company, Entry, Row, Actor], None]]] = {
    "pedidos": {
        "stage": _on_paper(_move_order),
        "invoice": _on_paper(_invoice_order),
        "cancel": _on_paper(lambda company, order, _given, actor: sale_acts.cancel(company, order, actor)),
        "return": _on_paper(_return_order),
        "track": _on_paper(_track_order),
    },
    "ordens": {
        "stage": _on_paper(_move_work),
        "invoice": _on_paper(lambda company, work, _given, actor: work_acts.invoice(company, work, actor)),
        "cancel": _on_paper(lambda company, work, _given, actor: work_acts.cancel(company, work, actor)),
    },
}

SCREENS: dict[str, Screen] = {
    "clientes": Screen(
        lambda company, given, actor: clients.include(company, check("clientes_cadastro", given), actor),
        lambda company, entry, given, actor: clients.alter(company, entry, check("clientes_cadastro", given), actor),
        clients.exclude,
        clients.view,
    ),
    "vendedores": Screen(
        lambda company, given, actor: sellers.include(company, check("vendedores_cadastro", given), actor),
        lambda company, entry, given, actor: sellers.alter(company, entry, check("vendedores_cadastro", given), actor),
        sellers.exclude,
        lambda _company, entry: sellers.view(entry),
    ),
    "produtos": _of(PRODUCTS),
    "familias": _of(FAMILIES),
    "servicos": _of(SERVICES, flatten),
    "locais": _of(LOCATIONS),
    "contacorrente": _of(ACCOUNTS),
    "projetos": _of(PROJECTS),
    "pedidos": Screen(
        lambda company, given, actor: sales.include(company, check("pedido_venda_produto", given), actor),
        _on_paper(
            lambda company, order, given, actor: sales.alter(
                company, order, check("pedido_venda_produto", given), actor
            )
        ),
        lambda company, entry, actor: sales.exclude(company, cast(Paper, entry), actor),
        lambda company, entry: listed(company, cast(Paper, entry)),
    ),
    "ordens": Screen(
        lambda company, given, actor: works.include(company, check("osCadastro", given), actor),
        _on_paper(lambda company, work, given, actor: works.alter(company, work, check("osCadastro", given), actor)),
        lambda company, entry, actor: works.exclude(company, cast(Paper, entry), actor),
        lambda company, entry: view(company, cast(Paper, entry)),
    ),
}

#: English names of the control surface for the registers.
ALIASES = {
    "clients": "clientes",
    "sellers": "vendedores",
    "products": "produtos",
    "families": "familias",
    "services": "servicos",
    "locations": "locais",
    "accounts": "contacorrente",
    "projects": "projetos",
    "orders": "pedidos",
    "service_orders": "ordens",
}
