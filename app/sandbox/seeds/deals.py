"""Omie's side of the sales desk: projects, orders and service orders in every state."""

from dataclasses import dataclass
from datetime import timedelta

from ..omie import registers, sale_acts, sales, work_acts, works
from ..omie.auxiliary import PROJECTS
from ..omie.company import Company, Entry
from ..omie.papers import Act, Paper
from ..omie.schemas import check
from ..wire import Row

_STAGES = ("10", "10", "20", "50", "00")
_NOTES = ("", "", "Entregar no período da manhã", "Cliente retira", "Ligar antes de entregar")


@dataclass(frozen=True)
class Volume:
    """How many orders and service orders."""

    orders: int
    works: int


class Desk:
    """Sells what the company has; the same chance gives the same deals."""

    def __init__(self, company: Company) -> None:
        self._company, self._chance = company, company.kernel.random
        self._person = company.person("vendas@empresa.com.br")
        self._goods = [e for e in company.registers["produtos"].values() if _sellable(e)]
        self._jobs = [e for e in company.registers["servicos"].values() if e.row["inativo"] != "S"]
        self._sellers = [e.id for e in company.sellers.values() if e.row["inativo"] != "S"]

    @property
    def has_goods(self) -> bool:
        """There is something to sell."""
        return bool(self._goods)

    def fill(self, size: Volume, buyers: list[Entry]) -> None:
        """Projects, then orders of these buyers: open, invoiced, cancelled, returned."""
        for name in ("Reforma da matriz", "Feira de outono"):
            registers.include(PROJECTS, self._company, {"nome": name}, self._person)
        for number in range(size.orders):
            order = self.order(buyers[number % len(buyers)])
            self._age(order)
            self._live(order, number)
        for number in range(size.works):
            work = self.work(buyers[(number * 5) % len(buyers)])
            self._age(work)
            if number % 3 == 1 and work_acts.gaps(self._company, work) is None:
                work_acts.invoice(self._company, work, self._person)
            elif number % 7 == 2:
                work_acts.cancel(self._company, work, self._person)

    def work(self, buyer: Entry) -> Paper:
        """One service order as typed on the screen."""
        chance = self._chance
        rows = [{"nCodServico": entry.id, "nQtde": chance.randint(1, 8)}
                for entry in chance.sample(self._jobs, min(len(self._jobs), chance.randint(1, 2)))]  # fmt: skip
        given: Row = {
            "Cabecalho": {"nCodCli": buyer.id, "cEtapa": chance.choice(("10", "20", "30", "50"))},
            "ServicosPrestados": rows, "Observacoes": {"cObsOS": chance.choice(_NOTES)},
        }  # fmt: skip
        return works.include(self._company, check("osCadastro", given), self._person)

    def order(self, buyer: Entry) -> Paper:
        """One order as typed on the screen."""
        return sales.include(self._company, check("pedido_venda_produto", self.form(buyer)), self._person)

    def form(self, buyer: Entry) -> Row:
        """What a person types for an order of that client."""
        chance = self._chance
        items = [self._item(entry) for entry in chance.sample(self._goods, min(len(self._goods), chance.randint(1, 4)))]
        given: Row = {
            "cabecalho": {"codigo_cliente": buyer.id, "etapa": chance.choice(_STAGES),
                          "codigo_parcela": chance.choice(("000", "001", "003", "A30", "S28"))},
            "det": items, "observacoes": {"obs_venda": chance.choice(_NOTES)},
        }  # fmt: skip
        if chance.random() < 0.4:
            given["frete"] = {"modalidade": "0", "valor_frete": chance.randint(15, 180)}
        if self._sellers:
            given["informacoes_adicionais"] = {"codVend": chance.choice(self._sellers)}
        return given

    def _item(self, entry: Entry) -> Row:
        chance = self._chance
        product: Row = {"codigo_produto": entry.id, "quantidade": chance.randint(1, 12),
                        "valor_unitario": entry.row["valor_unitario"]}  # fmt: skip
        if chance.random() < 0.3:
            product |= {"tipo_desconto": "P", "percentual_desconto": chance.choice((3, 5, 10))}
        return {"produto": product}

    def _age(self, order: Paper) -> None:
        order.stamp.created -= timedelta(days=self._chance.randint(1, 120), seconds=self._chance.randint(0, 40_000))
        order.stamp.changed = order.stamp.created
        order.stages = [(stage, Act(order.stamp.created, act.by)) for stage, act in order.stages]

    def _live(self, order: Paper, number: int) -> None:
        """Every third is invoiced, every seventh cancelled, every thirteenth comes back."""
        quote = order.row["cabecalho"]["etapa"] == "00"
        if number % 3 == 1 and not quote and sale_acts.gaps(self._company, order) is None:
            sale_acts.invoice(self._company, order, self._person)
            if number % 13 == 4:
                sale_acts.give_back(self._company, order, [], self._person)
        elif number % 7 == 2:
            sale_acts.cancel(self._company, order, self._person)


def _sellable(entry: Entry) -> bool:
    """Kits are left out: Omie sells their parts."""
    row = entry.row
    return row.get("inativo") != "S" and row["valor_unitario"] > 0 and not row.get("componentes_kit")
