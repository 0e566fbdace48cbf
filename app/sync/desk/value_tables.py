"""Values of mapped fields as a table: all of an entity out, and values typed in a spreadsheet in again (F109).

What comes in is written into Ploomes like a person's edit there, one record at a time at the lowest priority, and
travels to Omie on the usual road. A bad table is refused whole, with a reason per line.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sqlalchemy import select

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import JsonObject, Vendor
from app.sync import links
from app.sync.config.store import ConfigStore
from app.sync.desk import sheets
from app.sync.entities import RULES
from app.sync.links import LIVING
from app.sync.lookups import known, mapped
from app.sync.mapping.catalogue import rows_of
from app.sync.mapping.choices import Option
from app.sync.mapping.convert import canonical_day, canonical_decimal
from app.sync.mapping.fields import Field, Master, Value
from app.sync.mapping.mappable import CHECKBOX, DATE, DECIMAL, INTEGER, MONEY, PERCENT, PLOOMES_TEXT, TEXT
from app.sync.mapping.places import fold
from app.sync.models import Integration, Link, Resync
from app.sync.passes.value_pass import REASON

IMPORT_MOST = 5_000
IDS = ("omie_id", "ploomes_id")
BATCH = 500
TRUE, FALSE = ("sim", "s", "true", "1", "verdadeiro"), ("não", "nao", "n", "false", "0", "falso")
NUMBERS = (MONEY, DECIMAL, PERCENT, INTEGER)
_BRAZILIAN = re.compile(r"[+-]?([0-9]*|[1-9][0-9]{0,2}(\.[0-9]{3})+)(,[0-9]+)?")
"""A comma before the decimals, dots between thousands."""
_PLAIN = re.compile(r"[+-]?[0-9]*(\.[0-9]+)?")
_EITHER = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
"""A thousand to one reader, three decimals to the other."""

Options = Mapping[str, str]
"""What a cell of an option field may say, folded, and Omie's code for it."""


class Unreadable(ValueError):
    """A cell that is no value of its field; the text says why, in Portuguese."""


