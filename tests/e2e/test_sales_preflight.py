"""Each condition of the pre-flight, broken alone: its own reason in the issue, and mending it sends the sale (X01)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from app.sync.sales.preflight import CONDITIONS
from tests.e2e.rig import APP_KEY, EMBEDDED, SPLIT, JsonObject, Rig, at_speed
from tests.e2e.shop import PERSON, Shop, move_family, new_field, option_id

READY = "pronta"
CARRIER = "11444777000161"
PRODUCT, SERVICE = "Produto 1", "Serviço 1"
TITLES = {condition.name: condition.title for condition in CONDITIONS}


@dataclass
class Trial:
    """A sale in which one thing is wrong. Its client and its product are its own, so that trials run side by side."""

    shop: Shop
    contact: JsonObject
    product: str = PRODUCT
    sale_id: str = ""

    @property
    def rig(self) -> Rig:
        return self.shop.rig

    def line(self, **fields: Any) -> JsonObject:
        return {**self.shop.line(self.product, 2), **fields}

    async def sell(self, **fields: Any) -> None:
        self.sale_id = await self.shop.sale(self.line(), ContactId=self.contact["Id"], settle=False, **fields)

    async def edit(self, *lines: JsonObject, **fields: Any) -> None:
        await self.shop.edit(self.sale_id, *lines, settle=False, **fields)


Act = Callable[[Trial], Awaitable[Any]]


def contact(**fields: Any) -> Act:
    async def act(trial: Trial) -> None:
        await trial.rig.contact_edit(trial.contact["Id"], **{k: trial.contact[k] if v is ... else v
                                                             for k, v in fields.items()})  # fmt: skip

    return act


def sale(**fields: Any) -> Act:
    async def act(trial: Trial) -> None:
        await trial.edit(**fields)

    return act


def lines(**fields: Any) -> Act:
    async def act(trial: Trial) -> None:
        await trial.edit(trial.line(**fields))

    return act


def option(field: str, name: str) -> Act:
    """The sale's option in one of the shop's fields."""

    async def act(trial: Trial) -> None:
        row = {"FieldKey": trial.shop.fields[field], "IntegerValue": trial.shop.options[name] if name else None}
        await trial.edit(OtherProperties=[row])

    return act


async def without_client(trial: Trial) -> None:
    """The sale names a contact that is no more."""
    gone = await trial.rig.contact_new(TypeId=1, Name="Passageiro")
    await trial.edit(ContactId=gone["Id"])
    await trial.rig.contact_delete(gone["Id"])


async def with_client(trial: Trial) -> None:
    await trial.edit(ContactId=trial.contact["Id"])


async def refused_client(trial: Trial) -> None:
    """A client that Omie does not take."""
    await trial.rig.fault("fault", vendor="omie", match="IncluirCliente", times=1, code=5001,
                          text="ERROR: Inscrição Estadual inválida !")  # fmt: skip
    trial.contact = await trial.shop.client(Register=document(99), Name="Recusada", settle=False)
    await trial.edit(ContactId=trial.contact["Id"])


async def unlinked_product(trial: Trial) -> None:
    """A product that only Ploomes has."""
    family = next(row["Id"] for row in await trial.rig.ploomes_set("Products@Families") if row["Name"] == "Produtos")
    made = await trial.rig.ploomes_new("Products", Name="Só aqui", Code="SO-AQUI", FamilyId=family)
    trial.shop.products["Só aqui"] = ("", made)
    trial.product = "Só aqui"
    await trial.edit(trial.line())


async def linked_product(trial: Trial) -> None:
    """A product of Omie, linked to it by hand."""
    row = {"codigo": "SO-AQUI", "descricao": "Só aqui", "unidade": "UN", "ncm": "19059090", "valor_unitario": 10,
           "codigo_produto_integracao": "SO-AQUI"}  # fmt: skip
    made = await trial.shop.screen("products", "POST", row)
    pair = {
        "entity": "products",
        "omie_id": str(made["codigo_produto"]),
        "ploomes_id": trial.shop.products["Só aqui"][1],
    }
    answer = await trial.rig.api.post(f"{trial.rig.path}/links", json=pair)
    assert answer.is_success, answer.text


def family(name: str) -> Act:
    async def act(trial: Trial) -> None:
        await move_family(trial.shop, trial.product, name)

    return act


def owner(email: str) -> Act:
    async def act(trial: Trial) -> None:
        await trial.edit(OwnerId=int(await trial.rig.user_new(Name="Ana", Email=email)))

    return act


def seller(email: str) -> Act:
    async def act(trial: Trial) -> None:
        await trial.rig.seller_new(nome="Ana", email=email)

    return act


CASES: dict[str, tuple[Act, Act, str]] = {
    "client": (without_client, with_client, "não tem cliente"),
    "document": (contact(Register=None), contact(Register=...), "não tem CNPJ/CPF"),
    "city": (contact(CityId=None), contact(CityId=..., StateId=...), "não tem cidade"),
    "state": (contact(StateId=None), contact(CityId=..., StateId=...), "não tem estado"),
    "number": (contact(StreetAddressNumber=None), contact(StreetAddressNumber="7"), "não tem número"),
    "client_linked": (refused_client, contact(Email="outra@recusada.test"), "Inscrição Estadual inválida"),
    "lines": (sale(Products=[], Amount=0), lines(), "não tem nenhum produto"),
    "quantity": (lines(Quantity=0, Total=0), lines(), "Sem quantidade"),
    "price": (lines(UnitPrice=0, Total=0), lines(), "Sem valor"),
    "amount": (sale(Amount=0), lines(), "O valor da venda é zero"),
    "linked": (unlinked_product, linked_product, "Sem vínculo com o Omie: Só aqui"),
    "family": (family("Outra"), family("Produtos"), "Fora das famílias"),
    "totals": (lines(Total=5), lines(), "mostra o total"),
    "seller": (owner("ana@loja.test"), seller("ana@loja.test"), "não tem vendedor com o mesmo e-mail"),
    "account": (option("payment", "Conta fechada"), option("payment", ""), "inativa"),
    "carrier": (option("carrier", "Sem tabela"), option("carrier", ""), "não está na tabela de transportadoras"),
    "payment": (option("payment", "Sem tabela P"), option("payment", ""), "não está na tabela de pagamentos"),
}
"""Condition -> how it breaks, how it is mended, and what is told."""
OWN_PRODUCT = {"family"}


def document(number: int) -> str:
    """A CNPJ with good check digits."""
    digits = f"{number:08d}0001"
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        digits += str(0 if rest < 2 else 11 - rest)
    return digits


class Stand(Shop):
    """A shop whose sales wait until somebody says that they are ready, with fields for carriers and payments."""

    def __init__(self, rig: Rig) -> None:
        super().__init__(rig)
        self.fields: dict[str, str] = {}
        self.options: dict[str, int] = {}

    async def set_up(self) -> None:
        names = {"carrier": ("Sem tabela",), "payment": ("Conta fechada", "Sem tabela P")}
        for field, options in names.items():
            made = await new_field(self.rig, field, "Opções pré-cadastradas", options=options)
            self.fields[field] = made["Key"]
            self.options |= {name: await option_id(self.rig, name) for name in options}
        await self.open(products=1, carrier_field=self.fields["carrier"], payment_field=self.fields["payment"],
                        send_when={"field_key": "order_description", "equals": READY})  # fmt: skip
        closed = [row["nCodCC"] for row in await self.omie("contacorrente")][-1]
        path = f"/sandbox/omie/{APP_KEY}/screen/accounts/{closed}"
        assert (await self.rig.control.patch(path, json={"inativo": "S"}, params=PERSON)).is_success
        for name in OWN_PRODUCT:
            await self.product(f"Produto {name}")
        await self.rig.configure(
            payments=[{"option": self.options["Conta fechada"], "omie_account": closed}],
            entities={"products": False},  # else a family that was changed by hand is put back
        )

    async def told(self, how_many: int) -> dict[str, JsonObject]:
        """The issues of the sales that wait, by sale, once there are so many."""

        async def all_told() -> list[JsonObject] | None:
            found = await self.rig.items("issues", cause="preflight")
            return found if len(found) == how_many else None

        return {issue["external_id"]: issue for issue in await self.rig.until(all_told, 60)}

    async def unmet(self, sale_id: str) -> list[str]:
        """The conditions that `why` says a sale does not meet."""
        answer = await self.rig.get_json(f"{self.rig.path}/records/orders/ploomes/{sale_id}/why")
        return [c["name"] for c in answer["conditions"] if c["name"] in TITLES.values() and not c["ok"]]

    async def all_sent(self, orders: int, works: int = 0) -> None:
        async def sent() -> bool:
            there = len(await self.orders()), len(await self.service_orders())
            return there == (orders, works) and await self.rig.issues() == []

        await self.rig.until(sent, 60)


@EMBEDDED
@pytest.mark.timeout(400)
@at_speed(60)
@pytest.mark.slow
@pytest.mark.feature("X01", "F161", "F162", "F163", "F173", "F184", "F186")
async def test_each_broken_condition_is_told_and_mending_it_sends_the_sale(rig: Rig) -> None:
    stand = Stand(rig)
    await stand.set_up()
    trials: dict[str, Trial] = {}
    for number, name in enumerate(CASES, start=1):
        made = await stand.client(Register=document(number), Name=f"Loja {name}", settle=False)
        trials[name] = Trial(stand, made, f"Produto {name}" if name in OWN_PRODUCT else PRODUCT)
    await rig.settle()
    for name, (breaks, _, _) in CASES.items():
        await trials[name].sell()
        await breaks(trials[name])
        await trials[name].edit(Description=READY)
    told = await stand.told(len(CASES))
    for name, (_, _, words) in CASES.items():
        sale_id = trials[name].sale_id
        assert words in told[sale_id]["detail"], name
        assert await stand.unmet(sale_id) == [TITLES[name]], name
    assert await stand.orders() == []
    for name, (_, mends, _) in CASES.items():
        await mends(trials[name])
    await stand.all_sent(len(CASES))
    assert {name for name in TITLES} - CASES.keys() == {"category", "city_of_service"}


@SPLIT
@at_speed(8.0)
@pytest.mark.feature("X01", "F176")
async def test_what_the_configuration_lacks_is_told_and_publishing_it_sends_the_sale_at_once(rig: Rig) -> None:
    shop = Stand(rig)
    await shop.open(products=1)
    given = await rig.get_json(f"{rig.path}/config")
    company = (await shop.omie("empresas"))[0]
    catalog = f"/sandbox/omie/{APP_KEY}/catalogs/empresas/{company['codigo_empresa']}"
    assert (await rig.control.patch(catalog, json={"cidade": ""})).is_success
    await rig.configure(orders={"omie_account": None, "omie_category": None}, service_orders={"omie_category": None})
    goods = await shop.sale(shop.line(PRODUCT), settle=False)
    work = await shop.sale(shop.line(SERVICE, 1, 50), settle=False)
    told = await shop.told(2)
    assert await shop.unmet(goods) == [TITLES["account"], TITLES["category"]]
    assert await shop.unmet(work) == [TITLES["category"], TITLES["city_of_service"]]
    assert "escolha uma em orders.omie_account" in told[goods]["detail"]
    assert "escolha uma em service_orders.omie_category" in told[work]["detail"]
    for section, name in (("orders", "omie_account"), ("service_orders", "omie_category")):
        await rig.configure(**{section: {name: given[section][name]}})

    async def one_left() -> bool:
        left = [await shop.unmet(goods), await shop.unmet(work)]
        return left == [[TITLES["category"]], [TITLES["city_of_service"]]]

    await rig.until(one_left)
    began = rig.ponte.clock.time()
    await rig.configure(orders={"omie_category": given["orders"]["omie_category"]},
                        service_orders={"city": "SAO PAULO (SP)"})  # fmt: skip
    await shop.all_sent(1, 1)
    assert rig.ponte.clock.time() - began < 60  # far below the time after which a sale looks again by itself


@EMBEDDED
@pytest.mark.feature("X01")
async def test_a_generic_name_is_a_warning_and_stops_nothing(rig: Rig) -> None:
    shop = await Shop(rig).open(products=1, services=0)
    await rig.contact_edit(shop.contact["Id"], Name="Cliente Teste")
    await rig.settle()
    sale_id = await shop.sale(shop.line(PRODUCT))
    await shop.order_of(sale_id)
    notes = [note for change in await rig.changes() for note in change["notes"]]
    assert any("“Cliente Teste”, parece genérico" in note for note in notes)
