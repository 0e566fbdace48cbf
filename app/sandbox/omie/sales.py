"""The sales orders' register: what `produtos/pedido/` and the screen may write (omie-api.md 3.6 and 5.10-5.13)."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from ..wire import Row
from . import faults, sale_items
from .clients import find as find_client
from .company import Actor, Company
from .papers import (
    FREE_TERMS,
    SALE,
    Paper,
    check_forecast,
    check_references,
    check_stage,
    client_of,
    day,
    enter_stage,
    papers,
    shares,
    terms,
)
from .registers import check_code
from .sale_views import event
from .stock import location

_NIL = Decimal(0)
_HEAD_NEEDS = ("data_previsao", "etapa", "codigo_parcela")
_EXTRA_NEEDS = ("codigo_categoria", "codigo_conta_corrente", "consumidor_final")
_PART_NEEDS = ("numero_parcela", "valor", "percentual", "data_vencimento")
_HEAD_OURS = frozenset(
    ("codigo_pedido", "codigo_pedido_integracao", "numero_pedido", "sequencial", "quantidade_itens", "bloqueado",
     "importado_api", "encerrado", "enc_motivo", "enc_data", "enc_hora", "enc_user", "codigo_empresa",
     "codigo_empresa_integracao", "codigo_cliente_integracao")
)  # fmt: skip
_BLOCKS = ("informacoes_adicionais", "frete", "observacoes", "market_place", "exportacao", "lancamentos",
           "agropecuario")  # fmt: skip
_CARRIAGE = ("0", "1", "2", "3", "4", "9", "")
_MEANS = ("01", "02", "03", "04", "05", "10", "11", "12", "13", "15", "16", "17", "18", "19", "90", "99", "")
_STATES = {"cancelled": "cancelado", "invoiced": "faturado"}


def orders(company: Company) -> dict[int, Paper]:
    """The orders by Omie id."""
    return papers(company, "pedidos")


def find(company: Company, omie_id: int, code: str, number: str = "") -> Paper:
    """The order by integration code, which wins, Omie id or number; raises Fault."""
    known = orders(company)
    if code and not (omie_id and company.kernel.quirks.omie_key_precedence == "id"):
        for order in known.values():
            if order.row["cabecalho"].get("codigo_pedido_integracao") == code:
                return order
        raise faults.Fault(f"ERROR: Pedido não cadastrado para o Código de Integração [{code}] !", 105)
    if omie_id:
        if omie_id not in known:
            raise faults.not_found("Pedido", omie_id)
        return known[omie_id]
    if number:
        for order in known.values():
            if str(order.number) == number.lstrip("0"):
                return order
        raise faults.not_found("Pedido", number)
    raise faults.required("codigo_pedido", "codigo_pedido_integracao")


def by_key(company: Company, param: Row) -> Paper:
    """The order that the snake-case key tags of a param name."""
    return find(company, param.get("codigo_pedido", 0), param.get("codigo_pedido_integracao", ""),
                param.get("numero_pedido", ""))  # fmt: skip


def include(company: Company, given: Row, actor: Actor) -> Paper:
    """Creates an order or, in stage 00, a quote; raises Fault for what Omie refuses."""
    given = given if actor.is_api else _typed(company, given)
    head, code = given.get("cabecalho", {}), given.get("cabecalho", {}).get("codigo_pedido_integracao", "")
    if head.get("codigo_pedido"):
        raise faults.only_on_change("codigo_pedido")
    if actor.is_api and not code:
        raise faults.required("codigo_pedido_integracao")
    check_code(company, "codigo_pedido_integracao", code)
    if code and any(o.row["cabecalho"].get("codigo_pedido_integracao") == code for o in orders(company).values()):
        raise faults.duplicate_code("Pedido", code)
    for block in ("cabecalho", "det", "informacoes_adicionais"):
        if not given.get(block):
            raise faults.required(block)
    check_forecast(company, "data_previsao", head.get("data_previsao", ""))
    blank: Row = {"cabecalho": {"codigo_pedido_integracao": code, "origem_pedido": "API" if actor.is_api else "ERP"},
                  "det": [], "lista_parcelas": {"parcela": []}, "departamentos": []}  # fmt: skip
    row = _merged(company, blank, given, actor)
    check_stage(company, SALE, "etapa", row["cabecalho"]["etapa"])
    number = _number(company, head)
    order = Paper(company.kernel.omie_id(), row, company.stamp(actor), number=number)
    row["cabecalho"] |= {"codigo_pedido": order.id, "numero_pedido": str(order.number)}
    orders(company)[order.id] = order
    enter_stage(company, order, row["cabecalho"]["etapa"], actor)
    expect(company, order, 1)
    company.announce("VendaProduto.Incluida", event(company, order, "Inclusao"), actor)
    return order


def _number(company: Company, head: Row) -> int:
    sent = head.get("numero_pedido", "").lstrip("0")
    if sent.isdigit() and company.kernel.quirks.omie_order_number_sent == "honoured":
        return int(sent)
    return company.next_number("pedidos")


def _typed(company: Company, given: Row) -> Row:
    """What a person need not type: the screen has it filled in."""
    head, extra = given.get("cabecalho", {}), given.get("informacoes_adicionais", {})
    category = next(c["codigo"] for c in company.catalogs["categorias"]
                    if c["conta_receita"] == "S" and c["totalizadora"] == "N")  # fmt: skip
    account = next(e.id for e in company.registers["contacorrente"].values() if e.row["inativo"] != "S")
    today = f"{company.now():%d/%m/%Y}"
    return given | {
        "cabecalho": {"data_previsao": today, "etapa": "10", "codigo_parcela": "000"} | head,
        "informacoes_adicionais": {"codigo_categoria": category, "codigo_conta_corrente": account,
                                   "consumidor_final": "N"} | extra,
    }  # fmt: skip


def alter(company: Company, order: Paper, given: Row, actor: Actor) -> None:
    """Changes an open order: blocks merge, items go by their keys, those not mentioned stay."""
    open_for(company, order, actor, "alterar")
    old, stage = order.row, given.get("cabecalho", {}).get("etapa", "")
    if not given.get("det") and company.kernel.quirks.omie_alter_without_det == "refused":
        raise faults.required("det")
    row = _merged(company, old, given, actor)
    moved = bool(stage) and stage != old["cabecalho"]["etapa"]
    if moved:
        check_stage(company, SALE, "etapa", stage)
    expect(company, order, -1)
    order.row = row
    expect(company, order, 1)
    if moved:
        enter_stage(company, order, stage, actor)
    commit(company, order, actor)
    if moved:
        company.announce("VendaProduto.EtapaAlterada", event(company, order), actor)


def commit(company: Company, order: Paper, actor: Actor) -> None:
    """Stamps and announces an alteration."""
    company.touch(order, actor)
    company.announce("VendaProduto.Alterada", event(company, order, "Alteracao"), actor)


def open_for(company: Company, order: Paper, actor: Actor, verb: str) -> None:
    """Raises Fault for an invoiced or cancelled order, and when the record was altered too often."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    tolerated = "invoiced" if company.kernel.quirks.omie_invoiced_orders == "allowed" else ""
    for act, text in _STATES.items():
        if act in order.acts and act != tolerated:
            raise faults.Fault(f"ERROR: Não é possível {verb} o pedido pois ele está {text} !", 2010)


