"""The configuration document explained: its JSON schema with a description, a picker and a condition per setting. Pure.

`x-picker` names the list of codes to choose from, `x-when` the switch without which a setting has no effect, and
`x-visible` whether that switch is on in the document at hand (F040, F152).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.core.ports import JsonObject
from app.sync.config.document import Config


@dataclass(frozen=True, slots=True)
class Hint:
    """What a person needs to know of one setting, in Portuguese."""

    text: str
    picker: str | None = None
    when: tuple[str, Any] | None = None
    """(path, value): the setting matters while the path holds the value; ANY for "holds something"."""


ANY = "*"
_ORDERS, _SERVICE_ORDERS, _STOCK = (
    ("entities.orders", True),
    ("entities.service_orders", True),
    ("entities.stock", True),
)
_SENT, _CLIENTS = ("orders.send_to_omie", True), ("entities.clients", True)

HINTS: Mapping[str, Hint] = {
    "entities": Hint("O que é mantido igual nos dois sistemas."),
    "entities.clients": Hint("Clientes, nos dois sentidos."),
    "entities.products": Hint("Produtos, do Omie para o Ploomes."),
    "entities.services": Hint("Serviços do Omie, como produtos da família Serviços no Ploomes."),
    "entities.orders": Hint("Vendas do Ploomes e pedidos de venda do Omie, nos dois sentidos."),
    "entities.service_orders": Hint("Serviços de uma venda, como ordem de serviço no Omie."),
    "entities.stock": Hint("Tabela de estoque do Omie no produto do Ploomes."),
    "scope": Hint("Quais registros desta conta Ploomes pertencem a esta integração; vazio: todos."),
    "scope.clients": Hint("Só clientes cujo campo do Ploomes tem o valor escolhido.", "ploomes_fields", _CLIENTS),
    "scope.orders": Hint("Só vendas num estágio, ou cujo campo tem o valor escolhido.", "ploomes_fields", _ORDERS),
    "conflicts": Hint("Quem vence quando os dois lados mudam o mesmo campo."),
    "conflicts.default": Hint("Regra geral: omie, ploomes, newest (o mais novo) ou ask (pergunta)."),
    "conflicts.fields": Hint("Regras por campo; um endereço conta como um só campo (address)."),
    "deletes": Hint("O que uma exclusão de um lado faz do outro: mirror, inactivate ou ignore."),
    "deletes.clients": Hint("Exclusão de clientes.", when=_CLIENTS),
    "deletes.products": Hint("Exclusão de produtos.", when=("entities.products", True)),
    "deletes.services": Hint("Exclusão de serviços.", when=("entities.services", True)),
    "deletes.orders": Hint("Exclusão de vendas e pedidos.", when=_ORDERS),
    "deletes.service_orders": Hint("Exclusão de ordens de serviço.", when=_SERVICE_ORDERS),
    "deletes.pause_above_percent": Hint("Uma carga que excluiria mais que esta porcentagem para e pergunta."),
    "deletes.pause_above_in_ten_minutes": Hint("Mais exclusões que isto em dez minutos: param e perguntam."),
    "clients": Hint("Regras de clientes."),
    "clients.tags": Hint("Só clientes do Omie com uma destas tags; vazio: todos.", when=_CLIENTS),
    "products": Hint("Regras de produtos e serviços."),
    "products.create_active": Hint(
        "Produtos novos entram ativos no Ploomes; desligado, entram suspensos e esperam que alguém os libere. Religar "
        "libera na próxima conferência os que ainda esperam.", when=("entities.products", True),
    ),
    "products.groups_from_family": Hint(
        "A família do Omie vira grupo no Ploomes.", when=("entities.products", True)
    ),
    "products.brand_as": Hint("A marca como texto ou como opção.", when=("entities.products", True)),
    "orders": Hint("Regras de vendas e pedidos."),
    "orders.send_to_omie": Hint("Vendas do Ploomes viram pedidos no Omie.", when=_ORDERS),
    "orders.receive_from_omie": Hint("Pedidos feitos no Omie viram vendas no Ploomes.", when=_ORDERS),
    "orders.send_when": Hint("Só envia a venda que chega a um estágio ou cujo campo tem um valor.",
                             "ploomes_stages", _SENT),
    "orders.omie_stage": Hint("Etapa em que o pedido nasce no Omie.", "stages", _SENT),
    "orders.omie_category": Hint("Categoria dos pedidos; vazio: a única que serve.", "categories", _SENT),
    "orders.omie_account": Hint("Conta corrente dos pedidos; vazio: a única ativa.", "accounts", _SENT),
    "orders.omie_installments": Hint("Condição de pagamento dos pedidos.", "installments", _SENT),
    "orders.default_stock_location": Hint("Local de estoque dos itens; vazio: o padrão do Omie.",
                                          "stock_locations", _SENT),
    "orders.tax_owner": Hint("Quem calcula os impostos. “ploomes” confirma o mapeamento de campos de imposto.",
                             when=_SENT),
    "orders.tax_scenario": Hint("Cenário de impostos de quem não é contribuinte.", "tax_scenarios", _SENT),
    "orders.tax_scenario_taxpayer": Hint("Cenário de impostos de contribuintes do ICMS.", "tax_scenarios",
                                         ("orders.tax_scenario", ANY)),
    "orders.final_consumer": Hint("Consumidor final: auto, S ou N.", when=_SENT),
    "orders.carrier_field": Hint("Campo de opções do Ploomes que diz a transportadora.", "ploomes_fields", _SENT),
    "orders.carrier_missing": Hint("Transportadora que falta no Omie: refuse (recusa) ou create (cadastra).",
                                   when=("orders.carrier_field", ANY)),
    "orders.payment_field": Hint("Campo de opções do Ploomes que diz o pagamento.", "ploomes_fields", _SENT),
    "orders.cancel_in_omie": Hint("Venda excluída no Ploomes cancela o pedido no Omie.", when=_SENT),
    "orders.cancelled_stage": Hint("Estágio de uma venda cujo pedido foi cancelado no Omie.", "ploomes_stages",
                                   _ORDERS),
    "orders.stage_to": Hint("Onde a etapa do Omie aparece: none, stage (pelo nome) ou a chave de um campo.",
                            "ploomes_fields", _ORDERS),
    "orders.services_in_product_order": Hint("Serviços da venda entram no pedido de produtos, como antes.",
                                             when=_SENT),
    "service_orders": Hint("Regras de ordens de serviço."),
    "service_orders.omie_stage": Hint("Etapa em que a ordem de serviço nasce.", "service_stages", _SERVICE_ORDERS),
    "service_orders.omie_category": Hint("Categoria das ordens de serviço.", "categories", _SERVICE_ORDERS),
    "service_orders.omie_account": Hint("Conta corrente das ordens de serviço.", "accounts", _SERVICE_ORDERS),
    "service_orders.omie_installments": Hint("Condição de pagamento.", "installments", _SERVICE_ORDERS),
    "service_orders.city": Hint("Cidade da prestação, como “SAO PAULO (SP)”; vazio: a da empresa.",
                                when=_SERVICE_ORDERS),
    "carriers": Hint("Transportadora de cada opção do campo.", "carriers", ("orders.carrier_field", ANY)),
    "payments": Hint("Conta, condição e meio de pagamento de cada opção.", "payment_methods",
                     ("orders.payment_field", ANY)),
    "stock": Hint("Tabela de estoque no produto."),
    "stock.locations": Hint("Locais mostrados: “all” ou uma lista de códigos.", "stock_locations", _STOCK),
    "stock.balance": Hint("Saldo mostrado: available (disponível) ou physical (físico).", when=_STOCK),
    "stock.after_product_import": Hint("Atualiza o estoque logo depois de importar um produto.", when=_STOCK),
    "sellers": Hint("Vendedores do Omie e usuários do Ploomes."),
    "sellers.pairs": Hint("Pares feitos à mão, onde os e-mails diferem.", "sellers"),
    "sellers.default_seller": Hint("Vendedor de clientes cujo responsável não tem par.", "sellers"),
    "history": Hint("Pedidos e vendas de antes da ativação."),
    "history.omie_orders": Hint("Traz também os pedidos antigos do Omie.", when=_ORDERS),
    "history.ploomes_sales": Hint("Leva também as vendas antigas do Ploomes.", when=_ORDERS),
    "history.since": Hint("Só o histórico a partir desta data."),
    "window": Hint("Janela fora do horário comercial, para o que é pesado."),
    "window.days": Hint("Dias em que a janela abre à noite."),
    "window.start": Hint("Hora em que abre."),
    "window.end": Hint("Hora em que fecha."),
    "window.all_day": Hint("Dias inteiros dentro da janela."),
    "window.holidays": Hint("Feriados nacionais contam como dia inteiro."),
    "window.time_zone": Hint("Fuso horário da janela e do que as pessoas leem."),
    "foreign_api_events": Hint("Mudanças de outras integrações no Omie: sweep (em minutos), now ou ignore."),
    "notifications": Hint("Quem é avisado."),
    "notifications.alerts": Hint("Avisos ao administrador."),
    "notifications.alerts.email": Hint("Endereços de e-mail dos avisos."),
    "notifications.alerts.webhook": Hint(
        "Endereço que recebe os avisos por POST. Só administradores o veem inteiro; encoberto, fica como está."
    ),
    "notifications.orders": Hint("Mensagens quando um pedido chega a uma etapa do Omie.", "stages", _ORDERS),
    "mappings": Hint("Campos do Omie ligados a campos personalizados do Ploomes.", "ploomes_fields"),
}  # fmt: skip
"""Every setting by its dotted path."""

HIDDEN_WITH_ONE_LOCATION = frozenset({"orders.default_stock_location", "stock.locations"})
"""Settings that say nothing while Omie has a single stock location (F152)."""


def schema_of(config: Config, *, locations: int | None = None) -> JsonObject:
    """The JSON schema for a document; `locations`: how many stock locations Omie has, where that is known."""
    schema = Config.model_json_schema()
    schema["description"] = "O documento de configuração de uma integração; partes omitidas voltam ao padrão."
    for definition in schema.get("$defs", {}).values():  # what models say is said to programmers
        definition.pop("description", None)
    document = config.document()
    _explain(schema, schema.get("$defs", {}), "", document, locations)
    schema["x-sections"] = list(Config.model_fields)
    return schema


def _explain(node: JsonObject, definitions: JsonObject, path: str, document: JsonObject, locations: int | None) -> None:
    for name, child in list(node.get("properties", {}).items()):
        at = f"{path}{name}"
        described = dict(child)
        target = _target(described, definitions)
        hint = HINTS.get(at)
        if target is not None and any(known.startswith(f"{at}.") for known in HINTS):
            described = {**target, **{key: value for key, value in described.items() if key not in ("$ref", "allOf")}}
            described["properties"] = dict(target["properties"])
            _explain(described, definitions, f"{at}.", document, locations)
        if hint is not None:
            described |= _hinted(at, hint, document, locations)
        node["properties"][name] = described


def _target(node: JsonObject, definitions: JsonObject) -> JsonObject | None:
    """The object definition a property refers to, if it is one."""
    reference = node.get("$ref") or next((part.get("$ref") for part in node.get("allOf", ())), None)
    found = definitions.get(str(reference).rsplit("/", 1)[-1]) if reference else None
    return found if found is not None and "properties" in found else None


def _hinted(path: str, hint: Hint, document: JsonObject, locations: int | None) -> JsonObject:
    visible = hint.when is None or holds(document, *hint.when)
    if path in HIDDEN_WITH_ONE_LOCATION and locations is not None and locations < 2:
        visible = False
    said: JsonObject = {"description": hint.text, "x-visible": visible}
    if hint.picker is not None:
        said["x-picker"] = hint.picker
    if hint.when is not None:
        said["x-when"] = {"path": hint.when[0], "equals": hint.when[1]}
    return said


def holds(document: JsonObject, path: str, wanted: Any) -> bool:
    """True when the document holds a value at a path; `*` is anything but nothing."""
    here: Any = document
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here not in (None, "", []) if wanted == ANY else here == wanted


def paths_of(document: JsonObject, prefix: str = "") -> Sequence[str]:
    """Every setting's path in a document, sections included."""
    found: list[str] = []
    for name, value in document.items():
        path = f"{prefix}{name}"
        found.append(path)
        if isinstance(value, dict) and path != "conflicts.fields":
            found += paths_of(value, f"{path}.")
    return found
