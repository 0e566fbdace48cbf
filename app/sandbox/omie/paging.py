"""Omie's lists: two paging dialects, the page cap, the end of the list and the date filters (omie-api.md 2)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from ..clock import BRASILIA
from ..wire import Row
from . import faults
from .company import API, Company, Entry

T = TypeVar("T")
E = TypeVar("E", bound=Entry)
_DEFAULT_SIZE = 50


@dataclass(frozen=True)
class Dialect:
    """Names of the paging tags: request page and size, answer page, pages, rows and total."""

    page: str
    size: str
    pages: str
    rows: str
    total: str


SNAKE = Dialect("pagina", "registros_por_pagina", "total_de_paginas", "registros", "total_de_registros")
HUNGARIAN = Dialect("nPagina", "nRegPorPagina", "nTotPaginas", "nRegistros", "nTotRegistros")


def page(
    company: Company,
    rows: Sequence[T],
    param: Row,
    array: str,
    show: Callable[[T], Row],
    *,
    dialect: Dialect = SNAKE,
    past_end: str = "fault",
) -> Row:
    """One page of `rows` under `array`. Past the end: `fault` 5113, `empty` (200, total 0) or `first` again."""
    number = max(1, param.get(dialect.page) or 1)
    size = min(param.get(dialect.size) or _DEFAULT_SIZE, company.kernel.quirks.omie_page_cap)
    total = len(rows)
    if (number - 1) * size >= total:
        if past_end == "fault":
            raise faults.no_records(number)
        if past_end == "first":
            number = 1
        else:
            total = 0
    chosen = [show(row) for row in rows[(number - 1) * size : number * size]] if total else []
    return {
        dialect.page: number,
        dialect.pages: -(-total // size),
        dialect.rows: len(chosen),
        dialect.total: total,
        array: chosen,
    }


_NARROWING = ("filtrar_por_data_de", "filtrar_por_data_ate", "filtrar_apenas_inclusao", "apenas_importado_api")


def in_window(company: Company, entries: Sequence[E], param: Row) -> list[E]:
    """Entries created or altered in the window of `filtrar_por_*`, and made by the API if so asked."""
    if not any(param.get(name) for name in _NARROWING):
        return list(entries)
    since, until = _window(company, param)
    only_created = param.get("filtrar_apenas_inclusao") == "S"
    chosen = []
    for entry in entries:
        moment = entry.stamp.created if only_created else entry.stamp.changed
        if since <= moment <= until and (
            param.get("apenas_importado_api") != "S" or entry.stamp.created_by == API.code
        ):
            chosen.append(entry)
    return chosen


def _window(company: Company, param: Row) -> tuple[datetime, datetime]:
    since, until = param.get("filtrar_por_data_de", ""), param.get("filtrar_por_data_ate", "")
    if until and not since:
        # Omie then takes today as the start (omie-api.md 2.3).
        since = f"{company.now():%d/%m/%Y}"
    first = moment("filtrar_por_data_de", since, param.get("filtrar_por_hora_de") or "00:00:00")
    last = moment("filtrar_por_data_ate", until, param.get("filtrar_por_hora_ate") or "23:59:59")
    return (
        first or datetime(1, 1, 1, tzinfo=BRASILIA),
        last or datetime(9999, 12, 31, tzinfo=BRASILIA),
    )


def moment(tag: str, day: str, hour: str) -> datetime | None:
    """That Brasília time, None without a day; raises Fault (104) for what is no date."""
    if not day:
        return None
    if re.fullmatch(r"\d{2}/\d{2}/0*(1[0-8]\d\d|\d{1,3})", day):
        raise faults.Fault(f"ERROR: O ano informado na tag [{tag}] deve ser maior que 1900!", 104)
    try:
        return datetime.strptime(f"{day} {hour}", "%d/%m/%Y %H:%M:%S").replace(tzinfo=BRASILIA)
    except ValueError:
        raise faults.Fault(f"ERROR: Data ou hora inválida na tag [{tag}], utilize dd/mm/aaaa !", 104) from None
