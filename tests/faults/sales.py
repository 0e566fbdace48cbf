"""Sales under fire: generated sales with edits while workers die; every total right to the cent, none lost or twice."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import func, select

from app.sync.models import Event
from tests.faults.report import Figure
from tests.faults.rig import APP_KEY, OMIE_PERSON, SPEED, USER_KEY, JsonObject, Rig

CENT = Decimal("0.01")
PLACES = ("claimed", "read", "decided", "journaled", "written", "committed")
PRODUCTS, SERVICES = 6, 2
AT_A_TIME = 4
LEASE_SECONDS = 45.0
TELL_SECONDS = 15.0
"""How often a run says how far it is."""
EDITED, CONTRADICTING, MIXED, SHIPPED = 0.3, 0.01, 0.15, 0.4
"""Shares of the sales that are edited, whose line contradicts itself, that have services too, and that have freight."""


@dataclass
class Sold:
    """A sale as a person left it."""

    id: str
    amount: Decimal
    """What its items come to."""
    freight: Decimal
    odd: bool = False
    """One of its lines contradicts itself: an issue must name it, and nothing is sent."""
    kinds: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Basket:
    """What a person types, what its items come to, and the documents it makes."""

    body: JsonObject
    amount: Decimal
    freight: Decimal
    kinds: set[str]


class Market:
    """People who sell at Ploomes' screen."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self.rig = rig
        self.sold: list[Sold] = []
        self._chance = chance
        self._contact = 0
        self._goods: list[tuple[str, int]] = []
        self._services: list[tuple[str, int]] = []
        self._freight = ""

    async def open(self) -> None:
        """A configured integration, goods and services on both sides, a complete client, a field for freight."""
        rig = self.rig
        types = (await rig.control.get(f"/ploomes/{USER_KEY}/Fields@Types")).json()
        money = next(row["Id"] for row in types if row["Name"] == "Moeda")
        made = {"Name": "Frete", "EntityId": 4, "TypeId": money}
        self._freight = (await rig.post(f"/ploomes/{USER_KEY}/screen/Fields", made))["Key"]
        accounts = (await rig.control.get(f"/omie/{APP_KEY}/contacorrente")).json()
        given = {"omie_account": next(row["nCodCC"] for row in accounts if row["inativo"] == "N")}
        path = f"/api/v1/integrations/{rig.integration['id']}"
        document = (await rig.api.get(f"{path}/config")).json()
        document["orders"] |= {**given, "omie_category": "1.01.03"}
        document["service_orders"] |= {**given, "omie_category": "1.01.01"}
        document["mappings"] = [{"omie": "VendaProduto.Valor do Frete", "ploomes": self._freight, "direction": "both"}]
        answer = await rig.api.put(f"{path}/config", json=document)
        assert answer.is_success, answer.text
        for number in range(PRODUCTS):
            row = {"codigo": f"P{number}", "descricao": f"Produto {number}", "unidade": "UN", "ncm": "19059090",
                   "valor_unitario": 10, "codigo_produto_integracao": f"P{number}"}  # fmt: skip
            await self._type_omie("products", row)
        for number in range(SERVICES):
            head = {"cDescricao": f"Serviço {number}", "cCodigo": f"S{number}", "cIdTrib": "01",
                    "cCodServMun": "01.07", "cCodLC116": "1.07", "nPrecoUnit": 50}  # fmt: skip
            await self._type_omie("services", {"cabecalho": head})
        cities = (await rig.control.get(f"/ploomes/{USER_KEY}/Cities")).json()
        city = next(row for row in cities if row["Name"] == "São Paulo")
        client = {"TypeId": 1, "Name": "Padaria Boa", "Register": "11222333000181", "CityId": city["Id"],
                  "StateId": city["StateId"], "StreetAddressNumber": "10", "StreetAddress": "Rua A"}  # fmt: skip
        self._contact = int((await rig.post(f"/ploomes/{USER_KEY}/screen/Contacts", client))["Id"])
        await rig.settle()
        for row in (await rig.control.get(f"/ploomes/{USER_KEY}/Products")).json():
            (self._goods if str(row["Code"]).startswith("P") else self._services).append((row["Name"], row["Id"]))
        assert len(self._goods) == PRODUCTS
        assert len(self._services) == SERVICES

    async def _type_omie(self, register: str, row: JsonObject) -> JsonObject:
        return await self.rig.post(f"/omie/{APP_KEY}/screen/{register}", row, person=OMIE_PERSON)

    async def sell(self) -> None:
        """One sale; some are edited a moment later, a few contradict themselves."""
        odd = self._chance.random() < CONTRADICTING
        basket = self._basket(odd=odd)
        made = await self.rig.post(f"/ploomes/{USER_KEY}/screen/Orders", {"ContactId": self._contact, **basket.body})
        sold = Sold(str(made["Id"]), basket.amount, basket.freight, odd, basket.kinds)
        self.sold.append(sold)
        if not odd and self._chance.random() < EDITED:
            await asyncio.sleep(self._chance.uniform(0, 3))
            basket = self._basket(kinds=sold.kinds)
            answer = await self.rig.control.patch(f"/ploomes/{USER_KEY}/screen/Orders/{sold.id}", json=basket.body)
            assert answer.is_success, answer.text
            sold.amount, sold.freight = basket.amount, basket.freight

    def _basket(self, *, odd: bool = False, kinds: set[str] | None = None) -> "Basket":
        """Lines as people type them: fractions, discounts by line and on the whole, few or many lines; with or without
        freight, which some count in the amount and some do not."""
        chance = self._chance
        wanted = kinds or ({"orders", "service_orders"} if chance.random() < MIXED else {"orders"})
        count = chance.choice((1, 1, 2, 3, 5, 8, 30))
        goods = [chance.choice(self._goods) for _ in range(count)]
        if "service_orders" in wanted:
            goods += [chance.choice(self._services) for _ in range(chance.randint(1, 3))]
        rows = [self._line(product) for _, product in goods]
        if odd:
            rows[-1]["Total"] = float(Decimal(str(rows[-1]["Total"])) + 7)
        percent = chance.choice((0, 0, 0, 5, 7.5, 33.33))
        gross = sum((Decimal(str(row["Total"])) for row in rows), Decimal(0))
        amount = (gross * (100 - Decimal(str(percent))) / 100).quantize(CENT, ROUND_HALF_UP)
        freight = _number(chance, 500, 30_000, 2) if chance.random() < SHIPPED else Decimal(0)
        body = {
            "Products": rows, "Discount": percent, "Amount": float(amount + chance.choice((0, 1)) * freight),
            "OtherProperties": [{"FieldKey": self._freight, "DecimalValue": float(freight)}],
        }  # fmt: skip
        return Basket(body, amount, freight, wanted)

    def _line(self, product: int) -> JsonObject:
        chance = self._chance
        quantity = Decimal(chance.choice((1, 2, 3, 10))) if chance.random() < 0.5 else _number(chance, 1, 99_999, 3)
        unit = _number(chance, 100, 99_999, chance.choice((2, 2, 3, 4)))
        percent = chance.choice((0, 0, 10, 12.5, 3.33))
        total = (quantity * unit * (100 - Decimal(str(percent))) / 100).quantize(CENT, ROUND_HALF_UP)
        return {"ProductId": product, "Quantity": float(quantity), "UnitPrice": float(unit), "Discount": percent,
                "Total": float(total)}  # fmt: skip

    # --- what became of them -------------------------------------------------------------------------------------

    async def check(self) -> dict[str, list[str]]:
        """Complaints by kind: lost, twice, wrong."""
        orders = (await self.rig.control.get(f"/omie/{APP_KEY}/orders")).json()
        works = (await self.rig.control.get(f"/omie/{APP_KEY}/service_orders")).json()
        sums: dict[str, dict[str, list[Decimal]]] = {}
        freights: dict[str, Decimal] = {}
        for order in orders:
            code = order["cabecalho"].get("codigo_pedido_integracao", "").removeprefix("PLOOMES-")
            total = sum((Decimal(str(item["produto"]["valor_total"])) for item in order["det"]), Decimal(0))
            sums.setdefault(code, {}).setdefault("orders", []).append(total)
            freights[code] = Decimal(str(order["frete"].get("valor_frete") or 0))
        for work in works:
            code = work["Cabecalho"].get("cCodIntOS", "").removeprefix("PLOOMES-")
            total = Decimal(str(work["Cabecalho"]["nValorTotal"]))
            sums.setdefault(code, {}).setdefault("service_orders", []).append(total)
        named = await self._named()
        found: dict[str, list[str]] = {"lost": [], "twice": [], "wrong": []}
        for sold in self.sold:
            held = sums.get(sold.id, {})
            if sold.odd:
                if held or not any("mostra o total" in text for text in named.get(sold.id, ())):
                    found["wrong"].append(f"sale {sold.id} contradicts itself and nobody is told")
            elif any(len(totals) > 1 for totals in held.values()):
                found["twice"].append(f"sale {sold.id}: {held}")
            elif set(held) != sold.kinds:
                why = await self._why(sold.id)
                found["lost"].append(f"sale {sold.id}: {sorted(held)} instead of {sorted(sold.kinds)}: {why}")
            elif sum((totals[0] for totals in held.values()), Decimal(0)) != sold.amount and sold.id not in named:
                found["wrong"].append(f"sale {sold.id}: {held} instead of {sold.amount}, and no issue")
            elif freights[sold.id] != sold.freight:
                found["wrong"].append(f"sale {sold.id}: freight {freights[sold.id]} instead of {sold.freight}")
        return found

    async def _why(self, sale_id: str) -> str:
        """What the book says of a sale's last notices."""
        async with self.rig.db.read() as session:
            rows = await session.execute(
                select(Event.topic, Event.state, Event.cause, Event.reason)
                .where(Event.entity == "orders", Event.external_id == sale_id)
                .order_by(Event.id.desc())
                .limit(3)
            )
            return str([tuple(row) for row in rows])

    async def _named(self) -> dict[str, list[str]]:
        """Texts of the open issues by sale."""
        path, found, cursor = f"/api/v1/integrations/{self.rig.integration['id']}/issues", {}, None
        while True:
            params: dict[str, Any] = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            page = (await self.rig.api.get(path, params=params)).json()
            for issue in page["items"]:
                found.setdefault(str(issue["external_id"]), []).append(str(issue["detail"]))
            cursor = page["next"]
            if not cursor:
                return found


