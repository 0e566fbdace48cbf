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
    "omie_deleted_body": Quirk("full", "body of *.Excluido", ("full", "id")),
    "omie_key_precedence": Quirk("code", "what finds a record when both keys are sent", ("code", "id")),
    "omie_key_size": Quirk(60, "largest integration code"),
    "omie_family_delete": Quirk("refused", "deleting a family that has products", ("refused", "detached")),
    "omie_stock_event": Quirk("ids", "body of Produto.MovimentacaoEstoque", ("ids", "position")),
    "ploomes_latency_ms": Quirk(0, "how long each Ploomes call takes"),
    "ploomes_rate_per_minute": Quirk(120, "requests per window"),
    "ploomes_retry_after": Quirk(False, "429 carries Retry-After"),
    "ploomes_other_properties": Quirk("merge", "PATCH of OtherProperties", ("merge", "replace")),
    "ploomes_collections": Quirk("replace", "PATCH of Phones and Tags", ("replace", "append")),
    "ploomes_any_forbidden": Quirk(False, "OtherProperties/any answers 403"),
    "ploomes_expand_depth": Quirk(4, "deepest nesting of $expand"),
    "ploomes_duplicate_documents": Quirk("accepted", "second contact with one document", ("accepted", "rejected")),
    "ploomes_recompute": Quirk(False, "the server recomputes Total and Amount"),
    "ploomes_discount": Quirk("percent", "unit of Discount when recomputing", ("percent", "amount")),
    "ploomes_flat_products": Quirk("accepted", "order lines outside sections", ("accepted", "refused")),
    "ploomes_false_checkbox": Quirk("row", "what false leaves in OtherProperties", ("row", "none")),
    "ploomes_error_shape": Quirk("odata", "body of errors", ("odata", "message", "text", "html", "empty")),
    "ploomes_visible_after_s": Quirk(0, "seconds until a created record appears in lists"),
    "ploomes_webhooks_false": Quirk(False, "honour ?webhooks=false on writes"),
    "ploomes_delete_fills_new": Quirk(False, "New is filled on Delete"),
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
