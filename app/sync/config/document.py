"""The configuration document of an integration (contract section 5): its shape, defaults and checks. Pure.

Unknown keys and wrong types are refused with the name of the field; every message is for a person, in Portuguese.
"""

import json
from datetime import date, time
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from app.core.errors import UserError
from app.core.ports import JsonObject
from app.core.validation import field_errors
from app.sync.config.window import Window
from app.sync.mapping.catalogue import is_policy_key
from app.sync.mapping.convert import canonical_document
from app.sync.mapping.mappable import mappable
from app.sync.sales.news import flaw

Code = StrictInt | StrictStr
"""A vendor's code: Omie sends some as text and some as numbers; it is kept as given and compared as text."""

Policy = Literal["omie", "ploomes", "newest", "ask"]
DeletePolicy = Literal["mirror", "inactivate", "ignore"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Percent = Annotated[int, Field(ge=0, le=100)]


class Section(BaseModel):
    """Base of every part: immutable, strict, closed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entities(Section):
    """What is kept equal."""

    clients: bool = True
    products: bool = True
    services: bool = True
    orders: bool = True
    service_orders: bool = True
    stock: bool = True


class FieldCondition(Section):
    """True for records whose Ploomes field holds a value."""

    field_key: Annotated[str, Field(min_length=1, max_length=100)]
    equals: bool | int | str


class StageCondition(Section):
    """True for sales at a stage of Ploomes."""

    stage_id: int


class Scope(Section):
    """Which records belong to this integration; null is all."""

    clients: FieldCondition | None = None
    orders: StageCondition | FieldCondition | None = None


class Conflicts(Section):
    """Who wins when both sides changed the same field."""

    default: Policy = "newest"
    fields: dict[str, Policy] = {}

    @model_validator(mode="after")
    def _known_fields(self) -> "Conflicts":
        unknown = sorted(name for name in self.fields if not is_policy_key(name))
        if unknown:
            raise ValueError(f"campo que não existe: {', '.join(unknown)}")
        return self


class Deletes(Section):
    """What a delete on one side does on the other, and when deletes stop to ask."""

    clients: DeletePolicy = "mirror"
    products: DeletePolicy = "mirror"
    services: DeletePolicy = "mirror"
    orders: DeletePolicy = "mirror"
    service_orders: DeletePolicy = "mirror"
    pause_above_percent: Percent = 5
    pause_above_in_ten_minutes: Annotated[int, Field(ge=0, le=1_000_000)] = 20


class Clients(Section):
    """Rules of clients. `tags` limits which Omie clients are sent; null is all."""

    tags: list[Annotated[str, Field(min_length=1, max_length=100)]] | None = None


class Products(Section):
    """Rules of products and services."""

    create_active: bool = True
    groups_from_family: bool = True
    brand_as: Literal["text", "option"] = "text"


class Orders(Section):
    """Rules of sales orders."""

    send_to_omie: bool = True
    receive_from_omie: bool = True
    send_when: StageCondition | FieldCondition | None = None
    omie_stage: Annotated[str, Field(pattern=r"^[1-9]\d$")] = "10"
    omie_category: Code | None = None
    omie_account: Code | None = None
    omie_installments: Annotated[str, Field(min_length=1, max_length=3)] = "000"
    default_stock_location: Code | None = None
    tax_owner: Literal["omie", "ploomes"] = "omie"
    tax_scenario: Code | None = None
    tax_scenario_taxpayer: Code | None = None
    final_consumer: Literal["auto", "S", "N"] = "auto"
    carrier_field: str | None = None
    carrier_missing: Literal["refuse", "create"] = "refuse"
    payment_field: str | None = None
    cancel_in_omie: bool = True
    cancelled_stage: Code | None = None
    stage_to: Annotated[str, Field(min_length=1, max_length=100)] = "none"
    services_in_product_order: bool = False


class ServiceOrders(Section):
    """Rules of service orders. `city` null is the Omie company's."""

    omie_stage: Annotated[str, Field(pattern=r"^[1-9]\d$")] = "10"
    omie_category: Code | None = None
    omie_account: Code | None = None
    omie_installments: Annotated[str, Field(min_length=1, max_length=3)] = "000"
    city: str | None = None


def _cnpj(value: str) -> str:
    document = canonical_document(value)
    if document is None or len(document) != 14:
        raise ValueError("CNPJ inválido")
    return value


class Carrier(Section):
    """A Ploomes option and the carrier of Omie it stands for."""

    option: int
    cnpj: Annotated[str, AfterValidator(_cnpj)]
    name: Annotated[str, Field(min_length=1, max_length=60)]
    freight_type: Annotated[str, Field(pattern=r"^[0-9]$")] = "0"


class Payment(Section):
    """A Ploomes option and the account, condition and means of payment of Omie it stands for."""

    option: int
    omie_account: Code | None = None
    omie_installments: str | None = None
    payment_method: str | None = None


class Stock(Section):
    """Which stock locations the table shows, and which balance."""

    locations: Literal["all"] | list[Code] = "all"
    balance: Literal["available", "physical"] = "available"
    after_product_import: bool = True


class SellerPair(Section):
    """An Omie seller and a Ploomes user paired by hand, whatever their e-mails say."""

    omie: Code
    ploomes: Code


class Sellers(Section):
    """Pairs made by hand, and the Omie seller of clients whose owner has none."""

    pairs: list[SellerPair] = []
    default_seller: Code | None = None


class History(Section):
    """Whether orders from before the activation are kept equal too."""

    omie_orders: bool = False
    ploomes_sales: bool = False
    since: date | None = None


@cache
def _zones() -> frozenset[str]:
    """Walking the zone files takes longer than everything else in a document together."""
    return frozenset(available_timezones())


def _zone(value: str) -> str:
    if value not in _zones():
        raise ValueError("fuso horário desconhecido")
    return value


ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class OffHours(Section):
    """The off-hours window."""

    days: list[Day] = list(get_args(Day))
    start: ClockTime = "20:00"
    end: ClockTime = "06:00"
    all_day: list[Day] = ["sat", "sun"]
    holidays: bool = True
    time_zone: Annotated[str, AfterValidator(_zone)] = "America/Sao_Paulo"

    @model_validator(mode="after")
    def _opens_some_time(self) -> "OffHours":
        if not self.days and not self.all_day:
            raise ValueError("a janela precisa de pelo menos um dia")
        return self

    def window(self) -> Window:
        """The same as a pure calendar."""
        return Window(
            days=frozenset(self.days),
            start=time.fromisoformat(self.start),
            end=time.fromisoformat(self.end),
            all_day=frozenset(self.all_day),
            holidays=self.holidays,
            zone=ZoneInfo(self.time_zone),
        )


class Alerts(Section):
    """Where alerts go."""

    email: list[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]] = []
    webhook: Annotated[str, Field(pattern=r"^https?://", max_length=500)] | None = None


