"""What happens to sales orders: stages, invoicing, cancelling, returns, copies (omie-api.md 3.6 and 4.4)."""

from copy import deepcopy
from datetime import datetime
from decimal import Decimal

from ..wire import Row
from . import faults, stock
from .company import Actor, Company
from .papers import SALE, Paper, client_of, enter_stage, fiscal_gaps, gap_text, refused_move
from .registers import check_code
from .sale_views import event
from .sales import commit, expect, lines, orders

INVOICED_STAGE = "60"


def move(company: Company, order: Paper, stage: str, actor: Actor) -> str | None:
    """Changes the stage; returns Omie's refusal, which comes with HTTP 200, or None."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    refusal = refused_move(company, SALE, order, stage)
    if refusal or stage == order.row["cabecalho"]["etapa"]:
        return refusal
    expect(company, order, -1)
    order.row["cabecalho"]["etapa"] = stage
    expect(company, order, 1)
    enter_stage(company, order, stage, actor)
    company.touch(order, actor)
    company.announce("VendaProduto.EtapaAlterada", event(company, order), actor)
    return None


def gaps(company: Company, order: Paper) -> str | None:
    """Why it cannot be invoiced, in the words of ValidarPedidoVenda."""
    if not order.is_open:
        return "O pedido já está faturado ou cancelado."
    if order.row["cabecalho"]["etapa"] == "00":
        return "Não é possível faturar uma proposta."
    missing = fiscal_gaps(client_of(company, order.row["cabecalho"]["codigo_cliente"], "codigo_cliente"))
    return gap_text("NF-e", missing) if missing else None


def invoice(company: Company, order: Paper, actor: Actor, *, denied: bool = False) -> None:
    """Issues the NF-e: stage 60, stock out, webhooks; raises Fault with what is missing."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    refusal = gaps(company, order)
    if refusal:
        raise faults.Fault(f"ERROR: {refusal}", 2011)
    expect(company, order, -1)
    number, now = company.next_number("notas"), company.now()
    key = f"35{now:%y%m}11222333000181550010{number:08d}1{order.id % 10**8:08d}0"
    base = f"https://app.omie.com.br/sandbox/nfe/{order.id}"
    order.invoice = {"id": company.kernel.omie_id(), "number": f"{number:09d}", "key": key, "day": f"{now:%d/%m/%Y}",
                     "hour": f"{now:%H:%M:%S}", "danfe": f"{base}.pdf", "xml": f"{base}.xml"}  # fmt: skip
    for act in ("invoiced", "denied" if denied else "authorised"):
        order.did(act, company, actor)
    order.row["cabecalho"]["etapa"] = INVOICED_STAGE
    enter_stage(company, order, INVOICED_STAGE, actor)
    company.touch(order, actor)
    for product, place, quantity, _reserved in lines(company, order):
        _stock(company, product, place, -quantity, actor)
    company.announce("VendaProduto.Faturada", event(company, order, "Faturado", actor.code), actor)
    company.announce("VendaProduto.EtapaAlterada", event(company, order), actor)
    if not denied:
        company.announce("NFe.NotaAutorizada", note(company, order, now, "autorizada"), actor)


def _stock(company: Company, product: int, place: int, quantity: Decimal, actor: Actor) -> None:
    company.stock.move(product, place, quantity, company.now().date())
    stock.announce(company, company.registers["produtos"][product], place, actor)


def note(company: Company, order: Paper, now: datetime, act: str) -> Row:
    """The event of the NFe topics, ISO dates with zone."""
    owner, invoice = company.catalogs["empresas"][0], order.invoice
    return {
        "acao": act, "ambiente": "P", "data_emis": f"{now:%Y-%m-%d}T00:00:00-03:00", "hora_emis": invoice["hour"],
        "empresa_cnpj": owner["cnpj"], "empresa_ie": "", "empresa_uf": owner["estado"], "id_nf": invoice["id"],
        "id_pedido": order.id, "nfe_chave": invoice["key"], "nfe_danfe": invoice["danfe"],
        "nfe_xml": invoice["xml"], "numero_nf": invoice["number"], "operacao": SALE, "serie": "1",
    }  # fmt: skip


