"""The forms of a call: on a register, and the whole set of a plain register's calls made from its rules."""

from collections.abc import Callable
from dataclasses import dataclass

from ...wire import Row
from .. import faults, registers
from ..company import API, Company
from ..registers import Rules
from ..schemas import check


@dataclass(frozen=True)
class Call:
    """One call: the complex type of its param and its handler, which gets the checked param."""

    request: str
    run: Callable[[Company, Row], Row]

    def answer(self, company: Company, param: Row) -> Row:
        """Checks the param and runs; raises Fault."""
        return self.run(company, check(self.request, param))


Flatten = Callable[[Row], Row]


def _as_is(param: Row) -> Row:
    return param


def including(rules: Rules, flatten: Flatten = _as_is, request: str = "") -> Call:
    """IncluirX; `flatten` brings the keys of a nested param to its root."""

    def run(company: Company, param: Row) -> Row:
        return rules.answer(registers.include(rules, company, flatten(param), API), rules.said("cadastrado"))

    return Call(request or rules.shape, run)


def altering(rules: Rules, flatten: Flatten = _as_is, request: str = "") -> Call:
    """AlterarX."""

    def run(company: Company, param: Row) -> Row:
        given = flatten(param)
        entry = registers.find(rules, company, given)
        registers.alter(rules, company, entry, given, API)
        return rules.answer(entry, rules.said("alterado"))

    return Call(request or rules.shape, run)


def upserting(rules: Rules, flatten: Flatten = _as_is, request: str = "") -> Call:
    """UpsertX: the key is the integration code."""

    def run(company: Company, param: Row) -> Row:
        given = flatten(param)
        code = given.get(rules.code_tag, "")
        if not code:
            raise faults.required(rules.code_tag)
        entry = rules.coded(company, code)
        if entry is None:
            fresh = {name: value for name, value in given.items() if name != rules.id_tag}
            return rules.answer(registers.include(rules, company, fresh, API), rules.said("cadastrado"))
        registers.alter(rules, company, entry, given, API)
        return rules.answer(entry, rules.said("alterado"))

    return Call(request or rules.shape, run)


def excluding(rules: Rules) -> Call:
    """ExcluirX."""

    def run(company: Company, param: Row) -> Row:
        entry = registers.find(rules, company, param)
        registers.exclude(rules, company, entry, API)
        return rules.answer(entry, rules.said("excluído"))

    return Call(rules.key_shape, run)


def consulting(rules: Rules) -> Call:
    """ConsultarX: the record at the root."""
    return Call(rules.key_shape, lambda company, param: rules.view(company, registers.find(rules, company, param)))


def associating(rules: Rules) -> Call:
    """AssociarCodIntX: both keys, the Omie id finds the record."""

    def run(company: Company, param: Row) -> Row:
        for tag in (rules.id_tag, rules.code_tag):
            if not param.get(tag):
                raise faults.required(tag)
        entry = registers.find(rules, company, {rules.id_tag: param[rules.id_tag]})
        registers.associate(rules, company, entry, param[rules.code_tag], API)
        return rules.answer(entry, "Código de integração associado com sucesso!")

    return Call(rules.key_shape, run)
