"""Which sales and documents without a partner may get one: switches, scope and history (F258-F260). Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.sync.config.document import Config
from app.sync.mapping.fields import Refs
from app.sync.sales.choices import wanted_now
from app.sync.sales.documents import ORDERS, Document, Kind
from app.sync.sales.sale import Sale
from app.sync.sales.status import Status
from app.sync.trip import Outcome, ignored

HISTORY = "history"
"""Cause of what is older than the activation and not wished for."""
SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def sale_refused(config: Config, refs: Refs, activated: datetime | None, sale: Sale, *, fresh: bool) -> Outcome | None:
    """Why a sale without documents gets none. `fresh`: a notice told of its creation."""
    if not config.orders.send_to_omie:
        return ignored("switched_off", "A configuração não envia vendas ao Omie (orders.send_to_omie).")
    if not wanted_now(config.scope.orders, sale.raw, refs):
        return ignored("out_of_scope", "Fora do escopo de vendas escolhido na configuração.")
    if not fresh and not _sale_in_history(config, activated, sale):
        return ignored(HISTORY, "A venda é anterior à ativação; veja history na configuração.")
    if not wanted_now(config.orders.send_when, sale.raw, refs):
        return ignored("not_yet", "A venda ainda não cumpre a condição de envio (orders.send_when).")
    return None


def _sale_in_history(config: Config, activated: datetime | None, sale: Sale) -> bool:
    """Sales from before the activation go only when that is wished (F259, F260)."""
    if activated is None or sale.created is None:
        return True
    created = datetime.fromisoformat(sale.created)
    if created >= activated.replace(microsecond=0):
        return True
    return config.history.ploomes_sales and (config.history.since is None or created.date() >= config.history.since)


def document_refused(
    config: Config, activated: datetime | None, kind: Kind, document: Document, *, fresh: bool
) -> Outcome | None:
    """Why a document without a sale gets none."""
    if kind.entity != ORDERS:
        return ignored("no_sale", "Ordem de serviço criada no Omie, sem venda no Ploomes.")
    if not config.orders.receive_from_omie:
        return ignored("switched_off", "A configuração não traz pedidos do Omie (orders.receive_from_omie).")
    if document.status is Status.QUOTE:
        return ignored("quote", "Propostas do Omie (etapa 00) nunca são sincronizadas.")
    if document.status is Status.CANCELLED:
        return ignored("cancelled", "O pedido já estava cancelado quando foi visto pela primeira vez.")
    if not fresh and not _document_in_history(config, activated, document):
        return ignored(HISTORY, "O pedido é anterior à ativação; veja history na configuração.")
    return None


def _document_in_history(config: Config, activated: datetime | None, document: Document) -> bool:
    """Orders from before the activation come only when that is wished (F258, F260)."""
    if activated is None or document.created is None:
        return True
    hour = str((document.raw.get("infoCadastro") or {}).get("hInc") or "23:59:59")
    moment = datetime.fromisoformat(f"{document.created.isoformat()}T{hour}").replace(tzinfo=SAO_PAULO)
    if moment >= activated.replace(microsecond=0):
        return True
    return config.history.omie_orders and (config.history.since is None or document.created >= config.history.since)
