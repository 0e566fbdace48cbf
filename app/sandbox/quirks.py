"""Switches for what the references leave doubtful, so that a client can be proved under every reading."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Quirk:
    """One switch: its default, what it does, and the values it takes (None: any value of the default's type)."""

    default: Any
    meaning: str
    choices: tuple[str, ...] | None = None


QUIRKS: dict[str, Quirk] = {
    "omie_latency_ms": Quirk(0, "how long each Omie call stays in flight"),
    "omie_limits": Quirk(True, "enforce Omie's limits at all"),
    "omie_parallel_reads": Quirk(False, "up to 4 reads of one method at once instead of 1"),
    "omie_redundant_writes": Quirk(True, "identical writes within 60 s are redundant too"),
    "omie_redundant_wording": Quirk("seconds", "wording of the redundant fault", ("seconds", "clock")),
    "omie_error_reset": Quirk(False, "a success resets the error count of its method"),
    "omie_error_limit": Quirk(10, "erroring requests of one method before it is blocked"),
    "omie_error_window_s": Quirk(1800, "sliding window of the error count"),
    "omie_block_s": Quirk(1800, "length of a block"),
    "omie_block_prolong_s": Quirk(60, "what each call during a block adds to it"),
    "omie_fault_http_200": Quirk(False, "business faults come with HTTP 200"),
    "omie_fault_without_code": Quirk(False, "faults carry no faultcode"),
    "omie_page_cap": Quirk(100, "largest page"),
    "omie_required_client_tags": Quirk(
        "nome_fantasia,cnpj_cpf", "tags required on IncluirCliente beside the documented two, by comma (add email)"
    ),
    "omie_html_entities": Quirk(False, "quotes in texts come as HTML entities"),
    "omie_webhook_author": Quirk("person", "author of changes made on the screen", ("person", "no-reply")),
    "omie_acts_unsigned": Quirk(True, "a person's invoicing and cancelling carry the integration's author too"),
    "omie_deleted_body": Quirk("full", "body of *.Excluido", ("full", "id")),
    "omie_key_precedence": Quirk("code", "what finds a record when both keys are sent", ("code", "id")),
    "omie_key_size": Quirk(60, "largest integration code"),
    "omie_family_delete": Quirk("refused", "deleting a family that has products", ("refused", "detached")),
    "omie_stock_event": Quirk("ids", "body of Produto.MovimentacaoEstoque", ("ids", "position")),
    "omie_client_delete": Quirk("refused", "deleting a client that has orders", ("refused", "allowed")),
    "omie_order_window": Quirk("changed", "what ListarPedidos' dates act on", ("changed", "forecast")),
    "omie_order_hours": Quirk(False, "ListarPedidos honours hours and filtrar_apenas_alteracao"),
    "omie_alter_without_det": Quirk("kept", "AlterarPedidoVenda without det keeps the items", ("kept", "refused")),
    "omie_order_number_sent": Quirk("ignored", "numero_pedido sent in IncluirPedido", ("ignored", "honoured")),
    "omie_invoiced_orders": Quirk("refused", "altering or deleting an invoiced order", ("refused", "allowed")),
    "omie_invoice_number_after_s": Quirk(0, "how long a note waits for its number and link after the invoicing"),
    "omie_reserves": Quirk("flagged", "which open items reserve stock", ("flagged", "all")),
    "omie_order_event_dates": Quirk("br", "dates inside VendaProduto.*", ("br", "iso")),
    "omie_padded_numbers": Quirk(False, "lists show order numbers padded to 15 digits"),
    "omie_os_born_without_value": Quirk(False, "OrdemServico.Incluida says a value of 0"),
    "omie_rounding": Quirk("half_up", "rounding of item values to cents", ("half_up", "half_even", "down")),
    "omie_duplicate_code": Quirk(102, "faultcode of duplicates by integration code, document or SKU"),
    "omie_missing_wording": Quirk(
        "code",
        "text for a missing product, order or OS: para o Código [x], para o ID [x], or não encontrado",
        ("code", "id", "found"),
    ),
    "omie_429_body": Quirk("json", "body of HTTP 429", ("json", "html", "empty")),
    "omie_429_retry_after": Quirk(False, "429 carries Retry-After"),
    "omie_duplicate_documents": Quirk(
        "refused", "second client with one document: refused, or accepted for suppliers", ("refused", "suppliers")
    ),
    "omie_event_body": Quirk("record", "event of registers: the record, or its ids only", ("record", "ids")),
    "omie_ping": Quirk("post", "test notification on saving a webhook", ("post", "get", "bare")),
    "omie_redelivery_id": Quirk("kept", "messageId of a delivery's further attempts", ("kept", "new")),
    "omie_states_service": Quirk(False, "geral/estados/ is still served"),
    "omie_utc_offset_h": Quirk(-3, "the zone of the company's stamps"),
    "ploomes_latency_ms": Quirk(0, "how long each Ploomes call takes"),
    "ploomes_rate_per_minute": Quirk(120, "requests per window"),
    "ploomes_rate_window_s": Quirk(60, "length of the fixed window"),
    "ploomes_rate_scope": Quirk("account", "who shares a window", ("account", "key")),
    "ploomes_rate_answer": Quirk("429", "answer over the limit: 429, or 200 with an empty list", ("429", "empty")),
    "ploomes_retry_after": Quirk(False, "429 carries Retry-After"),
    "ploomes_page_cap": Quirk(300, "largest page"),
    "ploomes_large_top": Quirk("cut", "$top above the cap", ("cut", "honoured", "refused")),
    "ploomes_cap_everywhere": Quirk(True, "the cap holds for sets without a published one too"),
    "ploomes_get_by_key": Quirk(False, "GET Set(1) answers a list of one instead of 404"),
    "ploomes_other_properties": Quirk("merge", "PATCH of OtherProperties", ("merge", "replace")),
    "ploomes_collections": Quirk("replace", "PATCH of Phones and Tags", ("replace", "append")),
    "ploomes_any_forbidden": Quirk(False, "OtherProperties/any answers 403"),
    "ploomes_expand_depth": Quirk(4, "deepest nesting of $expand"),
    "ploomes_invented_ids_shift": Quirk(
        0, "added to the ids nobody published (phone types, field types above 900) in accounts added from now on"
    ),
    "ploomes_contact_type": Quirk("fixed", "TypeId of an existing contact", ("fixed", "free")),
    "ploomes_duplicate_documents": Quirk("accepted", "second contact with one document", ("accepted", "rejected")),
    "ploomes_is_duplicate": Quirk("rows", "reply of Contacts/IsDuplicate", ("rows", "value", "missing")),
    "ploomes_document_columns": Quirk("same", "writing CNPJ or CPF directly", ("same", "ignored", "refused")),
    "ploomes_contact_required": Quirk("", "required on a new contact beside Name, by comma (TypeId)"),
    "ploomes_order_required": Quirk("", "required on a new order beside ContactId, by comma (Products, StageId)"),
    "ploomes_recompute": Quirk(False, "the server recomputes Total and Amount"),
    "ploomes_discount": Quirk("percent", "unit of Discount when recomputing", ("percent", "amount")),
    "ploomes_flat_products": Quirk("accepted", "order lines outside sections", ("accepted", "refused")),
    "ploomes_false_checkbox": Quirk("row", "what false leaves in OtherProperties", ("row", "none")),
    "ploomes_disabled_fields": Quirk("free", "API writes to locked fields", ("free", "ignored", "refused")),
    "ploomes_required_fields": Quirk(False, "API writes must fill required custom fields"),
    "ploomes_bare_dates": Quirk("brasilia", "zone of dates written without one", ("brasilia", "utc")),
    "ploomes_missing_status": Quirk(404, "status of PATCH and DELETE on a missing id (400, 404 or 200)"),
    "ploomes_put_status": Quirk(405, "status of PUT"),
    "ploomes_batch": Quirk(False, "$batch is served, in OData's JSON form"),
    "ploomes_company_delete": Quirk("loosen", "persons of a deleted company", ("loosen", "cascade", "refused")),
    "ploomes_deleted_listed": Quirk(False, "GetDeleted<Set> exists for contacts, products and orders too"),
    "ploomes_visibility": Quirk("own", "what a profile with ContactsView 2 meets", ("own", "forbidden")),
    "ploomes_error_shape": Quirk("odata", "body of errors", ("odata", "message", "text", "html", "empty")),
    "ploomes_visible_after_s": Quirk(0, "seconds until a created record appears in lists"),
    "ploomes_webhooks_false": Quirk(False, "honour ?webhooks=false on writes"),
    "ploomes_own_webhooks": Quirk(True, "a webhook fires for changes by the user who registered it"),
    "ploomes_webhook_entity": Quirk("plural", "text of Entity", ("plural", "singular")),
    "ploomes_webhook_lines": Quirk(False, "order webhooks carry Products"),
    "ploomes_webhook_absent": Quirk("null", "Old on Create and New on Delete", ("null", "missing")),
    "ploomes_delete_fills_new": Quirk(False, "New is filled on Delete"),
    "ploomes_finish_action_id": Quirk(7, "ActionId of a finished task"),
    "ploomes_webhook_timeout_s": Quirk(10, "real seconds a webhook post may take"),
    "ploomes_webhook_retries": Quirk(3, "repeats of a failed webhook post (up to 5)"),
    "ploomes_failures_until_inactive": Quirk(20, "failed deliveries in a row that switch a webhook off"),
}


class Quirks:
    """The switches' present values, read as attributes."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in QUIRKS:
            raise AttributeError(name)
        return self._values.get(name, QUIRKS[name].default)

    def set(self, values: dict[str, Any]) -> None:
        """Sets switches; raises ValueError (in Portuguese) for an unknown one or a value of the wrong kind."""
        for name, value in values.items():
            quirk = QUIRKS.get(name)
            if quirk is None:
                raise ValueError(f"Opção desconhecida: {name}")
            kinds: tuple[type, ...] = (int, float, Decimal) if type(quirk.default) is int else (type(quirk.default),)
            if type(value) not in kinds or (quirk.choices and value not in quirk.choices):
                raise ValueError(f"Valor inválido para {name}: {value}")
        self._values |= {name: float(v) if isinstance(v, Decimal) else v for name, v in values.items()}

    def clear(self) -> None:
        """Back to the defaults."""
        self._values.clear()

    def all(self) -> dict[str, Any]:
        """Every switch with its present value."""
        return {name: getattr(self, name) for name in QUIRKS}
