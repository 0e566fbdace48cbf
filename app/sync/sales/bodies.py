"""The wire bodies of both kinds of document. Pure (reference 3.6 and 3.8; Omie refuses unknown tags)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from app.core.ports import JsonObject
from app.sync.mapping.fields import merge_patches
from app.sync.sales.documents import ORDERS, SERVICE_ORDERS
from app.sync.sales.instalments import FREE, Terms
from app.sync.sales.lines import Item, Pair
from app.sync.sales.money import ZERO, cents

CONTACT_SIZE = 100
NUMBER_SIZE = 60


@dataclass(frozen=True, slots=True)
class Order:
    """Everything a new document is told."""

    code: str
    client: str
    stage: str
    forecast: date
    terms: Terms
    account: str
    category: str
    items: Sequence[Item]
    freight: Decimal = ZERO
    freight_type: str = "9"
    carrier: str | None = None
    seller: str | None = None
    contact: str | None = None
    notes: str | None = None
    sale_number: str | None = None
    scenario: str | None = None
    consumer: str = "S"
    payment_method: str | None = None
    stock_location: str | None = None
    city: str | None = None
    extra: JsonObject = field(default_factory=dict)
    """Mapped fields, as a wire patch."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What changes in a document. None: that part stays as it is; an empty text takes it away."""

    kept: Sequence[Item] = ()
    """Items that changed."""
    added: Sequence[Item] = ()
    removed: Sequence[Pair] = ()
    client: str | None = None
    seller: str | None = None
    freight: Decimal | None = None
    notes: str | None = None
    terms: Terms | None = None
    stock_location: str | None = None
    carrier: str | None = None
    freight_type: str | None = None
    account: str | None = None
    payment_method: str | None = None
    extra: JsonObject = field(default_factory=dict)


def _ours(**tags: object) -> JsonObject:
    """The tags that say something."""
    return {name: value for name, value in tags.items() if value is not None}


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _reference(text: str | None) -> int | None:
    """A code that an edit sets; an empty one takes the reference away."""
    return None if text is None else int(text or 0)


def _filled(**groups: JsonObject) -> JsonObject:
    """The groups of tags that say something."""
    return {name: group for name, group in groups.items() if group}


def _day(when: date) -> str:
    return f"{when:%d/%m/%Y}"


def _discount(item: Item) -> Decimal:
    return cents(item.quantity * item.unit) - item.total


# --- product orders ----------------------------------------------------------------------------------------------


def order_body(order: Order) -> JsonObject:
    """The param of IncluirPedido."""
    head = _ours(
        codigo_pedido_integracao=order.code,
        codigo_cliente=_number(order.client),
        data_previsao=_day(order.forecast),
        etapa=order.stage,
        codigo_parcela=order.terms.code,
        qtde_parcelas=order.terms.count,
        codigo_cenario_impostos=_number(order.scenario),
    )
    more = _ours(
        codigo_categoria=order.category,
        codigo_conta_corrente=_number(order.account),
        consumidor_final=order.consumer,
        enviar_email="N",
        codVend=_number(order.seller),
        contato=order.contact and order.contact[:CONTACT_SIZE],
        numero_pedido_cliente=order.sale_number and order.sale_number[:NUMBER_SIZE],
        meio_pagamento=order.payment_method,
    )
    body: JsonObject = {
        "cabecalho": head,
        "det": [_order_item(item, order.stock_location) for item in order.items],
        "frete": _ours(
            modalidade=order.freight_type,
            codigo_transportadora=_number(order.carrier),
            valor_frete=order.freight if order.freight else None,
        ),
        "informacoes_adicionais": more,
    }
    if order.notes:
        body["observacoes"] = {"obs_venda": order.notes}
    return merge_patches(merge_patches(body, _order_parts(order.terms)), order.extra)


def _order_item(item: Item, stock_location: str | None) -> JsonObject:
    row: JsonObject = {
        "ide": {"codigo_item_integracao": item.code},
        "produto": {"codigo_produto": _number(item.product), **_order_amounts(item)},
    }
    if stock_location is not None:
        row["inf_adic"] = {"codigo_local_estoque": _number(stock_location)}
    return merge_patches(row, item.extra)


def _order_amounts(item: Item) -> JsonObject:
    """A discount is always an amount on the item, also when it is gone again (design section 8)."""
    return {
        "quantidade": item.quantity,
        "valor_unitario": item.unit,
        "tipo_desconto": "V",
        "valor_desconto": _discount(item),
    }


def _order_parts(terms: Terms) -> JsonObject:
    """Parts go only with code 999 (reference, quirk 12)."""
    if terms.code != FREE:
        return {}
    rows = [
        {
            "numero_parcela": part.number,
            "valor": part.value,
            "percentual": part.percent,
            "data_vencimento": _day(part.due),
            "quantidade_dias": part.days,
        }
        for part in terms.parts
    ]
    return {"lista_parcelas": {"parcela": rows}}


