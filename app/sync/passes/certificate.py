"""The signed report of a reconcile: made, read back, and checked by whoever holds the service's key."""

import json

from app.core.ports import JsonObject
from app.core.vault import Vault


class Forged(ValueError):
    """A document that this service did not sign, or that was changed since."""


def signed(vault: Vault, document: JsonObject) -> str:
    """The document with its signature, as text to keep and to hand out."""
    key, value = vault.sign(_bytes(document))
    signature = {"algorithm": "Ed25519", "public_key": key, "value": value}
    return json.dumps({"certificate": document, "signature": signature}, ensure_ascii=False, indent=2)


def verified(vault: Vault, text: str | bytes) -> JsonObject:
    """The document inside. Raises Forged unless one of this service's keys signed exactly it, whatever the text is."""
    try:
        whole = json.loads(text)
        document, signature = whole["certificate"], whole["signature"]
        key, value = str(signature["public_key"]), str(signature["value"])
        content = _bytes(document)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Forged("isto não é um certificado") from None
    if not isinstance(document, dict) or not vault.signed(content, key, value):
        raise Forged("a assinatura não é deste serviço, ou o documento foi alterado")
    return document


def _bytes(document: JsonObject) -> bytes:
    """What is signed: the document in one spelling, whatever the spaces and the order of its keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
