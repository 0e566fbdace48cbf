"""A shop on both vendors: clients, products and services that are linked, and people who sell."""

from decimal import Decimal
from typing import Any

from tests.e2e.rig import USER_KEY, JsonObject, Rig

PERSON = {"person": "maria@loja.test"}
DOCUMENT = "11222333000181"


class Shop:
    """Sells through a rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.contact: JsonObject = {}
        self.products: dict[str, tuple[str, str]] = {}
        """Name -> (Omie id, Ploomes id), of products and services."""

    async def open(
        self, *, products: int = 2, services: int = 1, contact: JsonObject | None = None, **orders: Any
    ) -> "Shop":
        """A configured integration with a linked client (`contact`, where there is one), products and services."""
        accounts = await self.omie("contacorrente")
        account = next(row["nCodCC"] for row in accounts if row["inativo"] == "N")
        given = {"omie_account": account, "omie_category": "1.01.03"}
        await self.rig.configure(orders={**given, **orders}, service_orders={**given, "omie_category": "1.01.01"})
        for number in range(products):
            await self.product(f"Produto {number + 1}")
        for number in range(services):
            await self.service(f"Serviço {number + 1}")
        self.contact = contact or await self.client()
        return self

    async def client(self, *, settle: bool = True, **fields: Any) -> JsonObject:
        """A complete client, typed in Ploomes and linked."""
        cities = await self.rig.ploomes_set("Cities")
        city = next(row for row in cities if row["Name"] == "São Paulo")
        given = {
            "TypeId": 1, "Name": "Padaria Boa", "LegalName": "Padaria Boa Ltda", "Register": DOCUMENT,
            "CityId": city["Id"], "StateId": city["StateId"], "StreetAddressNumber": "10", "StreetAddress": "Rua A",
            "Neighborhood": "Centro", "ZipCode": 1310100, "Email": "compras@padaria.test",
        }  # fmt: skip
        made = await self.rig.contact_new(**{**given, **fields})
        if settle:
            await self.rig.settle()
        return made

    async def product(self, name: str, price: str = "10.00") -> tuple[str, str]:
        """A product of Omie and its partner."""
        row = {
            "codigo": name.upper(), "descricao": name, "unidade": "UN", "ncm": "19059090",
            "valor_unitario": float(price), "codigo_produto_integracao": name,
        }  # fmt: skip
        made = await self.screen("products", "POST", row)
        return await self._linked("products", name, str(made["codigo_produto"]))

    async def service(self, name: str, price: str = "50.00") -> tuple[str, str]:
        """A service of Omie and its partner."""
        head = {
            "cDescricao": name, "cCodigo": name.upper(), "cIdTrib": "01", "cCodServMun": "01.07", "cCodLC116": "1.07",
            "nPrecoUnit": float(price),
        }  # fmt: skip
        made = await self.screen("services", "POST", {"cabecalho": head})
        omie_id = str(made.get("nCodServ") or made["intListar"]["nCodServ"])
        return await self._linked("services", name, omie_id)

    async def _linked(self, entity: str, name: str, omie_id: str) -> tuple[str, str]:
        await self.rig.settle()
        record = await self.rig.get_json(f"{self.rig.path}/records/{entity}/omie/{omie_id}")
        assert record["link"], record
        self.products[name] = (omie_id, record["link"]["ploomes_id"])
        return self.products[name]

    # --- sales in Ploomes ----------------------------------------------------------------------------------------

    def line(self, name: str, quantity: Any = 1, unit: Any = "10.00", discount: Any = 0, **fields: Any) -> JsonObject:
        """A line as Ploomes' screen stores it."""
        total = (Decimal(str(quantity)) * Decimal(str(unit)) * (100 - Decimal(str(discount))) / 100).quantize(
            Decimal("0.01")
        )
        return {
            "ProductId": int(self.products[name][1]), "Quantity": float(quantity), "UnitPrice": float(unit),
            "Discount": float(discount), "Total": float(total), **fields,
        }  # fmt: skip

    async def sale(self, *lines: JsonObject, settle: bool = True, **fields: Any) -> str:
        """A person sells; answers the sale's id."""
        amount = sum(Decimal(str(line["Total"])) for line in lines)
        given = {"ContactId": self.contact["Id"], "Amount": float(amount), "Products": list(lines), **fields}
        made = await self.rig.ploomes_new("Orders", **given)
        if settle:
            await self.rig.settle()
        return made

    async def edit(self, sale_id: str, *lines: JsonObject, settle: bool = True, **fields: Any) -> None:
        """A person edits a sale; with lines, the whole list is new."""
        if lines:
            amount = sum(Decimal(str(line["Total"])) for line in lines)
            fields = {"Products": list(lines), "Amount": float(amount), **fields}
        path = f"/sandbox/ploomes/{USER_KEY}/screen/Orders/{sale_id}"
        answer = await self.rig.control.patch(path, json=fields)
        assert answer.is_success, answer.text
        if settle:
            await self.rig.settle()

    async def delete(self, sale_id: str) -> None:
        answer = await self.rig.control.delete(f"/sandbox/ploomes/{USER_KEY}/screen/Orders/{sale_id}")
        assert answer.is_success, answer.text
        await self.rig.settle()

    async def sales(self) -> dict[str, JsonObject]:
        return {str(row["Id"]): row for row in await self.rig.ploomes_set("Orders")}

    # --- documents in Omie ---------------------------------------------------------------------------------------

    async def omie(self, register: str) -> list[JsonObject]:
        return list((await self.rig.control.get(f"/sandbox/omie/{self.rig.app_key}/{register}")).json())

    async def screen(self, register: str, method: str, body: JsonObject | None = None, *path: str) -> JsonObject:
        """A person works on one of Omie's screens."""
        url = "/".join((f"/sandbox/omie/{self.rig.app_key}/screen/{register}", *path))
        answer = await self.rig.control.request(method, url, json=body, params=PERSON)
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    async def orders(self) -> list[JsonObject]:
        return await self.omie("orders")

    async def service_orders(self) -> list[JsonObject]:
        return await self.omie("service_orders")

    async def order_of(self, sale_id: str) -> JsonObject:
        """The one product order that carries a sale's code."""
        code = f"PLOOMES-{sale_id}"
        [found] = [o for o in await self.orders() if o["cabecalho"].get("codigo_pedido_integracao") == code]
        return found

    async def act(self, order_id: Any, act: str, **body: Any) -> None:
        """A person does something to an order on Omie's screen."""
        await self.screen("orders", "POST", body, str(order_id), act)
        await self.rig.settle()


