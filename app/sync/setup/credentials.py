"""What a person types in for an integration, and when it is refused. Pure."""

import hashlib
import unicodedata
from dataclasses import dataclass
from http import HTTPStatus

from app.core.errors import UserError
from app.sync.models import Integration


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a person types in; None leaves what is stored. Never shown again, also not in a repr."""

    app_key: str | None = None
    app_secret: str | None = None
    user_key: str | None = None

    def __repr__(self) -> str:
        return "Credentials(***)"

    @property
    def given(self) -> bool:
        """True when anything is to be replaced."""
        return any(value is not None for value in (self.app_key, self.app_secret, self.user_key))


LIMITS = {"name": 200, "omie.app_key": 50, "omie.app_secret": 200, "ploomes.user_key": 500}
"""Longest texts accepted, in characters."""


def refuse_blank(name: str, credentials: Credentials) -> None:
    """Raises UserError 422 naming every blank or impossible field of a new integration."""
    _refuse(
        {
            "name": name,
            "omie.app_key": credentials.app_key or "",
            "omie.app_secret": credentials.app_secret or "",
            "ploomes.user_key": credentials.user_key or "",
        }
    )


def refuse_blank_change(name: str | None, credentials: Credentials) -> None:
    """The same for what a change gives; what it leaves out stays."""
    given = {
        "name": name,
        "omie.app_key": credentials.app_key,
        "omie.app_secret": credentials.app_secret,
        "ploomes.user_key": credentials.user_key,
    }
    _refuse({field: text for field, text in given.items() if text is not None})


def _refuse(texts: dict[str, str]) -> None:
    errors = [{"field": field, "message": flaw} for field, text in texts.items() if (flaw := _flaw(field, text))]
    if errors:
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Dados inválidos", "Há campos que precisam de correção.", errors=errors
        )


def _flaw(field: str, text: str) -> str | None:
    if not text.strip():
        return "não pode ficar em branco"
    if len(text) > LIMITS[field]:
        return f"no máximo {LIMITS[field]} caracteres"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        return "contém caracteres inválidos"
    return None


def fingerprint(integration: Integration) -> str:
    """Tells one set of sealed credentials from another, without showing any."""
    sealed = (integration.omie_app_key.encode(), integration.omie_app_secret, integration.ploomes_user_key)
    return hashlib.sha256(b"|".join(sealed)).hexdigest()