class ValueTables:
    """Exports and imports."""

    def __init__(self, db: Database, clock: Clock, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._configs = configs

    async def columns(self, integration_id: int, entity: str) -> list[Field]:
        """The mapped rows of an entity. Raises UserError 422 for an entity that is not kept as pairs."""
        if entity not in RULES:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "Entidade inválida", f"Não há valores mapeados de {entity}."
            )
        config = await self._configs.get(integration_id)
        return [row for row in rows_of(entity, config) if not row.fixed]

    async def export(self, integration_id: int, entity: str) -> AsyncIterator[str]:
        """Every linked record with its values as CSV, in batches that hold no session while the client is slow."""
        rows = await self.columns(integration_id, entity)
        yield sheets.line([*IDS, *(row.key for row in rows)])
        last = 0
        while True:
            query = select(Link).where(
                Link.integration_id == integration_id, Link.entity == entity, Link.state.in_(LIVING), Link.id > last
            )
            async with self._db.read() as session:
                found = list(await session.scalars(query.order_by(Link.id).limit(BATCH)))
            if not found:
                return
            yield "".join(
                sheets.line([link.omie_id, link.ploomes_id, *(shown(row, _held(link, row)) for row in rows)])
                for link in found
            )
            last = found[-1].id

    async def take_in(self, integration: Integration, entity: str, text: str, *, dry_run: bool = False) -> JsonObject:
        """Checks a table and, when every line is good, has what differs from an export of today written. Raises
        UserError 422 for a text that is no such table."""
        rows = {row.key: row for row in await self.columns(integration.id, entity)}
        table = _read(text, rows)
        options = await self._options(integration.id)
        errors, wanted = await self._checked(integration.id, entity, table, rows, options)
        started = None
        if wanted and not errors and not dry_run:
            started = await self._start(integration.id, entity, wanted)
        return {"dry_run": dry_run, "records": 0 if errors else len(wanted), "resync_id": started, "errors": errors}

    async def _options(self, integration_id: int) -> Mapping[str, Options]:
        """What the cells of each mapped option field may say, by FieldKey; from our own index."""
        config = await self._configs.get(integration_id)
        sets = [(vendor.value, entity) for vendor, entity, _ in mapped.sets_of(config)]
        async with self._db.read() as session:
            found = await known.of_sets(session, integration_id, sets) if sets else []
        return mapped.spoken(found, config)

    async def _checked(
        self,
        integration_id: int,
        entity: str,
        table: "Table",
        rows: Mapping[str, Field],
        options: Mapping[str, Options],
    ) -> tuple[list[JsonObject], list[JsonObject]]:
        errors: list[JsonObject] = []
        wanted: list[JsonObject] = []
        named: set[str] = set()
        for number, cells in table.lines:
            ids = {side: (cells.get(f"{side.value}_id") or "").strip() for side in Vendor}
            vendor = Vendor.OMIE if ids[Vendor.OMIE] else Vendor.PLOOMES
            async with self._db.read() as session:
                link = await links.find(session, integration_id, entity, vendor, ids[vendor])
            if link is None:
                errors.append({"line": number, "message": f"nenhum registro vinculado com o código “{ids[vendor]}”"})
            elif any(ids[side] not in ("", links.id_of(link, side)) for side in Vendor):
                errors.append({"line": number, "message": "omie_id e ploomes_id são de registros diferentes"})
            elif None in cells.values():
                errors.append({"line": number, "message": "a linha tem menos células que a primeira"})
            elif link.ploomes_id in named:
                errors.append({"line": number, "message": "o registro aparece mais de uma vez"})
            else:
                named.add(link.ploomes_id)
                values: dict[str, Value] = {}
                for key in table.columns:
                    row, cell = rows[key], typed(cells.get(key) or "")
                    if cell == typed(shown(row, _held(link, row))):
                        continue  # as it was exported: nobody touched it, whatever Ploomes holds by now
                    try:
                        values[row.id] = parsed(row, cell, options.get(row.field_key or ""))
                    except Unreadable as problem:
                        errors.append({"line": number, "column": key, "message": str(problem)})
                if values:
                    wanted.append({"ploomes_id": link.ploomes_id, "link_id": link.id, "values": values})
        return errors, wanted

    async def _start(self, integration_id: int, entity: str, wanted: Sequence[JsonObject]) -> int:
        now = self._clock.now()
        async with self._db.transaction() as session:
            row = Resync(
                integration_id=integration_id, state="scheduled", reason=REASON, entities=[entity], dry_run=False,
                force=False, start="now", cursor={"step": "write", "place": {"left": list(wanted)}}, plan={},
                progress={"done": 0, "total": len(wanted)}, written={}, requests_used={}, due_at=now.timestamp(),
                created_at=now,
            )  # fmt: skip
            session.add(row)
            await session.flush()
            return row.id


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a file, and which of its columns are mapped fields."""

    columns: Sequence[str]
    lines: Sequence[tuple[int, Mapping[str, str | None]]]


def _read(text: str, rows: Mapping[str, Field]) -> Table:
    sheet = sheets.read(text)
    names = sheet.columns
    unknown = [name for name in names if name not in rows and name not in IDS]
    columns = [name for name in names if name in rows]
    if unknown or not columns or not set(names) & set(IDS):
        problems = [{"field": name, "message": "coluna que não é um campo mapeado"} for name in unknown]
        problems += [] if set(names) & set(IDS) else [{"field": "omie_id", "message": "falta omie_id ou ploomes_id"}]
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Tabela inválida",
            "A primeira linha deve ter omie_id ou ploomes_id e os campos mapeados.", errors=problems,
        )  # fmt: skip
    if len(sheet.lines) > IMPORT_MOST:
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Tabela grande demais", f"No máximo {IMPORT_MOST} linhas por vez."
        )
    return Table(columns, sheet.lines)


def parsed(row: Field, cell: str, options: Options | None = None) -> Value:
    """The canonical value of a cell; empty clears. `options`: what the cells of an option field may say. Raises
    Unreadable. Pure."""
    if row.master is Master.OMIE:
        raise Unreadable("este campo só vem do Omie")
    text = typed(cell)
    if text and isinstance(row.by, Option):
        return _chosen(text, options or {})
    return _PARSERS.get(row.ploomes_type, str)(text) if text else None


def typed(cell: str) -> str:
    """What somebody typed into a cell, however the spreadsheet spells a line break."""
    return cell.strip().replace("\r\n", "\n")


def _chosen(text: str, options: Options) -> Value:
    code = options.get(fold(text))
    if code is None:
        raise Unreadable(f"“{text}” não é uma das opções do campo")
    return code


def _flag(text: str) -> Value:
    if text.casefold() not in (*TRUE, *FALSE):
        raise Unreadable(f"“{text}” não é Sim nem Não")
    return text.casefold() in TRUE


def _number(text: str) -> Value:
    """As Brazilians write it, or with a decimal dot where that can be nothing else: nobody guesses at a thousand."""
    if _EITHER.fullmatch(text):
        ways = f"{text.replace('.', '')} ou {text.replace('.', ',')}"
        raise Unreadable(f"“{text}” tanto pode ser milhar quanto decimal; escreva {ways}")
    plain = text.replace(".", "").replace(",", ".") if _BRAZILIAN.fullmatch(text) else text
    number = canonical_decimal(plain) if _PLAIN.fullmatch(plain) else None
    if number is None:
        raise Unreadable(f"“{text}” não é um número")
    return number


def _whole(text: str) -> Value:
    number = str(_number(text))
    if "." in number:
        raise Unreadable(f"“{text}” não é um número inteiro")
    return number


def _day(text: str) -> Value:
    day = canonical_day(text)
    if day is None:
        raise Unreadable(f"“{text}” não é uma data")
    return day


def _short(text: str) -> Value:
    if len(text) > PLOOMES_TEXT:
        raise Unreadable(f"o texto tem {len(text)} caracteres; o Ploomes aceita {PLOOMES_TEXT}")
    return text


_PARSERS: Mapping[str, Callable[[str], Value]] = {
    CHECKBOX: _flag, MONEY: _number, DECIMAL: _number, PERCENT: _number, INTEGER: _whole, DATE: _day, TEXT: _short,
}  # fmt: skip


def _held(link: Link, row: Field) -> Any:
    omie = link.omie_base.get(row.id)
    return omie if omie is not None else link.ploomes_base.get(row.id)


def shown(row: Field, value: Any) -> str:
    """A value as a cell that reads back as the same."""
    if isinstance(value, bool):
        return "Sim" if value else "Não"
    text = "" if value is None else str(value)
    return text.replace(".", ",") if row.ploomes_type in NUMBERS else text
