"""Which codes of both vendors a configuration names, and in which setting. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.ports import JsonObject
from app.sync.config.document import Config, StageCondition
from app.sync.config.field_use import fields_in_use
from app.sync.mapping.convert import canonical_document

ISSUE_ID_SIZE = 40


@dataclass(frozen=True, slots=True)
class Use:
    """One code in use. `kind` is the picker that offers it."""

    kind: str
    code: str
    path: str

    @property
    def id(self) -> str:
        """Names the use among an integration's issues."""
        return f"{self.kind}:{self.code}"[:ISSUE_ID_SIZE]

    def is_met_by(self, item: JsonObject) -> bool:
        """True for the picker's item that has this code."""
        if self.kind == "carriers":
            return item.get("cnpj") == canonical_document(self.code)
        return self.code in (str(item["code"]), item.get("property"))


SETTINGS: Mapping[str, str] = {
    "orders.omie_stage": "stages",
    "orders.omie_category": "categories",
    "orders.omie_account": "accounts",
    "orders.omie_installments": "installments",
    "orders.default_stock_location": "stock_locations",
    "orders.tax_scenario": "tax_scenarios",
    "orders.tax_scenario_taxpayer": "tax_scenarios",
    "orders.cancelled_stage": "ploomes_stages",
    "service_orders.omie_stage": "service_stages",
    "service_orders.omie_category": "categories",
    "service_orders.omie_account": "accounts",
    "service_orders.omie_installments": "installments",
    "sellers.default_seller": "sellers",
}
"""Settings that hold one code, with its picker."""
SUSPENDED = frozenset({"orders.carrier_field", "orders.payment_field"})
"""Fields that rest like mapped ones when they vanish, with an issue of their own."""
ENTITY_OF = {"orders": "orders", "service_orders": "service_orders", "sellers": "clients", "stock": "stock"}
"""A part of the document matters only while its entity is on."""


def codes_in_use(config: Config) -> list[Use]:
    """Every code that the switched-on parts name and that is not a default anybody left alone."""
    document, defaults = config.document(), Config().document()
    uses: list[Use] = []
    for path, kind in SETTINGS.items():
        part, _, name = path.partition(".")
        value = document[part][name]
        if value is not None and value != defaults[part][name] and document["entities"][ENTITY_OF[part]]:
            uses.append(Use(kind, str(value), path))
    uses += [Use("ploomes_fields", use.key, use.path) for use in fields_in_use(config) if use.path not in SUSPENDED]
    stages = {"scope.orders": config.scope.orders, "orders.send_when": config.orders.send_when}
    uses += [
        Use("ploomes_stages", str(condition.stage_id), path)
        for path, condition in stages.items()
        if isinstance(condition, StageCondition)
    ]
    if document["entities"]["orders"]:
        for at, row in enumerate(document["payments"]):
            uses += _of_payment(at, row)
        uses += [
            Use("stages", row["omie_stage"], f"notifications.orders.{at}.omie_stage")
            for at, row in enumerate(document["notifications"]["orders"])
        ]
        uses += [Use("carriers", row["cnpj"], f"carriers.{at}.cnpj") for at, row in enumerate(document["carriers"])]
    if document["entities"]["stock"] and isinstance(document["stock"]["locations"], list):
        uses += [Use("stock_locations", str(code), "stock.locations") for code in document["stock"]["locations"]]
    return uses


def _of_payment(at: int, row: Mapping[str, Any]) -> list[Use]:
    kinds = {"omie_account": "accounts", "omie_installments": "installments", "payment_method": "payment_methods"}
    return [
        Use(kind, str(row[name]), f"payments.{at}.{name}") for name, kind in kinds.items() if row.get(name) is not None
    ]
