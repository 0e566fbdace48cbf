"""Believable people at work on both screens: clients come, change and, rarely, go; prices and sales change."""

import asyncio
import contextlib
from decimal import Decimal
from typing import Any

from .hands import OmieHands, PloomesHands, Rejected
from .omie.company import Company
from .ploomes.account import Account
from .seeds.people import TAGS, Imagination
from .seeds.sample import Sower
from .wire import Row
from .world import World

_REST_S = 60.0
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
        chosen = self._pick([e.id for e in company.clients.values() if not e.is_protected])
        if chosen is None or chance.random() < _CREATE_SHARE:
            hands.create("clientes", sower.omie_form(Imagination(chance).profile()))
        elif chance.random() < _DELETE_SHARE:
            hands.delete("clientes", chosen)
        else:
            hands.edit("clientes", chosen, self._omie_edit(company, chosen))

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
