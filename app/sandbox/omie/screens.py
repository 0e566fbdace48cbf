"""What a person can do at Omie's screens, by register: one row per kind of record, none of the API's limits."""

from collections.abc import Callable
from dataclasses import dataclass

from ..wire import Row
from . import clients, registers, sellers
from .company import Actor, Company, Entry
from .products import FAMILIES, PRODUCTS
from .registers import Rules
from .schemas import check
from .services import SERVICES, flatten
from .stock import LOCATIONS


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
}

#: English names of the control surface for the registers.
ALIASES = {
    "clients": "clientes",
    "sellers": "vendedores",
    "products": "produtos",
    "families": "familias",
    "services": "servicos",
    "locations": "locais",
}
