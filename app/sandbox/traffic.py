"""Believable people at work on both screens: clients come, change and, rarely, go; prices and sales change."""

import asyncio
import contextlib
from decimal import Decimal
from typing import Any

from .hands import OmieHands, PloomesHands, Rejected
from .omie.company import Company
from .omie.papers import papers
from .ploomes.account import Account
from .seeds.deals import Desk
from .seeds.people import TAGS, Imagination
from .seeds.sample import Sower
from .wire import Row
from .world import World

_REST_S = 60.0
_CENT = Decimal("0.01")
_SHOP_SHARE = 0.45
#: What becomes of an order, the usual more often.
_STEPS: tuple[tuple[str, Row], ...] = (
    ("stage", {"etapa": "20"}), ("stage", {"etapa": "50"}), ("stage", {"etapa": "50"}), ("invoice", {}), ("cancel", {}),
)  # fmt: skip
_CREATE_SHARE, _DELETE_SHARE, _PRODUCT_SHARE, _SALE_SHARE = 0.15, 0.02, 0.15, 0.15


class Traffic:
    """Edits a random record of a random side every few seconds of the sandbox clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._touched: dict[int, float] = {}
        self.every_seconds: float | None = None
        self.done = 0

    def start(self, every_seconds: float) -> None:
        """Starts, or changes the pace."""
        self._cancel()
        self.every_seconds = every_seconds
        self._task = asyncio.get_running_loop().create_task(self._work(every_seconds))

    async def stop(self) -> None:
        """Stops; nobody types any more."""
        task = self._task
        self._cancel()
        if task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._task, self.every_seconds = None, None

    async def _work(self, every_seconds: float) -> None:
        while True:
            await self._world.kernel.clock.sleep(every_seconds)
            self.step()

    def step(self) -> None:
        """One act of one person."""
        chance = self._world.kernel.random
        company = next(iter(self._world.companies.values()))
        account = next(iter(self._world.accounts.values()))
        sower = Sower(self._world.kernel, company, account)
        # A screen that refuses (say, a carrier in use) only costs the person this turn.
        with contextlib.suppress(Rejected):
            if chance.random() < 0.5:
                self._at_omie(company, sower)
            else:
                self._at_ploomes(account, sower)
        self.done += 1

    def _at_omie(self, company: Company, sower: Sower) -> None:
        hands, chance = OmieHands(company), company.kernel.random
        if chance.random() < _SHOP_SHARE:
            self._in_the_shop(company, hands)
            return
        chosen = self._pick([e.id for e in company.clients.values() if not e.is_protected])
        if chosen is None or chance.random() < _CREATE_SHARE:
            hands.create("clientes", sower.omie_form(Imagination(chance).profile()))
        elif chance.random() < _DELETE_SHARE:
            hands.delete("clientes", chosen)
        else:
            hands.edit("clientes", chosen, self._omie_edit(company, chosen))

    def _in_the_shop(self, company: Company, hands: OmieHands) -> None:
        """A product or service is edited, goods move, an order or service order comes, changes or goes its way."""
        chance = company.kernel.random
        acts = (self._edit_product, self._edit_product, self._move_goods, self._move_goods, self._edit_service,
                self._sell, self._change_order, self._change_order, self._change_work)  # fmt: skip
        chance.choice(acts)(company, hands)

    def _edit_product(self, company: Company, hands: OmieHands) -> None:
        chance, products = company.kernel.random, company.registers["produtos"]
        chosen = self._pick([e.id for e in products.values() if e.row["valor_unitario"] > 0])
        if chosen is None:
            return
        row = products[chosen].row
        price = (row["valor_unitario"] * chance.randint(95, 110) / 100).quantize(_CENT)
        families = list(company.registers["familias"]) or [0]
        edits: list[Row] = [
            {"valor_unitario": price}, {"valor_unitario": price}, {"codigo_familia": chance.choice(families)},
            {"inativo": "N" if row["inativo"] == "S" else "S"} if chance.random() < 0.2 else {"valor_unitario": price},
            {"descr_detalhada": f"Lote {chance.randint(100, 999)}, pronta entrega"},
        ]  # fmt: skip
        hands.edit("produtos", chosen, chance.choice(edits))

    def _move_goods(self, company: Company, hands: OmieHands) -> None:
        chance = company.kernel.random
        goods = [e.id for e in company.registers["produtos"].values() if not e.row.get("componentes_kit")]
        chosen = self._pick(goods)
        places = [e.id for e in company.registers["locais"].values() if e.row["inativo"] != "S"]
        if chosen is not None:
            kind = chance.choice(("ENT", "SAI", "SAI", "SLD"))
            hands.move_stock({"product": chosen, "location": chance.choice(places), "kind": kind,
                              "quantity": chance.randint(1, 60)})  # fmt: skip

    def _edit_service(self, company: Company, hands: OmieHands) -> None:
        chance = company.kernel.random
        chosen = self._pick(list(company.registers["servicos"]))
        if chosen is not None:
            hands.edit("servicos", chosen, {"cabecalho": {"nPrecoUnit": chance.randint(40, 900)}})

    def _sell(self, company: Company, hands: OmieHands) -> None:
        chosen = self._pick([e.id for e in company.clients.values() if e.row.get("estado")])
        desk = Desk(company)
        if chosen is not None and desk.has_goods:
            hands.create("pedidos", desk.form(company.clients[chosen]))

    def _change_order(self, company: Company, hands: OmieHands) -> None:
        chance = company.kernel.random
        chosen = self._pick([p.id for p in papers(company, "pedidos").values() if p.is_open])
        if chosen is None:
            return
        if chance.random() < 0.4:
            item = chance.choice(company.registers["pedidos"][chosen].row["det"])
            wanted = {"ide": {"codigo_item": item["ide"]["codigo_item"]},
                      "produto": {"quantidade": chance.randint(1, 12)}}  # fmt: skip
            hands.edit("pedidos", chosen, {"det": [wanted]})
            return
        act, given = chance.choice(_STEPS)
        hands.act("pedidos", chosen, act, given)

    def _change_work(self, company: Company, hands: OmieHands) -> None:
        chosen = self._pick([p.id for p in papers(company, "ordens").values() if p.is_open])
        if chosen is not None:
            act, given = company.kernel.random.choice(_STEPS)
            hands.act("ordens", chosen, act, given)

    def _at_ploomes(self, account: Account, sower: Sower) -> None:
        hands, chance = PloomesHands(account), account.kernel.random
        if self._at_the_till(account, hands):
            return
        chosen = self._pick([row["Id"] for row in account.sets["Contacts"].values()])
        if chosen is None or chance.random() < _CREATE_SHARE:
            hands.create("Contacts", sower.ploomes_form(Imagination(chance).profile()))
        elif chance.random() < _DELETE_SHARE:
            hands.delete("Contacts", str(chosen))
        else:
            hands.edit("Contacts", str(chosen), self._ploomes_edit(account, chosen))

    def _at_the_till(self, account: Account, hands: PloomesHands) -> bool:
        """Now and then a product gets another price, a sale another stage or quantity; False when not now."""
        chance, sets = account.kernel.random, account.sets
        if not sets["Products"] or chance.random() >= _PRODUCT_SHARE + _SALE_SHARE:
            return False
        if not sets["Orders"] or chance.random() < 0.5:
            product = chance.choice(list(sets["Products"].values()))
            price = (product["UnitPrice"] or Decimal(10)) * chance.randint(95, 110) / 100
            hands.edit("Products", str(product["Id"]), {"UnitPrice": Decimal(price).quantize(Decimal("0.01"))})
            return True
        order = chance.choice(list(sets["Orders"].values()))
        if chance.random() < 0.5 and order["Products"]:
            line = chance.choice(order["Products"])
            number = chance.randint(1, 12)
            total = (line["UnitPrice"] or 0) * number
            hands.edit("Orders@Products", str(line["Id"]), {"Quantity": number, "Total": total})
        else:
            stage = chance.choice(list(sets["Orders@Stages"].values()))
            hands.edit("Orders", str(order["Id"]), {"StageId": stage["Id"]})
        return True

    def _pick(self, ids: list[int]) -> int | None:
        """A client nobody touched in the last minute."""
        now = self._world.kernel.clock.time()
        rested = [number for number in ids if now - self._touched.get(number, -_REST_S) >= _REST_S]
        if not rested:
            return None
        chosen = self._world.kernel.random.choice(rested)
        self._touched[chosen] = now
        return chosen

    def _omie_edit(self, company: Company, omie_id: int) -> Row:
        chance, row = company.kernel.random, company.clients[omie_id].row
        imagine = Imagination(chance)
        street, number = imagine.street()
        tags = [{"tag": name} for name in {*row.get("tags", []), chance.choice(TAGS)}]
        edits: list[dict[str, Any]] = [
            {"telefone1_ddd": row.get("telefone1_ddd") or "11", "telefone1_numero": imagine.phone("11")},
            {"endereco": street, "endereco_numero": number},
            {"email": f"compras{chance.randint(2, 99)}@correio.com.br"},
            {"nome_fantasia": f"{row.get('nome_fantasia', '').split(' - ')[0]} - Filial {chance.randint(2, 9)}"[:100]},
            {"tags": sorted(tags, key=lambda tag: tag["tag"])},
            {"observacao": f"Ligar na segunda-feira ({chance.randint(8, 17)}h)"},
        ]
        return chance.choice(edits)

    def _ploomes_edit(self, account: Account, contact_id: int) -> Row:
        chance, row = account.kernel.random, account.sets["Contacts"][contact_id]
        imagine = Imagination(chance)
        street, number = imagine.street()
        edits: list[dict[str, Any]] = [
            {"Phones": [{"PhoneNumber": f"(11) {imagine.phone('11')}", "TypeId": 1}]},
            {"StreetAddress": street, "StreetAddressNumber": number},
            {"Email": f"vendas{chance.randint(2, 99)}@correio.com.br"},
            {"Name": f"{row['Name'].split(' - ')[0]} - Unidade {chance.randint(2, 9)}"},
            {"Note": f"Cliente pediu proposta para {chance.randint(10, 500)} unidades"},
            {"Neighborhood": chance.choice(("Centro", "Vila Nova", "Industrial"))},
        ]
        return chance.choice(edits)