def exclude(company: Company, order: Paper, actor: Actor) -> None:
    """Deletes an order that was never invoiced; it disappears from every list."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    if "invoiced" in order.acts and company.kernel.quirks.omie_invoiced_orders == "refused":
        raise faults.Fault("ERROR: Não é possível excluir o pedido pois ele está faturado !", 2010)
    expect(company, order, -1)
    body = event(company, order)
    if company.kernel.quirks.omie_deleted_body == "id":
        body = {"idPedido": order.id}
    del orders(company)[order.id]
    company.limits.altered(order.id)
    company.announce("VendaProduto.Excluida", body, actor)


def _merged(company: Company, old: Row, given: Row, actor: Actor) -> Row:
    """The order's blocks with the given ones applied, checked and computed."""
    row = deepcopy(old)
    head = row["cabecalho"] = {**row["cabecalho"], **_head(company, given.get("cabecalho", {}))}
    for name in _BLOCKS:
        if name in given:
            row[name] = {**row.get(name, {}), **given[name]}
    if "departamentos" in given:
        row["departamentos"] = given["departamentos"]
    _check(company, row)
    row["det"] = sale_items.merge(company, row["det"], given.get("det", []))
    sale_items.check_codes(row["det"], needed=actor.is_api)
    sale_items.spread_discount(company, head, row["det"])
    compute(company, row)
    _instalments(company, row, given)
    return row