def _template(value: str) -> str:
    problem = flaw(value)
    if problem is not None:
        raise ValueError(problem)
    return value


class OrderNotification(Section):
    """A message sent when an order reaches a stage of Omie."""

    omie_stage: str
    to: Literal["owner_email", "interaction"]
    template: Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_template)]


class Notifications(Section):
    """Alerts for the admin and messages about orders."""

    alerts: Alerts = Alerts()
    orders: list[OrderNotification] = []


class Mapping_(Section):
    """One mapped field: an Omie field of the source document and a Ploomes field key."""

    omie: str
    ploomes: Annotated[str, Field(min_length=1, max_length=100)]
    direction: Literal["both", "to_ploomes", "to_omie"] = "both"

    @model_validator(mode="after")
    def _allowed(self) -> "Mapping_":
        row = mappable(self.omie)
        if row is None:
            raise ValueError(f"campo do Omie desconhecido: {self.omie}")
        if row.read_only and self.direction != "to_ploomes":
            raise ValueError(f"{self.omie} é apenas leitura: use a direção to_ploomes")
        return self


class Config(Section):
    """The whole document. A fresh integration syncs clients, products, services and stock with no edit at all."""

    entities: Entities = Entities()
    scope: Scope = Scope()
    conflicts: Conflicts = Conflicts()
    deletes: Deletes = Deletes()
    clients: Clients = Clients()
    products: Products = Products()
    orders: Orders = Orders()
    service_orders: ServiceOrders = ServiceOrders()
    carriers: list[Carrier] = []
    payments: list[Payment] = []
    stock: Stock = Stock()
    sellers: Sellers = Sellers()
    history: History = History()
    window: OffHours = OffHours()
    foreign_api_events: Literal["sweep", "now", "ignore"] = "sweep"
    notifications: Notifications = Notifications()
    mappings: list[Mapping_] = []

    @model_validator(mode="after")
    def _no_field_twice(self) -> "Config":
        for side in ("omie", "ploomes"):
            names = [getattr(row, side) for row in self.mappings]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"campo mapeado mais de uma vez: {', '.join(twice)}")
        return self

    @property
    def maps_taxes(self) -> bool:
        """True when a tax field of an order item is mapped: Omie then computes no taxes."""
        return any(found.tax for row in self.mappings if (found := mappable(row.omie)) is not None)

    def document(self) -> JsonObject:
        """The document as JSON."""
        return self.model_dump(mode="json")


def parse(document: Any) -> Config:
    """The document as typed values; missing parts take their defaults.

    Raises UserError 422 that names every wrong field.
    """
    try:
        config = Config.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Configuração inválida",
            "A configuração tem campos que precisam de correção.",
            errors=field_errors(error.errors(include_url=False, include_input=False)),
        ) from None
    if config.maps_taxes and config.orders.tax_owner != "ploomes":
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Confirmação necessária",
            "Mapear um campo de imposto faz o Omie deixar de calcular os impostos dos pedidos.",
            errors=[{"field": "orders.tax_owner", "message": "confirme informando “ploomes”"}],
        )
    return config
