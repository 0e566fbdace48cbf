"""One Omie app: a company's records, its people, its webhooks and its limits."""

import hashlib
import html
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ..courier import Delivery, Policy
from ..kernel import Kernel
from ..wire import Row, dumps
from .limits import Limits
from .stock_book import StockBook

#: FIFO per (app, address), 7 s, up to three attempts 1-4 s apart, then every 10 min for 5 days (omie-api.md 4.3).
DELIVERY = Policy(
    serial=True,
    timeout=7.0,
    waits=((1.0, 4.0), (1.0, 4.0)),
    dead_every=600.0,
    dead_for=5 * 86_400.0,
    dead_timeout=20.0,
)


@dataclass(frozen=True)
class Actor:
    """Who changes a record: `code` is Omie's internal user code in the audit block."""

    email: str
    name: str
    user_id: int
    code: str

    @property
    def is_api(self) -> bool:
        """True for calls through the API, whoever's app it is."""
        return self.code == "WEBSERVICE"


API = Actor("no-reply@omie.com.br", "Integração", 89, "WEBSERVICE")


@dataclass
class Stamp:
    """The audit data of one record; kept also for records whose API shows none."""

    created: datetime
    created_by: str
    changed: datetime
    changed_by: str

    def block(self) -> Row:
        """The `info` block, Brasília time, one-second resolution."""
        return {
            "dInc": f"{self.created:%d/%m/%Y}", "hInc": f"{self.created:%H:%M:%S}", "uInc": self.created_by,
            "dAlt": f"{self.changed:%d/%m/%Y}", "hAlt": f"{self.changed:%H:%M:%S}", "uAlt": self.changed_by,
            "cImpAPI": "S" if self.created_by == API.code else "N",
        }  # fmt: skip


@dataclass
class Entry:
    """One record of a register: its id, fields and audit data.

    `movements`: orders or titles hang on it, so that it cannot be deleted. `is_protected`: Cliente Consumidor.
    """

    id: int
    row: Row
    stamp: Stamp
    movements: bool = False
    is_protected: bool = False


@dataclass
class Subscription:
    """A webhook of the developer portal; `topics` None means every topic."""

    id: int
    url: str
    topics: list[str] | None

    def wants(self, topic: str) -> bool:
        """Topics compare without case."""
        return self.topics is None or topic.lower() in {wanted.lower() for wanted in self.topics}


#: Every register of a company, empty at birth.
REGISTERS = ("clientes", "vendedores", "familias", "produtos", "servicos", "locais", "contacorrente", "projetos",
             "pedidos", "ordens")  # fmt: skip


def _names(value: Any, omie_id: int) -> bool:
    if isinstance(value, dict):
        return any(_names(inner, omie_id) for inner in value.values())
    return any(_names(inner, omie_id) for inner in value) if isinstance(value, list) else value == omie_id