def _head(company: Company, given: Row) -> Row:
    head = {name: value for name, value in given.items() if name not in _HEAD_OURS}
    code, number = given.get("codigo_cliente_integracao", ""), given.get("codigo_cliente", 0)
    if code:
        head["codigo_cliente"] = find_client(company, 0, code).id
    elif number and number not in company.clients:
        raise faults.missing_reference("Cliente", number, "codigo_cliente")
    return head


def _check(company: Company, row: Row) -> None:
    head, extra, freight = row["cabecalho"], row.get("informacoes_adicionais", {}), row.get("frete", {})
    if not head.get("codigo_cliente"):
        raise faults.required("codigo_cliente", "codigo_cliente_integracao")
    for block, tags in ((head, _HEAD_NEEDS), (extra, _EXTRA_NEEDS)):
        for tag in tags:
            if not block.get(tag):
                raise faults.required(tag)
    if not client_of(company, head["codigo_cliente"], "codigo_cliente").get("estado"):
        raise faults.Fault("ERROR: O preenchimento do Estado do cliente é obrigatório ! - tag: [codigo_cliente]", 1000)
    day("data_previsao", head["data_previsao"])
    if extra.get("enviar_email") == "S" and extra.get("enviar_pix") == "S":
        raise faults.only_when("enviar_pix", "a tag [enviar_email] não for S")
    if freight.get("modalidade", "") not in _CARRIAGE:
        raise faults.invalid("modalidade", "0, 1, 2, 3, 4 ou 9")
    if extra.get("meio_pagamento", "") not in _MEANS:
        raise faults.invalid("meio_pagamento", "um dos meios " + ", ".join(_MEANS[:-1]))
    references: dict[str, tuple[str, str, bool, Any]] = {
        "codigo_categoria": ("categorias", "Categoria", True, extra["codigo_categoria"]),
        "codigo_conta_corrente": ("contacorrente", "Conta Corrente", True, extra["codigo_conta_corrente"]),
        "codVend": ("vendedores", "Vendedor", False, extra.get("codVend")),
        "codigo_transportadora": ("clientes", "Transportadora", True, freight.get("codigo_transportadora")),
        "codigo_cenario_impostos": ("cenarios", "Cenário de impostos", False, head.get("codigo_cenario_impostos")),
    }
    if extra.get("codProj") and extra["codProj"] not in company.registers["projetos"]:
        raise faults.Fault(f"ERROR: Projeto não cadastrado para o Código [{extra['codProj']}] !", 1035)
    check_references(company, references)
    for share in row["departamentos"]:
        check_references(company, {"cCodDepto": ("departamentos", "Departamento", False, share.get("cCodDepto"))})


def compute(company: Company, row: Row) -> None:
    """Item totals, taxes and the order's totals; freight, insurance, expenses, IPI and ICMS ST add to the total."""
    simples, wanted = company.is_simples, row["cabecalho"].get("codigo_cenario_impostos", 0)
    for item in row["det"]:
        own = item.get("inf_adic", {}).get("codigo_cenario_impostos_item", 0)
        sale_items.price(company, item, company.scenario(own or wanted), simples=simples)
    freight, totals = row.get("frete", {}), dict.fromkeys(_SUMS, _NIL)
    for product, taxes in sale_items.amounts(row["det"]):
        for name, (block, tag) in _SUMS.items():
            totals[name] += (product if block == "produto" else taxes.get(block, {})).get(tag, _NIL)
    added = sum((freight.get(tag, _NIL) for tag in ("valor_frete", "valor_seguro", "outras_despesas")), _NIL)
    totals["valor_total_pedido"] = (
        totals["valor_mercadorias"] - totals["valor_descontos"] - totals["valor_deducoes"]
        + totals["valor_IPI"] + totals["valor_st"] + added
    )  # fmt: skip
    row["total_pedido"] = totals
    row["cabecalho"]["quantidade_itens"] = len(row["det"])


