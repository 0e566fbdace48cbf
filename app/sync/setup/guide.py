"""What an integration can do and what is left to do (F041, F079, F164, F179): a matrix and a list of steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.ports import JsonObject
from app.sync.config.document import Config
from app.sync.models import Integration, IntegrationState

OMIE_PORTAL = "https://developer.omie.com.br/my-apps/"
TOPICS = (
    "Cliente Fornecedor (Incluído, Alterado, Excluído)",
    "Produto (Incluído, Alterado, Excluído, Movimentação de Estoque, Ajuste de Estoque)",
    "Serviço (Incluído, Alterado, Excluído)",
    "Venda Produto (todas as etapas)",
    "Ordem de Serviço (todas as etapas)",
    "Vendedor (Incluído, Alterado, Excluído)",
)
"""What to tick in Omie's portal (reference 4.4)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One entity in the matrix. `to_*` are the acts that travel there."""

    entity: str
    label: str
    to_ploomes: Sequence[str]
    to_omie: Sequence[str]
    notes: str = ""

    def as_json(self, *, on: bool) -> JsonObject:
        """As REST shows it."""
        return {
            "entity": self.entity,
            "label": self.label,
            "on": on,
            "to_ploomes": list(self.to_ploomes) if on else [],
            "to_omie": list(self.to_omie) if on else [],
            "notes": self.notes,
        }


_CREATE, _CHANGE, _DELETE, _INACTIVATE, _CANCEL = "criação", "edição", "exclusão", "inativação", "cancelamento"
_DELETES = {"mirror": [_DELETE], "inactivate": [_INACTIVATE], "ignore": []}


def matrix(config: Config) -> list[JsonObject]:
    """What flows where, by the configuration as it is (F179). Pure."""
    deletes, orders = config.deletes, config.orders
    receive = [_CREATE, _CHANGE, "etapa", _CANCEL] if orders.receive_from_omie else ["etapa", _CANCEL]
    cancel = [_CANCEL] if deletes.orders == "mirror" and orders.cancel_in_omie else []
    send = [_CREATE, _CHANGE, *cancel] if orders.send_to_omie else []
    flows = (
        Flow(
            "clients", "Clientes", [_CREATE, _CHANGE, *_DELETES[deletes.clients]],
            [_CREATE, _CHANGE, *_DELETES[deletes.clients]],
            "Precisa de CNPJ ou CPF; a (in)atividade só vem do Omie.",
        ),
        Flow("products", "Produtos", [_CREATE, _CHANGE, "preço", *_DELETES[deletes.products]], [],
             "Edições no Ploomes são desfeitas nos campos que vêm do Omie."),
        Flow("services", "Serviços", [_CREATE, _CHANGE, "preço", *_DELETES[deletes.services]], []),
        Flow("stock", "Estoque", ["tabela no produto"], [], "Locais habilitados para venda no Omie."),
        Flow("orders", "Vendas e pedidos", receive, send,
             "A numeração do Ploomes pode ser acertada em Administração > Módulos > Vendas."),
        Flow("service_orders", "Ordens de serviço", ["etapa", "faturamento", _CANCEL], send,
             "Os serviços de uma venda viram uma ordem de serviço."),
    )  # fmt: skip
    on = config.entities.model_dump()
    sellers = Flow("sellers", "Vendedores", [], [], "Pareados por e-mail ou à mão; nunca são criados.")
    return [*(flow.as_json(on=on[flow.entity]) for flow in flows), sellers.as_json(on=True)]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a person does; `done` is None where we cannot see it."""

    title: str
    text: str
    done: bool | None
    url: str | None = None
    copy: str | None = None
    """What to paste."""

    def as_json(self) -> JsonObject:
        """As REST shows it."""
        return {"title": self.title, "text": self.text, "done": self.done, "url": self.url, "copy": self.copy}


def steps(integration: Integration, shown: JsonObject, config: Config, unlocked: Sequence[str]) -> list[JsonObject]:
    """The way from nothing to a working integration, on both vendors' screens. `shown` is REST's integration. Pure."""
    activated = integration.activated_at is not None
    refused = integration.state == IntegrationState.CREDENTIALS_REFUSED
    heard = integration.first_omie_post_at is not None
    wait = f" {shown['state_reason']}" if integration.state == IntegrationState.AWAITING_FIRST_WEBHOOK else ""
    found = [
        Step("Chaves do Omie", "No portal do desenvolvedor do Omie, abra o aplicativo e copie App Key e App Secret.",
             not refused, OMIE_PORTAL),
        Step("Chave do Ploomes", "No Ploomes, em Administração > Usuários de integração, copie a “Chave da API” de um "
             "usuário de integração com perfil de administrador.", not refused),
        Step("Testar e ativar", "Teste a integração, corrija o que o teste indicar e ative.", activated),
        Step("Webhook do Omie", "No portal do Omie, no mesmo aplicativo, clique em “Adicionar novo webhook”, cole o "
             f"endereço em “Endpoint”, marque os eventos e salve: {'; '.join(TOPICS)}.{wait}",
             heard, OMIE_PORTAL, shown["webhook_urls"]["omie"]),
        Step("Desligar a integração antiga", "No Ploomes, em Administração > Integrações Plug & Play, a integração "
             "Omie do próprio Ploomes deve ficar desativada.", None),
        Step("Mapear campos", "Escolha os campos do Omie que interessam; o campo do Ploomes pode ser criado daqui, já "
             "com o tipo e as opções certas.", bool(config.mappings) or None),
        Step("Bloquear campos", "Bloqueie no Ploomes os campos que só o Omie muda: "
             f"{', '.join(dict.fromkeys(unlocked)) or 'todos já bloqueados'}.", not unlocked if activated else None),
        Step("Numeração das vendas", "Os números de venda e de pedido são independentes. Para aproximá-los, ajuste o "
             "próximo número no Ploomes em Administração > Módulos > Vendas; o número do Omie fica no campo "
             "“Nº do pedido (Omie)”.", None),
    ]  # fmt: skip
    return [step.as_json() for step in found]
