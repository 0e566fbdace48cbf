"""Sales orders and service orders with their states and the history of stages (Omie reference 3.6, 3.8). Data."""

from app.core.ports import JsonObject
from app.omie.rows import BY_DAY, HUNGARIAN, Consult, Listing, Search, Set, Since, Verb, array, by_code
from app.omie.schemas import NOTHING, orders, service_orders

INVOICING = "produtos/pedidovendafat/"
SERVICE_INVOICING = "servicos/osp/"
CANCELLED = r"ja (esta |foi |se encontra )?cancelad"

ORDERS = Set(
    service="produtos/pedido/",
    id_fields=("cabecalho.codigo_pedido",),
    nouns=("pedido",),
    consult=Consult("ConsultarPedido", ("codigo_pedido",), wrapped_in="pedido_venda_produto"),
    listing=Listing(
        "ListarPedidos",
        array("pedido_venda_produto"),
        param={"apenas_importado_api": "N"},
        since=BY_DAY,
        stamps=tuple((f"infoCadastro.d{what}", f"infoCadastro.h{what}") for what in ("Inc", "Alt", "Can", "Fat")),
        narrow={
            "client": lambda client: {"filtrar_por_cliente": int(client)},
            "seller": lambda seller: {"filtrar_por_vendedor": int(seller)},
            "stage": lambda stage: {"etapa": stage},
            "state": lambda state: {"status_pedido": state},
        },
    ),
    searches={
        "integration_code": by_code("codigo_pedido_integracao", "cabecalho.codigo_pedido_integracao"),
        "number": Search(
            lambda key: {"numero_pedido": key.value},
            lambda row, key: _number(row, "numero_pedido") == key.value.lstrip("0"),
            consult=True,
        ),
    },
    verbs={
        "create": Verb(
            "IncluirPedido", orders.ORDER_CREATE, answers=("codigo_pedido",), required=orders.ORDER_REQUIRED
        ),
        "update": Verb("AlterarPedidoVenda", orders.ORDER, "cabecalho.codigo_pedido"),
        "change_stage": Verb("TrocarEtapaPedido", orders.STAGE, "codigo_pedido", required=("etapa",)),
        "update_invoiced": Verb("AlterarPedFaturado", orders.INVOICED, "codigo_pedido"),
        "cancel": Verb("CancelarPedidoVenda", NOTHING, "nCodPed", INVOICING, already=CANCELLED),
        "delete": Verb("ExcluirPedido", NOTHING, "codigo_pedido"),
        "associate_code": Verb("AssociarCodIntPedidoVenda", orders.ASSOCIATE, "nCodPed", INVOICING),
    },
)

ORDER_STATES = Set(
    service="produtos/pedido/",
    id_fields=("codigo_pedido",),
    nouns=("pedido",),
    consult=Consult("StatusPedido", ("codigo_pedido",)),
)
"""Stage, invoice and cancellation of one order, with its electronic invoices."""

ORDER_MOVES = Set(
    service="produtos/pedidoetapas/",
    id_fields=("nCodPed", "cEtapa", "dDtEtapa", "cHrEtapa"),
    nouns=("pedido",),
    listing=Listing(
        "ListarEtapasPedido",
        array("etapasPedido"),
        HUNGARIAN,
        since=Since("dDtInicial", "dDtFinal", "cHrInicial", "cHrFinal"),
        narrow={"order": lambda order: {"nCodPed": int(order)}, "stage": lambda stage: {"cEtapa": stage}},
    ),
)
"""The history of stage changes: one row per move, good as a feed."""

SERVICE_ORDERS = Set(
    service="servicos/os/",
    id_fields=("Cabecalho.nCodOS",),
    nouns=("os", "ordem"),
    consult=Consult("ConsultarOS", ("nCodOS",)),
    listing=Listing(
        "ListarOS",
        array("osCadastro"),
        param={"apenas_importado_api": "N"},
        since=BY_DAY,
        stamps=(
            ("InfoCadastro.dDtInc", "InfoCadastro.cHrInc"), ("InfoCadastro.dDtAlt", "InfoCadastro.cHrAlt"),
            ("InfoCadastro.dDtFat", "InfoCadastro.cHrFat"), ("InfoCadastro.dDtCanc", "InfoCadastro.cHrCanc"),
        ),
        narrow={
            "client": lambda client: {"filtrar_por_cliente": int(client)},
            "stage": lambda stage: {"filtrar_por_etapa": stage},
            "state": lambda state: {"filtrar_por_status": state},
        },
    ),
    searches={
        "integration_code": by_code("cCodIntOS", "Cabecalho.cCodIntOS"),
        "number": Search(
            lambda key: {"cNumOS": key.value},
            lambda row, key: _number(row, "cNumOS") == key.value.lstrip("0"),
            consult=True,
        ),
    },
    verbs={
        "create": Verb(
            "IncluirOS",
            service_orders.SERVICE_ORDER_CREATE,
            answers=("nCodOS",),
            required=service_orders.SERVICE_ORDER_REQUIRED,
        ),
        "update": Verb("AlterarOS", service_orders.SERVICE_ORDER, "Cabecalho.nCodOS"),
        "change_stage": Verb("TrocarEtapaOS", service_orders.STAGE, "nCodOS", required=("cEtapa",)),
        # an invoiced document is never cancelled by us (design section 8): Omie's default would cancel the NFS-e too
        "cancel": Verb(
            "CancelarOS", NOTHING, "nCodOS", SERVICE_INVOICING, fixed={"cCancelarNfse": "N"}, already=CANCELLED
        ),
        "delete": Verb("ExcluirOS", NOTHING, "nCodOS"),
        "associate_code": Verb("AssociarCodIntOS", service_orders.ASSOCIATE, "nCodOS", SERVICE_INVOICING),
    },
)  # fmt: skip

SERVICE_ORDER_STATES = Set(
    service="servicos/os/",
    id_fields=("nCodOS",),
    nouns=("os", "ordem"),
    consult=Consult("StatusOS", ("nCodOS",)),
)
"""Stage, invoice and cancellation of one service order, with its NFS-e."""


def _number(row: JsonObject, name: str) -> str:
    """A number for people, without the zeros that some answers pad it with (reference 1.2)."""
    block = row.get("cabecalho") or row.get("Cabecalho") or {}
    return str(block.get(name) or "").lstrip("0")
