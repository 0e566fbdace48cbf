"""$filter compiled to a predicate over stored rows; what the subset of ploomes-api.md 1 lacks is a 400."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Protocol

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODataLexer, ODataParser

from ..wire import Row
from .faults import Refusal, bad, unknown_property
from .schema import SETS, EntitySet, Nav

Env = dict[str, Row]
Value = Callable[[Env], Any]
Predicate = Callable[[Row], bool]
_Entity = tuple[Callable[[Env], Row | None], EntitySet]

_ROOT = ""
_ORDER = {ast.Eq: eq, ast.NotEq: ne, ast.Lt: lt, ast.LtE: le, ast.Gt: gt, ast.GtE: ge}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


class Reader(Protocol):
    """How a filter walks from one record to its relatives."""

    def one(self, row: Row, nav: Nav) -> Row | None:
        """The record a to-one navigation leads to."""

    def many(self, row: Row, nav: Nav) -> list[Row]:
        """The rows of a collection."""


@lru_cache(maxsize=512)
def parse(text: str) -> Any:
    """The filter's tree; raises Refusal (400) when it cannot be read."""
    try:
        return ODataParser().parse(ODataLexer().tokenize(text.strip()))
    except (ODataException, ValueError) as error:
        raise bad(f"Expressão inválida em $filter: {text}") from error


def wanted_id(tree: Any) -> int | None:
    """n of a plain `Id eq n`, so that the commonest look-up needs no scan."""
    match tree:
        case ast.Compare(comparator=ast.Eq(), left=ast.Identifier(name="Id"), right=ast.Integer(val=text)):
            return int(text)
    return None


def past_id(tree: Any) -> int | None:
    """n of `Id gt n`, alone or joined by `and`, so that a keyset scan starts where the page before it ended."""
    match tree:
        case ast.Compare(comparator=ast.Gt(), left=ast.Identifier(name="Id"), right=ast.Integer(val=text)):
            return int(text)
        case ast.BoolOp(op=ast.And(), left=left, right=right):
            found = [number for number in (past_id(left), past_id(right)) if number is not None]
            return max(found, default=None)
    return None


def compiled(tree: Any, entity_set: EntitySet, reader: Reader, *, any_forbidden: bool = False) -> Predicate:
    """The predicate of a parsed filter on `entity_set`."""
    scope = {_ROOT: entity_set}
    test = _Compiler(reader, any_forbidden).boolean(tree, scope)
    return lambda row: bool(test({_ROOT: row}))