def number(value: Any) -> Decimal:
    """A number as the sandbox shows it."""
    return Decimal(str(value))


def custom(record: JsonObject, key: str | None) -> Any:
    """The text of a custom field of a sale."""
    return next((row["StringValue"] for row in record.get("OtherProperties") or () if row["FieldKey"] == key), None)


async def new_field(rig: Rig, name: str, type_name: str, entity: int = 4, options: tuple[str, ...] = ()) -> JsonObject:
    """A custom field of sales (4) or of their lines (20), made by the account's administrator."""
    types = await rig.ploomes_set("Fields@Types")
    body: JsonObject = {
        "Name": name, "EntityId": entity, "TypeId": next(row["Id"] for row in types if row["Name"] == type_name),
    }  # fmt: skip
    if options:
        table = await rig.ploomes_new("Fields@OptionsTables", Name=name)
        for option in options:
            await rig.ploomes_new("Fields@OptionsTables@Options", TableId=int(table), Name=option)
        body["OptionsTableId"] = int(table)
    await rig.post("/sandbox/ploomes/sandbox-user-key/screen/Fields", body)
    rows = await rig.ploomes_set("Fields")
    return next(row for row in rows if row["Name"] == name and row["EntityId"] == entity)


async def option_id(rig: Rig, name: str) -> int:
    return next(int(row["Id"]) for row in await rig.ploomes_set("Fields@OptionsTables@Options") if row["Name"] == name)


async def move_family(shop: Shop, product: str, name: str) -> None:
    families = {row["Name"]: row["Id"] for row in await shop.rig.ploomes_set("Products@Families")}
    if name not in families:
        families[name] = int(await shop.rig.ploomes_new("Products@Families", Name=name))
    path = f"/sandbox/ploomes/{USER_KEY}/screen/Products/{shop.products[product][1]}"
    assert (await shop.rig.control.patch(path, json={"FamilyId": families[name]})).is_success