#: Total of the order -> block and tag of the items that it sums.
_SUMS = {
    "valor_mercadorias": ("produto", "valor_mercadoria"), "valor_descontos": ("produto", "valor_desconto"),
    "valor_deducoes": ("produto", "valor_deducao"), "base_calculo_icms": ("icms", "base_icms"),
    "valor_icms": ("icms", "valor_icms"), "base_calculo_st": ("icms_st", "base_icms_st"),
    "valor_st": ("icms_st", "valor_icms_st"), "valor_IPI": ("ipi", "valor_ipi"),
    "valor_pis": ("pis_padrao", "valor_pis"), "valor_cofins": ("cofins_padrao", "valor_cofins"),
    "valor_csll": ("csll", "valor_csll"), "valor_inss": ("inss", "valor_inss"), "valor_ir": ("irrf", "valor_irrf"),
    "valor_iss": ("iss", "valor_iss"),
}  # fmt: skip


def _instalments(company: Company, row: Row, given: Row) -> None:
    """Terms other than 999 make the parts; with 999 they come with the order (omie-api.md 5.12)."""
    head, sent = row["cabecalho"], given.get("lista_parcelas", {}).get("parcela", [])
    days = terms(company, "codigo_parcela", head["codigo_parcela"])
    if days is None:
        parts = sent or row["lista_parcelas"]["parcela"]
        if not head.get("qtde_parcelas"):
            raise faults.required("qtde_parcelas")
        if len(parts) != head["qtde_parcelas"]:
            raise faults.invalid("lista_parcelas", f"{head['qtde_parcelas']} parcelas")
        for part in sent:
            for tag in _PART_NEEDS:
                if not part.get(tag):
                    raise faults.required(tag)
            day("data_vencimento", part["data_vencimento"])
        row["lista_parcelas"] = {"parcela": parts}
        return
    if sent:
        raise faults.only_when("lista_parcelas", f"a tag [codigo_parcela] for {FREE_TERMS}")
    head["qtde_parcelas"] = len(days)
    start = day("data_previsao", head["data_previsao"])
    row["lista_parcelas"] = {"parcela": [
        {"numero_parcela": s.number, "valor": s.value, "percentual": s.percent,
         "data_vencimento": f"{s.due:%d/%m/%Y}", "quantidade_dias": s.days}
        for s in shares(company, row["total_pedido"]["valor_total_pedido"], start, days)
    ]}  # fmt: skip


def lines(company: Company, order: Paper) -> list[tuple[int, int, Decimal, bool]]:
    """(product, location, quantity, reserved) of each item that moves stock."""
    rows, reserved = [], company.kernel.quirks.omie_reserves == "all"
    for item in order.row["det"]:
        extra, product = item.get("inf_adic", {}), item["produto"]
        if extra.get("nao_movimentar_estoque") != "S":
            place = location(company, extra.get("codigo_local_estoque", 0)).id
            rows.append(
                (product["codigo_produto"], place, product["quantidade"], reserved or product.get("reservado") == "S")
            )
    return rows


def expect(company: Company, order: Paper, sign: int) -> None:
    """Adds (1) or takes off (-1) what an open order, not a quote, will need of the stock (omie-api.md 3.9)."""
    if not order.is_open or order.row["cabecalho"]["etapa"] == "00":
        return
    for product, place, quantity, reserved in lines(company, order):
        balance = company.stock.at(product, place)
        balance.pending += sign * quantity
        if reserved:
            balance.reserved += sign * quantity
