"""Omie's webhook bodies: is it genuine, is it the ping, what does it say. Pure; facts from the Omie reference, 4."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from app.core import wire
from app.core.ports import Entity, JsonObject, Kind, Notice, Vendor
from app.omie.schemas import nest_fiscal, tidy

API_AUTHOR = "no-reply@omie.com.br"
"""Author of changes made through the API, and of some human acts."""

ENTITIES: Mapping[str, Entity] = {
    "clientefornecedor": Entity.CLIENTS,
    "produto": Entity.PRODUCTS,
    "servico": Entity.SERVICES,
    "vendaproduto": Entity.ORDERS,
    "ordemservico": Entity.SERVICE_ORDERS,
    "vendedor": Entity.SELLERS,
}
PRODUCT_CHANNELS = ("marketplace", "omiepdv", "pdv")
"""What the portal also offers of products. How their topics are spelled is documented nowhere, so a noun or a middle
part that names a channel is taken for one. Whatever happened there, the product itself may have changed: leaving a
channel is no deletion."""
STOCK_ACTIONS = ("movimentacaoestoque", "ajusteestoque")

KINDS: Mapping[str, Kind] = {
    "incluid": Kind.CREATED,
    "excluid": Kind.DELETED,
    "cancelad": Kind.CANCELLED,
    "faturad": Kind.INVOICED,
    "devolvid": Kind.RETURNED,
}
"""Action without its gender ending; every other action means: changed."""

IDS: Mapping[Entity, tuple[str, ...]] = {
    Entity.CLIENTS: ("codigo_cliente_omie",),
    Entity.PRODUCTS: ("codigo_produto",),
    Entity.STOCK: ("codigo_produto", "id_prod"),
    Entity.SERVICES: ("nCodServ", "intListar.nCodServ", "intEditar.nCodServ", "intIncluir.nCodServ"),
    Entity.ORDERS: ("idPedido",),
    Entity.SERVICE_ORDERS: ("idOrdemServico",),
    Entity.SELLERS: ("codigo",),
}


def _position(event: JsonObject) -> JsonObject | None:
    """A row of `ListarPosEstoque`, where a movement's body is more than ids (reference 6, row 11)."""
    return event if "nSaldo" in event else None


SHAPES: Mapping[Entity, Callable[[JsonObject], JsonObject | None]] = {
    Entity.CLIENTS: lambda event: event,
    Entity.PRODUCTS: nest_fiscal,
    Entity.SERVICES: lambda event: event,
    Entity.SELLERS: lambda event: event,
    Entity.STOCK: _position,
}
"""Topics whose body is the record as the API answers it; the others bring a summary only."""


def decode(raw: bytes) -> JsonObject | None:
    """The body as an object, or None when it is none."""
    try:
        body = wire.loads(raw)
    except wire.Unreadable:
        return None
    return body if isinstance(body, dict) else None


def is_ping(body: JsonObject | None) -> bool:
    """True for the test post of Omie's portal: an object without a topic."""
    return body is not None and "topic" not in body


def authentic(body: JsonObject | None, app_key: str) -> bool:
    """True when the body names this app. A ping, or a body nobody can read, is vouched for by the address alone."""
    if body is None or is_ping(body):
        return True
    return hmac.compare_digest(str(body.get("appKey")).encode("utf-8", "replace"), app_key.encode())


def parse(raw: bytes, body: JsonObject | None = None) -> Notice:
    """The notice a body carries; never raises. `body` spares decoding it again."""
    body = decode(raw) if body is None else body
    topic = (wire.plain(body.get("topic"), 80) if body else None) or ""
    entity, kind = _subject(topic)
    external_id = _external_id(entity, _event(body)) if entity else None
    if not topic or (entity and external_id is None):
        entity, kind = None, Kind.UNREADABLE
    message = wire.plain(body.get("messageId"), 400) if body else None
    author = _author(body)
    return Notice(
        vendor=Vendor.OMIE,
        entity=entity,
        external_id=external_id,
        kind=kind,
        topic=topic,
        dedupe_key=_short(message) if message else wire.body_key(raw),
        dedupe_forever=message is not None,
        author=author,
        echo=author is not None and author.casefold() == API_AUTHOR,
    )


def record_of(body: JsonObject) -> tuple[JsonObject | None, JsonObject | None]:
    """`(new, old)`: the record inside a body, shaped as the API answers it; None where the body has no whole record."""
    entity, kind = _subject(wire.plain(body.get("topic"), 80) or "")
    event = _event(body)
    shape = SHAPES.get(entity) if entity else None
    if shape is None or not event:
        return None, None
    record = shape(tidy(event))
    return (None, record) if kind is Kind.DELETED else (record, None)


def _subject(topic: str) -> tuple[Entity | None, Kind]:
    noun, _, action = topic.casefold().partition(".")
    channels = {f"produto{channel}" for channel in PRODUCT_CHANNELS}
    if noun in channels or (noun == "produto" and action.partition(".")[0] in PRODUCT_CHANNELS):
        return Entity.PRODUCTS, Kind.CHANGED
    entity = ENTITIES.get(noun)
    if entity is Entity.PRODUCTS and action in STOCK_ACTIONS:
        entity = Entity.STOCK
    return entity, KINDS.get(action[:-1], Kind.CHANGED)


def _event(body: JsonObject | None) -> JsonObject:
    event = body.get("event") if body else None
    if isinstance(event, list) and event:
        event = event[0]
    return event if isinstance(event, dict) else {}


def _external_id(entity: Entity, event: JsonObject) -> str | None:
    for path in IDS[entity]:
        value: Any = event
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        text = wire.plain(value, 41) or ""
        if text.isascii() and text.isdigit() and 0 < len(text) <= 20 and int(text) > 0:
            return str(int(text))
    return None


def _author(body: JsonObject | None) -> str | None:
    author = body.get("author") if body else None
    return wire.plain(author.get("email"), 200) if isinstance(author, dict) else None


def _short(message: str) -> str:
    return message if len(message) <= 80 else wire.body_key(message.encode())
