"""The address that alerts are posted to may carry a secret in its path: shown by its host only, and kept when a shown
document is published again. Pure."""

import copy
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import UserError
from app.core.ports import JsonObject

HIDDEN = "…"
"""What stands for the rest of an address."""
PLACE = "notifications.alerts.webhook"


def masked(document: JsonObject) -> JsonObject:
    """The document as everybody may see it."""
    address = _address(document)
    return document if address is None else _with_address(document, _host_of(address))


def unmasked(document: Any, published: JsonObject) -> Any:
    """A document that somebody sends, with the published address where it shows only its mask.

    Raises UserError 422 for the mask of another address.
    """
    shown, kept = _address(document), _address(published)
    if shown is None or HIDDEN not in shown:
        return document
    if kept is None or shown != _host_of(kept):
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Configuração inválida", "O endereço dos avisos veio encoberto.",
            errors=[{"field": PLACE, "message": "endereço encoberto; digite o endereço inteiro"}],
        )  # fmt: skip
    return _with_address(document, kept)


def _address(document: Any) -> str | None:
    here = document
    for step in PLACE.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here if isinstance(here, str) else None


def _with_address(document: JsonObject, address: str) -> JsonObject:
    changed = copy.deepcopy(document)
    changed["notifications"]["alerts"]["webhook"] = address
    return changed


def _host_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that are no IPv6 address: nothing of it is known to be harmless
        return HIDDEN
    return f"{parts.scheme}://{parts.hostname or ''}/{HIDDEN}"