def order_edit(edit: Edit) -> JsonObject:
    """The param of AlterarPedidoVenda, less the order's own id; items not mentioned stay (quirk 10)."""
    kept = [
        merge_patches({"ide": _order_name(item), "produto": _order_amounts(item)}, item.extra) for item in edit.kept
    ]
    added = [_order_item(item, edit.stock_location) for item in edit.added]
    removed = [{"ide": {**_order_name(pair), "acao_item": "E"}} for pair in edit.removed]
    body: JsonObject = {}
    if rows := [*kept, *added, *removed]:
        body["det"] = rows
    head = _ours(codigo_cliente=_number(edit.client))
    if edit.terms is not None:
        head |= _ours(codigo_parcela=edit.terms.code, qtde_parcelas=edit.terms.count)
    if head:
        body["cabecalho"] = head
    more = _ours(
        codVend=_reference(edit.seller),
        codigo_conta_corrente=_number(edit.account),
        meio_pagamento=edit.payment_method,
    )
    freight = _ours(
        valor_frete=edit.freight, codigo_transportadora=_reference(edit.carrier), modalidade=edit.freight_type
    )
    body |= _filled(informacoes_adicionais=more, frete=freight)
    if edit.notes is not None:
        body["observacoes"] = {"obs_venda": edit.notes}
    return merge_patches(merge_patches(body, _order_parts(edit.terms) if edit.terms else {}), edit.extra)


def _order_name(one: Item | Pair) -> JsonObject:
    """An item by Omie's own id once it is known, else by the code we gave it."""
    return {"codigo_item": int(one.item_id)} if one.item_id else {"codigo_item_integracao": one.code}


# --- service orders ----------------------------------------------------------------------------------------------


def service_body(order: Order) -> JsonObject:
    """The param of IncluirOS."""
    body: JsonObject = {
        "Cabecalho": _ours(
            cCodIntOS=order.code,
            nCodCli=_number(order.client),
            dDtPrevisao=_day(order.forecast),
            cEtapa=order.stage,
            cCodParc=order.terms.code,
            nQtdeParc=order.terms.count,
            nCodVend=_number(order.seller),
        ),
        "InformacoesAdicionais": _ours(
            cCodCateg=order.category,
            nCodCC=_number(order.account),
            cCidPrestServ=order.city,
            cContato=order.contact and order.contact[:CONTACT_SIZE],
            cNumPedido=order.sale_number and order.sale_number[:NUMBER_SIZE],
        ),
        "ServicosPrestados": [_service_item(item) for item in order.items],
    }
    if order.notes:
        body["Observacoes"] = {"cObsOS": order.notes}
    return merge_patches(merge_patches(body, _service_parts(order.terms)), order.extra)


def _service_item(item: Item) -> JsonObject:
    return {
        "nCodServico": _number(item.product),
        "nSeqItem": int(str(item.code)),
        **_service_amounts(item),
        **item.extra,
    }


def _service_amounts(item: Item) -> JsonObject:
    return {
        "nQtde": item.quantity,
        "nValUnit": item.unit,
        "cTpDesconto": "V",
        "nValorDesconto": _discount(item),
    }


def _service_parts(terms: Terms) -> JsonObject:
    if terms.code != FREE:
        return {}
    rows = [
        {
            "nParcela": part.number,
            "nValor": part.value,
            "nPercentual": part.percent,
            "dDtVenc": _day(part.due),
            "nDias": part.days,
        }
        for part in terms.parts
    ]
    return {"Parcelas": rows}


def service_edit(edit: Edit) -> JsonObject:
    """The param of AlterarOS, less the order's own id: every item says what becomes of it (`cAcaoItem`)."""
    kept = [
        {"cAcaoItem": "A", **_service_name(item), "nCodServico": _number(item.product), **_service_amounts(item)}
        for item in edit.kept
    ]
    added = [{"cAcaoItem": "I", **_service_item(item)} for item in edit.added]
    removed = [{"cAcaoItem": "E", **_service_name(pair)} for pair in edit.removed]
    body: JsonObject = {}
    if rows := [*kept, *added, *removed]:
        body["ServicosPrestados"] = rows
    head = _ours(nCodCli=_number(edit.client), nCodVend=_reference(edit.seller))
    if edit.terms is not None:
        head |= _ours(cCodParc=edit.terms.code, nQtdeParc=edit.terms.count)
    body |= _filled(Cabecalho=head, InformacoesAdicionais=_ours(nCodCC=_number(edit.account)))
    if edit.notes is not None:
        body["Observacoes"] = {"cObsOS": edit.notes}
    return merge_patches(merge_patches(body, _service_parts(edit.terms) if edit.terms else {}), edit.extra)


def _service_name(one: Item | Pair) -> JsonObject:
    """Items of a service order have a sequence and Omie's id, and no code of ours."""
    name: JsonObject = {"nSeqItem": int(str(one.code))}
    return name if not one.item_id else {**name, "nIdItem": int(one.item_id)}


@dataclass(frozen=True, slots=True)
class Bodies:
    """How one kind of document is written."""

    create: Callable[[Order], JsonObject]
    edit: Callable[[Edit], JsonObject]


BODIES: Mapping[str, Bodies] = {
    ORDERS: Bodies(order_body, order_edit),
    SERVICE_ORDERS: Bodies(service_body, service_edit),
}
"""By entity."""
