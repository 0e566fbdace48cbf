"""The records that the contract is held with: how each is made, found, altered and what must then be so."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.core.clock import Clock
from app.core.ports import Gateway, JsonObject, Key

DOCUMENT = "11.444.777/0001-61"


@dataclass
class Room:
    """One gateway under test, and the hand of a person at the vendor behind it."""

    vendor: str
    gateway: Gateway
    clock: Clock
    wait: Callable[[float], Awaitable[None]]
    """Lets seconds pass."""
    put: Callable[[str, JsonObject], Awaitable[str]]
    """A person types a record of a set; answers its id."""
    refusals: Callable[[], Awaitable[dict[str, int]]]
    """Limits met, by cause."""


@dataclass(frozen=True)
class Case:
    """One entity of one vendor."""

    vendor: str
    entity: str
    body: Callable[[Room], Awaitable[JsonObject]]
    key: Key
    edit: JsonObject
    edited: tuple[str, Any]
    """Path and value after the edit."""
    kept: tuple[str, Any]
    """Path and value that no edit touches."""
    beside: JsonObject | None = None
    """What makes a second record of it: Ploomes' absence is believed only beside something that lives."""
    verbs: Sequence[tuple[str, JsonObject, tuple[str, Any]]] = ()
    """Further writes with what they lead to."""
    last: tuple[tuple[str, JsonObject, tuple[str, Any]], ...] = ()
    """Writes after which the record may no longer be altered."""


async def _omie_client(_room: Room) -> JsonObject:
    return {
        "codigo_cliente_integracao": "PLOOMES-900", "razao_social": "Padaria Exemplo Ltda",
        "nome_fantasia": "Padaria Exemplo", "cnpj_cpf": DOCUMENT, "email": "contato@example.com",
        "endereco": "Rua A", "endereco_numero": "100", "bairro": "Centro", "cidade": "SAO PAULO (SP)", "estado": "SP",
        "cep": "01310100", "telefone1_ddd": "11", "telefone1_numero": "3000-0000",
    }  # fmt: skip


async def _omie_order(room: Room) -> JsonObject:
    client = await room.gateway.write("clients", "create", None, await _omie_client(room))
    product = await room.put("products", PRODUCT)
    return {
        "cabecalho": {
            "codigo_pedido_integracao": "PLOOMES-77", "codigo_cliente": int(client.id), "etapa": "10",
            "data_previsao": _soon(room), "codigo_parcela": "000",
        },
        "det": [
            {
                "ide": {"codigo_item_integracao": "1"},
                "produto": {"codigo_produto": int(product), "quantidade": 2, "valor_unitario": 10},
            }
        ],
        "frete": {"modalidade": "9"},
        "informacoes_adicionais": {
            "codigo_categoria": await _category(room), "codigo_conta_corrente": await _account(room),
            "consumidor_final": "S", "enviar_email": "N",
        },
    }  # fmt: skip


async def _omie_service_order(room: Room) -> JsonObject:
    client = await room.gateway.write("clients", "create", None, await _omie_client(room))
    service = await room.put("services", SERVICE)
    return {
        "Cabecalho": {
            "cCodIntOS": "PLOOMES-78", "nCodCli": int(client.id), "dDtPrevisao": _soon(room), "cEtapa": "10",
            "cCodParc": "000", "nQtdeParc": 1,
        },
        "InformacoesAdicionais": {
            "cCodCateg": await _category(room), "nCodCC": await _account(room), "cCidPrestServ": "SAO PAULO (SP)",
        },
        "ServicosPrestados": [{"nCodServico": int(service), "nQtde": 1, "nValUnit": 100}],
    }  # fmt: skip


async def _contact(_room: Room) -> JsonObject:
    return {
        "TypeId": 1, "Name": "Padaria Exemplo", "LegalName": "Padaria Exemplo Ltda", "Register": "11444777000161",
        "Email": "contato@example.com",
    }  # fmt: skip


async def _ploomes_product(_room: Room) -> JsonObject:
    return {"Name": "Cadeira", "Code": "PRD-001", "MeasurementUnit": "UN", "UnitPrice": 10}