def cancel(company: Company, order: Paper, actor: Actor) -> None:
    """Cancels the order and its invoice; the record and its stage stay (omie-api.md 3.6)."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    if "cancelled" in order.acts:
        raise faults.Fault("ERROR: O pedido já está cancelado !", 2010)
    expect(company, order, -1)
    if "invoiced" in order.acts:
        for product, place, quantity, _reserved in lines(company, order):
            _stock(company, product, place, quantity, actor)
    order.did("cancelled", company, actor)
    company.touch(order, actor)
    company.announce("VendaProduto.Cancelada", event(company, order, "Cancelado", actor.code), actor)
    if "authorised" in order.acts:
        company.announce("NFe.NotaCancelada", note(company, order, company.now(), "cancelada"), actor)


def give_back(company: Company, order: Paper, items: list[Row], actor: Actor) -> int:
    """Returns goods of an invoiced order, wholly or in part; answers the return's id, raises Fault."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    if "authorised" not in order.acts or "cancelled" in order.acts:
        raise faults.Fault("ERROR: Somente um pedido faturado e autorizado pode ser devolvido !", 2012)
    sold: dict[int, Decimal] = {}
    for item in order.row["det"]:
        product = item["produto"]["codigo_produto"]
        sold[product] = sold.get(product, Decimal(0)) + item["produto"]["quantidade"]
    wanted = {row.get("codigo_produto", 0): row.get("quantidade", Decimal(0)) for row in items} or dict(sold)
    for product, quantity in wanted.items():
        if product not in sold:
            raise faults.missing_reference("Produto", product, "codigo_produto")
        if not 0 < quantity <= sold[product] - order.returned.get(product, Decimal(0)):
            raise faults.invalid("quantidade", "até a quantidade vendida e ainda não devolvida")
    places = {product: place for product, place, *_ in lines(company, order)}
    for product, quantity in wanted.items():
        order.returned[product] = order.returned.get(product, Decimal(0)) + quantity
        if product in places:
            _stock(company, product, places[product], quantity, actor)
    whole = all(order.returned.get(product) == quantity for product, quantity in sold.items())
    order.acts.pop("partly_returned", None)
    order.did("returned" if whole else "partly_returned", company, actor)
    company.touch(order, actor)
    company.announce("VendaProduto.Devolvida", event(company, order, "Devolvido", actor.code), actor)
    return company.kernel.omie_id()


def alter_invoiced(company: Company, order: Paper, given: Row, actor: Actor) -> None:
    """Tracking, forecast of delivery and notes: all that can change after invoicing; raises Fault."""
    if actor.is_api:
        company.limits.may_alter(order.id)
    if "invoiced" not in order.acts:
        raise faults.Fault("ERROR: O pedido não está faturado !", 2010)
    freight = {name: given[name] for name in ("codigo_rastreio", "link_rastreio", "previsao_entrega") if name in given}
    order.row["frete"] = {**order.row.get("frete", {}), **freight}
    if "obs_venda" in given:
        order.row["observacoes"] = {"obs_venda": given["obs_venda"]}
    commit(company, order, actor)


def associate(company: Company, order: Paper, code: str, actor: Actor) -> None:
    """Writes the integration code onto an existing order."""
    if not code:
        raise faults.required("cCodIntPed")
    check_code(company, "cCodIntPed", code)
    for other in orders(company).values():
        if other is not order and other.row["cabecalho"].get("codigo_pedido_integracao") == code:
            raise faults.duplicate_code("Pedido", code)
    if actor.is_api:
        company.limits.may_alter(order.id)
    order.row["cabecalho"]["codigo_pedido_integracao"] = code
    commit(company, order, actor)


def duplicate(company: Company, order: Paper, actor: Actor) -> Paper:
    """A copy as an open order with its own number and items, without integration codes."""
    row = deepcopy(order.row)
    copy = Paper(company.kernel.omie_id(), row, company.stamp(actor), number=company.next_number("pedidos"))
    row["cabecalho"] |= {"codigo_pedido": copy.id, "codigo_pedido_integracao": "", "etapa": "10",
                         "numero_pedido": str(copy.number)}  # fmt: skip
    for item in row["det"]:
        item["ide"] |= {"codigo_item": company.kernel.omie_id(), "codigo_item_integracao": ""}
    orders(company)[copy.id] = copy
    enter_stage(company, copy, "10", actor)
    expect(company, copy, 1)
    company.announce("VendaProduto.Incluida", event(company, copy, "Inclusao"), actor)
    return copy