@dataclass
class Company:
    """The state behind one app key. Registers are dicts by Omie id, in order of creation."""

    kernel: Kernel
    app_key: str
    app_secret: str = field(repr=False)
    registers: dict[str, dict[int, Entry]] = field(default_factory=lambda: {name: {} for name in REGISTERS})
    catalogs: dict[str, list[Row]] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)
    people: dict[str, Actor] = field(default_factory=dict)
    tag_ids: dict[str, int] = field(default_factory=dict)
    rates: dict[int, dict[str, Decimal]] = field(default_factory=dict)
    """Tax rates in percent by tax scenario; its default one under 0."""
    numbers: dict[str, int] = field(default_factory=lambda: {"pedidos": 3400, "ordens": 2100, "notas": 500})

    def __post_init__(self) -> None:
        self.limits = Limits(self.kernel)
        self.stock = StockBook()
        self.kernel.counters.open("omie", self.app_key)

    @property
    def clients(self) -> dict[int, Entry]:
        """Clients, suppliers and carriers: one register."""
        return self.registers["clientes"]

    @property
    def sellers(self) -> dict[int, Entry]:
        """The sellers' register."""
        return self.registers["vendedores"]

    def person(self, email: str | None, name: str | None = None) -> Actor:
        """The screen user with that e-mail, made known on first sight."""
        address = email or "maria.souza@empresa.com.br"
        if address not in self.people:
            shown = name or address.split("@")[0].replace(".", " ").title()
            number = 116_900 + len(self.people)
            self.people[address] = Actor(address, shown, 1_200 + len(self.people), f"P{number:09d}")
        return self.people[address]

    def stamp(self, actor: Actor) -> Stamp:
        """The audit data of a record born now."""
        now = self.now()
        return Stamp(now, actor.code, now, actor.code)

    def now(self) -> datetime:
        """What the company's clock shows, to the second, labelled Brasília (omie-api.md 6, row 25)."""
        away = self.kernel.quirks.omie_utc_offset_h + 3
        return self.kernel.clock.brasilia().replace(microsecond=0) + timedelta(hours=away)

    def touch(self, entry: Entry, actor: Actor) -> None:
        """Stamps an alteration and counts it for the record's limit."""
        entry.stamp.changed, entry.stamp.changed_by = self.now(), actor.code
        if actor.is_api:
            self.limits.altered(entry.id)

    def tag_id(self, name: str) -> int:
        """The id a tag name has in this company."""
        if name not in self.tag_ids:
            self.tag_ids[name] = self.kernel.omie_id()
        return self.tag_ids[name]

    @property
    def is_simples(self) -> bool:
        """In Simples Nacional: items then carry `icms_sn` instead of `icms`."""
        return bool(self.catalogs["empresas"][0]["optante_simples_nacional"] == "S")

    def scenario(self, number: int) -> dict[str, Decimal]:
        """The rates of a tax scenario, the default one for 0."""
        return self.rates.get(number) or self.rates[0]

    def next_number(self, series: str) -> int:
        """The next number of orders, service orders or invoices."""
        self.numbers[series] += 1
        return self.numbers[series]

    def is_named(self, omie_id: int) -> bool:
        """An order or service order names that record."""
        papers = (*self.registers["pedidos"].values(), *self.registers["ordens"].values())
        return any(_names(paper.row, omie_id) for paper in papers)

    def said(self, row: Row) -> Row:
        """Texts as the switch has them: plain, or with HTML entities (omie-api.md 2.4)."""
        if not self.kernel.quirks.omie_html_entities:
            return row
        return {name: html.escape(value) if isinstance(value, str) else value for name, value in row.items()}

    def subscribe(self, url: str, topics: list[str] | None) -> Subscription:
        """Registers a webhook as the portal does: saving it sends a ping."""
        subscription = Subscription(len(self.subscriptions) + 1, url, topics)
        while subscription.id in {known.id for known in self.subscriptions}:
            subscription.id += 1
        self.subscriptions.append(subscription)
        ping = self.kernel.quirks.omie_ping
        self._post(url, "ping", {"ping": "omie" if ping == "post" else ""}, verb="GET" if ping == "get" else "POST")
        return subscription

    def announce(self, topic: str, event: Row | list[Any], actor: Actor) -> None:
        """Fires a topic's webhooks; changes by the API are announced too (omie-api.md 4.2). "" is no topic."""
        if not topic or not self.subscriptions:
            return
        quirks = self.kernel.quirks
        unsigned = quirks.omie_acts_unsigned and (topic.endswith((".Cancelada", ".Faturada")) or topic[:3] == "NFe")
        shown = API if unsigned or quirks.omie_webhook_author == "no-reply" else actor
        suffix = hashlib.sha256(self.app_key.encode()).hexdigest()[:8]
        envelope = {
            "messageId": self.kernel.uuid(),
            "topic": topic,
            "event": event,
            "author": {"email": shown.email, "name": shown.name, "userId": shown.user_id},
            "appKey": self.app_key,
            "appHash": f"empresa-{suffix}",
            "origin": "omie-connect-2.0",
        }
        for subscription in self.subscriptions:
            if subscription.wants(topic):
                self._post(subscription.url, topic, envelope)

    def _post(self, url: str, topic: str, body: Row, verb: str = "POST") -> None:
        delivery = Delivery("omie", self.app_key, topic, url, dumps(body, ascii_only=True), DELIVERY, verb=verb)
        if "messageId" in body and self.kernel.quirks.omie_redelivery_id == "new":
            delivery.again = lambda: dumps({**body, "messageId": self.kernel.uuid()}, ascii_only=True)
        self.kernel.courier.submit(delivery)