async def _sale(room: Room) -> JsonObject:
    contact = await room.gateway.write("clients", "create", None, await _contact(room))
    product = await room.gateway.write("products", "create", None, await _ploomes_product(room))
    line = {"ProductId": int(product.id), "Quantity": 2, "UnitPrice": 10, "Discount": 0, "Total": 20}
    return {"ContactId": int(contact.id), "Key": "VENDA-1", "Amount": 20, "Products": [line]}


PRODUCT = {
    "codigo_produto_integracao": "X1", "codigo": "PRD-001", "descricao": "Cadeira", "unidade": "UN",
    "ncm": "9403.20.00", "valor_unitario": 10,
}  # fmt: skip
SERVICE = {"cabecalho": {"cDescricao": "Instalação", "cCodigo": "SRV-1", "cIdTrib": "01", "cCodLC116": "14.06",
                         "cCodServMun": "1401", "nPrecoUnit": 100}}  # fmt: skip


def _soon(room: Room) -> str:
    return (room.clock.now() + timedelta(days=30)).strftime("%d/%m/%Y")


async def _first(room: Room, entity: str, path: str, otherwise: Any) -> Any:
    async for page in room.gateway.pages(entity):
        for record in page.records:
            return record.data[path]
    return otherwise


async def _account(room: Room) -> int:
    return int(await _first(room, "accounts", "nCodCC", 1))


async def _category(room: Room) -> str:
    async for page in room.gateway.pages("categories"):
        for record in page.records:
            if record.data.get("conta_receita") == "S" and record.data.get("totalizadora") != "S":
                return record.id
    return "1.01.03"


CASES = (
    Case(
        "omie", "clients", _omie_client, Key("document", "11444777000161"), {"email": "novo@example.com"},
        ("email", "novo@example.com"), ("nome_fantasia", "Padaria Exemplo"),
        verbs=(
            ("include_tags", {"tags": [{"tag": "VIP"}]}, ("tags.0.tag", "VIP")),
            ("associate_code", {"codigo_cliente_integracao": "PLOOMES-901"},
             ("codigo_cliente_integracao", "PLOOMES-901")),
        ),
    ),
    Case(
        "omie", "orders", _omie_order, Key("integration_code", "PLOOMES-77"),
        # an edit names its lines: one reading refuses an order without them (Omie reference 6.19)
        {
            "observacoes": {"obs_venda": "Entregar cedo"},
            "det": [{"ide": {"codigo_item_integracao": "1"}, "produto": {"quantidade": 3}}],
        },
        ("observacoes.obs_venda", "Entregar cedo"),
        ("cabecalho.codigo_pedido_integracao", "PLOOMES-77"),
        verbs=(("change_stage", {"etapa": "20"}, ("cabecalho.etapa", "20")),),
        last=(("cancel", {}, ("infoCadastro.cancelado", "S")),),
    ),
    Case(
        "omie", "service_orders", _omie_service_order, Key("integration_code", "PLOOMES-78"),
        {"Observacoes": {"cObsOS": "Ligar antes"}}, ("Observacoes.cObsOS", "Ligar antes"),
        ("Cabecalho.cCodIntOS", "PLOOMES-78"),
        verbs=(("change_stage", {"cEtapa": "20"}, ("Cabecalho.cEtapa", "20")),),
        last=(("cancel", {}, ("InfoCadastro.cCancelada", "S")),),
    ),
    Case(
        "ploomes", "clients", _contact, Key("document", "11444777000161"), {"Email": "novo@example.com"},
        ("Email", "novo@example.com"), ("Name", "Padaria Exemplo"),
    ),
    Case(
        "ploomes", "products", _ploomes_product, Key("code", "PRD-001"), {"UnitPrice": 12}, ("UnitPrice", 12),
        ("MeasurementUnit", "UN"), beside={"Code": "PRD-002"},
    ),
    Case(
        "ploomes", "orders", _sale, Key("integration_code", "VENDA-1"), {"InternalComments": "Ligar antes"},
        ("InternalComments", "Ligar antes"), ("Products.0.Quantity", 2), beside={"Key": "VENDA-2"},
    ),
)  # fmt: skip


def value_at(data: Any, path: str) -> Any:
    """The value at a dotted path, list places by number."""
    for name in path.split("."):
        if isinstance(data, list):
            data = data[int(name)] if int(name) < len(data) else None
        else:
            data = data.get(name) if isinstance(data, dict) else None
    return data