def _number(chance: random.Random, low: int, high: int, places: int) -> Decimal:
    return Decimal(chance.randint(low, high)).scaleb(-places)


@asynccontextmanager
async def telling(market: Market, figure: Figure, count: int) -> AsyncIterator[None]:
    """Says how far a run is, every quarter of a minute."""
    started = time.monotonic()

    async def tell() -> None:
        while True:
            await asyncio.sleep(TELL_SECONDS)
            seconds, left = time.monotonic() - started, await market.rig.open_events()
            print(
                f"{figure.setup}: {seconds:.0f} s, {len(market.sold)} of {count} sold, {figure.runs} kills, "
                f"{left} events open",
                file=sys.stderr,
            )

    task = asyncio.create_task(tell())
    try:
        yield
    finally:
        task.cancel()


async def under_fire(rig: Rig, count: int, kills: int, seed: int) -> Figure:
    """`count` sales while workers die `kills` times, a check when all is quiet, or when it should long be."""
    figure = Figure(rig.setup.name, f"{count} sales under fire", note=f"seed {seed}")
    chance = random.Random(seed)
    market = Market(rig, chance)
    await market.open()
    started = time.monotonic()
    async with telling(market, figure, count):
        await _sell(market, chance, figure, count, kills)
        try:
            await rig.settle(600 + count)
        except AssertionError as late:
            figure.fail(str(late))
    for kind, complaints in (await market.check()).items():
        amount = len(complaints)
        figure.lost += amount if kind == "lost" else 0
        figure.duplicates += amount if kind == "twice" else 0
        figure.wrong += amount if kind == "wrong" else 0
        figure.complaints += complaints
    odd = sum(sold.odd for sold in market.sold)
    figure.note += f", {figure.runs} kills, {odd} contradict themselves, {await _deaths(rig)}"
    figure.note += f", {time.monotonic() - started:.0f} s"
    return figure


