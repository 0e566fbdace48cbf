"""Refusals of the pretend Ploomes: a status and a message in Portuguese (ploomes-api.md 1, Errors)."""


class Refusal(Exception):
    """A call that is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad(message: str) -> Refusal:
    """400: the request itself is wrong."""
    return Refusal(400, message)


def missing(what: str) -> Refusal:
    """404: no such set, key or action."""
    return Refusal(404, f"{what} não encontrado.")


def unknown_property(name: str, entity_set: str) -> Refusal:
    """400: a property the type does not have, in a body or a query."""
    return bad(f"A propriedade '{name}' não existe no tipo '{entity_set}'.")
