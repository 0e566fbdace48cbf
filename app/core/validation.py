"""Pydantic's complaints as field errors a person can read, in Portuguese. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

_MESSAGES: Mapping[str, str] = {
    "extra_forbidden": "campo desconhecido",
    "missing": "campo obrigatório",
    "bool_type": "deve ser true ou false",
    "int_type": "deve ser um número inteiro",
    "int_parsing": "deve ser um número inteiro",
    "string_type": "deve ser um texto",
    "list_type": "deve ser uma lista",
    "dict_type": "deve ser um objeto",
    "model_type": "deve ser um objeto",
    "model_attributes_type": "deve ser um objeto",
    "date_type": "deve ser uma data no formato AAAA-MM-DD",
    "date_from_datetime_parsing": "deve ser uma data no formato AAAA-MM-DD",
    "date_parsing": "deve ser uma data no formato AAAA-MM-DD",
    "string_pattern_mismatch": "formato inválido",
    "string_too_short": "não pode ficar em branco",
    "string_too_long": "texto longo demais",
    "bytes_too_long": "arquivo grande demais",
    "greater_than_equal": "valor abaixo do mínimo",
    "less_than_equal": "valor acima do máximo",
    "json_invalid": "JSON inválido",
}
"""Pydantic's error types in the words of the product."""


def message_of(error: Mapping[str, Any]) -> str:
    """A validation error of Pydantic in Portuguese."""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "value_error":
        return str(context.get("error", "valor inválido"))
    if kind == "literal_error":
        return "valor não aceito; use " + str(context.get("expected", "")).replace(" or ", " ou ")
    return _MESSAGES.get(kind, "valor inválido")


def field_errors(errors: Sequence[Mapping[str, Any]], *, whole: str = "documento") -> list[dict[str, str]]:
    """One `{"field","message"}` per field; of a union only its own place is named, not each alternative's.

    `whole` names the input itself where no field is to blame.
    """
    rows: dict[str, str] = {}
    for problem in errors:
        if problem["type"] == "json_invalid":  # its place is a character's number and no field
            where = f" no caractere {problem['loc'][-1]}" if problem["loc"] else ""
            rows.setdefault(whole, message_of(problem) + where)
            continue
        steps = [str(step) for step in problem["loc"] if not _is_union_branch(step)]
        rows.setdefault(".".join(steps) or whole, message_of(problem))
    return [{"field": name, "message": text} for name, text in rows.items()]


def _is_union_branch(step: int | str) -> bool:
    """True for the alternative's name that Pydantic puts into a location (a class or a built-in type)."""
    return isinstance(step, str) and (step in ("int", "str", "bool") or "[" in step or step[:1].isupper())
