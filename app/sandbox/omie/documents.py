"""CNPJ and CPF as Omie takes them (any mask) and shows them (masked), the alphanumeric CNPJ of 2026 included."""

import re

from stdnum.br import cnpj, cpf

from . import faults


def normal(text: str) -> str:
    """Upper case letters and digits only."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def checked(text: str) -> str:
    """The normal form of a valid document, or "" for none; raises Fault for an invalid one."""
    document = normal(text)
    if not document:
        return ""
    valid = cnpj.is_valid(document) if len(document) == 14 else len(document) == 11 and cpf.is_valid(document)
    if not valid:
        raise faults.Fault(*faults.INVALID_DOCUMENT)
    return document


def is_person(document: str) -> bool:
    """True for a CPF."""
    return len(document) == 11


def masked(document: str) -> str:
    """With the usual mask: 18 characters for a CNPJ, 14 for a CPF."""
    if len(document) == 14:
        return str(cnpj.format(document))
    return str(cpf.format(document)) if len(document) == 11 else document
