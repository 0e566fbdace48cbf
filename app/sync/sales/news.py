"""What is said when a document reaches a stage: a template per row of the configuration (F294-F296). Pure.

Templates are Jinja in its sandbox: a customer writes them, so they reach nothing but the words given here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from app.sync.sales.documents import Document
from app.sync.sales.money import brl

if TYPE_CHECKING:
    from app.sync.config.document import OrderNotification

_PLAIN = SandboxedEnvironment(undefined=StrictUndefined)
_HTML = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
LONGEST = 10_000


def words(noun: str, document: Document, stage: str, client: str, sale: str) -> dict[str, str]:
    """What a template may say, by name."""
    return {
        "documento": noun,
        "numero": document.number or document.id,
        "etapa": stage,
        "cliente": client,
        "total": brl(document.total),
        "rastreio": document.tracking or "",
        "venda": sale,
    }


EXAMPLE: Mapping[str, str] = dict.fromkeys(
    ("documento", "numero", "etapa", "cliente", "total", "rastreio", "venda"), "exemplo"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to be sent."""

    row: int
    to: str
    stage: str
    subject: str
    text: str


def flaw(template: str) -> str | None:
    """What is wrong with a template, in Portuguese; None for a good one."""
    try:
        _PLAIN.from_string(template).render(EXAMPLE)
    except (TemplateError, TypeError, ValueError) as problem:
        return f"modelo inválido: {problem}"
    return None


def messages(rows: Sequence["OrderNotification"], stage_code: str, said: Mapping[str, str]) -> list[Message]:
    """The messages for a document that has just reached a stage."""
    found = []
    for place, row in enumerate(rows):
        if row.omie_stage != stage_code:
            continue
        environment = _PLAIN if row.to == "owner_email" else _HTML
        text = environment.from_string(row.template).render(said)[:LONGEST]
        subject = f"{said['documento']} {said['numero']}: {said['etapa']}"
        found.append(Message(place, row.to, stage_code, subject, text))
    return found
