"""Which fields of Ploomes a configuration names beside its mapped rows, and whether they fit (F195). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.sync.config.document import Config, FieldCondition
from app.sync.mapping.mappable import OPTIONS, TEXT
from app.sync.setup.account_fields import ENTITY_IDS, ENTITY_NAMES, AccountField, same_type

NO_FIELD = frozenset({"none", "stage"})
"""What `orders.stage_to` may say beside a field."""


@dataclass(frozen=True, slots=True)
class FieldUse:
    """One field in use. `type_name` is the type the setting needs; a condition takes any, but a value that fits it."""

    path: str
    key: str
    entity: str
    type_name: str | None = None
    equals: bool | int | str | None = None
    single: bool = False
    """True where several values at once would say nothing."""


def conditions_of(config: Config) -> dict[str, FieldCondition]:
    """The conditions on a field of Ploomes, by the path of their setting."""
    found = {
        "scope.clients": config.scope.clients,
        "scope.orders": config.scope.orders,
        "orders.send_when": config.orders.send_when,
    }
    return {path: condition for path, condition in found.items() if isinstance(condition, FieldCondition)}


def fields_in_use(config: Config) -> list[FieldUse]:
    """Every field that a setting names, mapped rows apart."""
    orders = config.orders
    uses = [
        FieldUse(
            path, condition.field_key, "clients" if path == "scope.clients" else "orders", equals=condition.equals,
            single=path == "scope.orders",
        )
        for path, condition in conditions_of(config).items()
    ]  # fmt: skip
    named = {
        "orders.carrier_field": (orders.carrier_field, OPTIONS),
        "orders.payment_field": (orders.payment_field, OPTIONS),
        "orders.stage_to": (None if orders.stage_to in NO_FIELD else orders.stage_to, TEXT),
    }
    uses += [FieldUse(path, key, "orders", type_name, single=True) for path, (key, type_name) in named.items() if key]
    return uses


def misfit(use: FieldUse, fields: Mapping[str, AccountField]) -> str | None:
    """Why a field does not fit its setting, in Portuguese; None when it does."""
    entity_id = ENTITY_IDS[use.entity]
    found = fields.get(use.key) or _of_property(use, fields)
    if found is None:
        return f"o campo {use.key} não existe no Ploomes"
    if found.entity_id != entity_id:
        there = ENTITY_NAMES.get(found.entity_id, "outra entidade")
        return f"{use.path} precisa de um campo de {ENTITY_NAMES[entity_id]}, mas {found.name} é de {there}"
    if use.single and found.multiple:
        return f"o campo {found.name} aceita vários valores; {use.path} precisa de um campo de um só"
    if use.type_name is None:
        return _odd_value(use, found)
    if not found.custom:
        return f"o campo {found.name} é nativo do Ploomes; {use.path} precisa de um campo personalizado"
    if not same_type(use.type_name, found.type_name):
        return (
            f"{use.path} precisa de um campo do tipo “{use.type_name}”, "
            f"mas o campo {found.name} é do tipo “{found.type_name or 'desconhecido'}”"
        )
    return None


def _of_property(use: FieldUse, fields: Mapping[str, AccountField]) -> AccountField | None:
    """A native field named by its property, as documents of earlier versions do."""
    rows = (row for row in fields.values() if row.entity_id == ENTITY_IDS[use.entity])
    return next((row for row in rows if use.key in row.properties), None)


def _odd_value(use: FieldUse, found: AccountField) -> str | None:
    """Why no record could ever hold the value in the field."""
    value, kind = use.equals, found.native_type
    if found.options:
        if isinstance(value, bool) or str(value) not in {*found.options, *found.options.values()}:
            shown = ", ".join(f"{name} ({option})" for option, name in found.options.items())
            return f"o campo {found.name} não tem a opção {value}; escolha uma destas: {shown}"
        return None
    wanted = {"Bool": bool, "Integer": int}.get(str(kind))
    fits = wanted is None or (isinstance(value, wanted) and isinstance(value, bool) is (wanted is bool))
    if fits:
        return None
    needed = "true ou false" if wanted is bool else "um número inteiro"
    return f"o valor do campo {found.name}, do tipo “{found.type_name}”, precisa ser {needed}"