class _Compiler:
    def __init__(self, reader: Reader, any_forbidden: bool) -> None:
        self._reader = reader
        self._any_forbidden = any_forbidden

    def boolean(self, node: Any, scope: dict[str, EntitySet]) -> Value:
        match node:
            case ast.BoolOp(op=op, left=left, right=right):
                first, second = self.boolean(left, scope), self.boolean(right, scope)
                if isinstance(op, ast.And):
                    return lambda env: first(env) and second(env)
                return lambda env: first(env) or second(env)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.boolean(operand, scope)
                return lambda env: not inner(env)
            case ast.Compare():
                return self._compare(node, scope)
            case ast.Call(func=func, args=args) if func.name in _TEXT and len(args) == 2:
                return self._text_test(_TEXT[func.name], args, scope)
            case ast.CollectionLambda():
                return self._any(node, scope)
            case ast.Identifier() | ast.Attribute():
                kind, value = self._operand(node, scope)
                if kind == "bool":
                    return lambda env: value(env) is True
        raise bad("Operação não suportada em $filter.")

    def _compare(self, node: Any, scope: dict[str, EntitySet]) -> Value:
        order = _ORDER.get(type(node.comparator))
        if order is None:
            raise bad("Operador não suportado em $filter.")
        left_kind, left = self._operand(node.left, scope)
        right_kind, right = self._operand(node.right, scope)
        tolerant = {left_kind, right_kind} == {"num", "str"} and _names(node, "OrderNumber")
        if left_kind != right_kind and "null" not in (left_kind, right_kind) and not tolerant:
            raise bad(f"Tipos incompatíveis em $filter: {left_kind} e {right_kind}.")

        def test(env: Env) -> bool:
            one, other = left(env), right(env)
            if tolerant:
                one, other = str(one), str(other)
            if one is None or other is None:
                return bool(order(one is None, other is None)) if order in (eq, ne) else False
            return bool(order(one, other))

        return test

    def _text_test(self, check: Callable[[str, str], bool], args: Any, scope: dict[str, EntitySet]) -> Value:
        (one_kind, one), (other_kind, other) = (self._operand(arg, scope) for arg in args)
        if (one_kind, other_kind) != ("str", "str"):
            raise bad("Função de texto aplicada a um valor que não é texto.")
        return lambda env: check(one(env) or "", other(env) or "")

    def _any(self, node: Any, scope: dict[str, EntitySet]) -> Value:
        if not isinstance(node.operator, ast.Any):
            raise bad("Somente any() é suportado em $filter.")
        owner, nav = self._collection(node.owner, scope)
        if nav.name == "OtherProperties" and self._any_forbidden:
            raise Refusal(403, "Acesso negado.")
        if node.lambda_ is None:
            return lambda env: bool((row := owner(env)) is not None and self._reader.many(row, nav))
        variable = node.lambda_.identifier.name
        inner = self.boolean(node.lambda_.expression, {**scope, variable: SETS[nav.target]})

        def test(env: Env) -> bool:
            row = owner(env)
            rows = self._reader.many(row, nav) if row is not None else []
            return any(inner({**env, variable: child}) for child in rows)

        return test

    def _collection(self, node: Any, scope: dict[str, EntitySet]) -> tuple[Callable[[Env], Row | None], Nav]:
        if isinstance(node, ast.Attribute):
            (get, entity_set), name = self._entity(node.owner, scope), node.attr
        else:
            (get, entity_set), name = self._root(scope), node.name
        nav = entity_set.navs.get(name)
        if nav is None or nav.how == ">":
            raise unknown_property(name, entity_set.name)
        return get, nav

    def _operand(self, node: Any, scope: dict[str, EntitySet]) -> tuple[str, Value]:
        match node:
            case ast.Null():
                return "null", lambda env: None
            case ast.String(val=text):
                return "str", lambda env: text
            case ast.Boolean():
                return "bool", lambda env: node.py_val
            case ast.Integer(val=text) | ast.Float(val=text):
                number = Decimal(text)
                return "num", lambda env: number
            case ast.DateTime():
                return "date", self._moment(node)
            case ast.Call(func=func, args=args) if func.name == "tolower" and len(args) == 1:
                kind, value = self._operand(args[0], scope)
                if kind != "str":
                    raise bad("tolower() espera um texto.")
                return "str", lambda env: value(env).lower() if value(env) is not None else None
            case ast.Identifier(name=name):
                return self._property(self._root(scope), name)
            case ast.Attribute(owner=owner, attr=name):
                return self._property(self._entity(owner, scope), name)
        raise bad("Operando não suportado em $filter.")

    def _moment(self, node: Any) -> Value:
        try:
            moment: datetime = node.py_val
        except ValueError as error:
            raise bad(f"Data inválida em $filter: {node.val}") from error
        if moment.tzinfo is None:
            raise bad("Datas em $filter precisam do fuso, como 2026-04-30T00:00:00-03:00.")
        return lambda env: moment

    def _root(self, scope: dict[str, EntitySet]) -> _Entity:
        return lambda env: env[_ROOT], scope[_ROOT]

    def _entity(self, node: Any, scope: dict[str, EntitySet]) -> _Entity:
        """What a path's owner stands for: a lambda variable or a to-one navigation."""
        if isinstance(node, ast.Identifier) and node.name in scope:
            variable = node.name
            return lambda env: env[variable], scope[variable]
        (get, entity_set), name = (
            (self._entity(node.owner, scope), node.attr)
            if isinstance(node, ast.Attribute)
            else (self._root(scope), node.name)
        )
        nav = entity_set.navs.get(name)
        if nav is None or nav.how != ">":
            raise unknown_property(name, entity_set.name)

        def step(env: Env) -> Row | None:
            row = get(env)
            return None if row is None else self._reader.one(row, nav)

        return step, SETS[nav.target]

    def _property(self, entity: _Entity, name: str) -> tuple[str, Value]:
        get, entity_set = entity
        prop = entity_set.props.get(name)
        if prop is None:
            raise unknown_property(name, entity_set.name)
        kind = "num" if prop.kind in ("int", "i32", "num") else prop.kind

        def value(env: Env) -> Any:
            row = get(env)
            return None if row is None else row.get(name)

        return kind, value


def _names(node: Any, name: str) -> bool:
    return any(isinstance(side, ast.Identifier) and side.name == name for side in (node.left, node.right))