async def _deaths(rig: Rig) -> str:
    """How often events lost their workers, and how many were put aside for it."""
    query = select(Event.crashes, func.count()).where(Event.crashes > 0).group_by(Event.crashes).order_by(Event.crashes)
    async with rig.db.read() as session:
        died = ", ".join(f"{count} of {times}" for times, count in await session.execute(query))
        aside = await session.scalar(select(func.count()).select_from(Event).where(Event.cause == "quarantine"))
    return f"deaths met: {died or 'none'}; {aside} put aside"


async def _sell(market: Market, chance: random.Random, figure: Figure, count: int, kills: int) -> None:
    """People sell, and workers die, also while what was sold is still on its way."""
    rig, left = market.rig, asyncio.Semaphore(AT_A_TIME)

    async def one() -> None:
        async with left:
            await market.sell()

    selling = asyncio.gather(*(one() for _ in range(count)))
    while figure.runs < kills and not (selling.done() and await rig.quiet()):
        figure.runs += 1
        await asyncio.sleep(chance.uniform(0.5, 1.0) * LEASE_SECONDS / SPEED)
        rig.arm(chance.choice(PLACES), chance.randint(1, 5))
        if not await rig.dead(10):
            rig.disarm()
            rig.kill(chance.choice(rig.workers()))
            await rig.dead(2)
        await asyncio.sleep(chance.uniform(0, 0.5))
        await rig.revive()
    await selling
