"""Links many at a time: deleted and restored by entity, taken out and in as a table (F109, F111)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import UserError
from app.core.ports import JsonObject, Vendor
from app.core.queue import Queue
from app.sync import links
from app.sync.config.store import ConfigStore
from app.sync.desk import sheets
from app.sync.desk.linking import Pair, absent, already_linked, has_links, make_link, refuse_entity, taken_by
from app.sync.entities import sharing
from app.sync.models import Change, EventSource, Integration, Link, LinkState

MASS = "Exclusão em massa"
"""How the reason begins of links that were deleted by entity; only those can be restored."""
COLUMNS = ("entity", "omie_id", "ploomes_id", "state")
NEEDED = COLUMNS[:3]
IMPORT_MOST = 20_000


class LinkTables:
    """Acts on all links of an entity."""

    def __init__(self, db: Database, clock: Clock, queue: Queue, configs: ConfigStore) -> None:
        self._db = db
        self._clock = clock
        self._queue = queue
        self._configs = configs

    async def delete_all(self, integration: Integration, entity: str, confirm: str | None, *, author: str) -> int:
        """Ends every link of an entity, restorably, once its name was typed. Raises UserError 422."""
        refuse_entity(entity)
        if confirm != entity:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Confirmação necessária",
                f"Para desfazer todos os vínculos, informe confirm={entity}.",
                errors=[{"field": "confirm", "message": f"digite {entity}"}],
            )
        now = self._clock.now()
        async with self._db.transaction() as session:
            ended = await session.execute(
                update(Link)
                .where(Link.integration_id == integration.id, Link.entity == entity, Link.state.in_(links.LIVING))
                .values(
                    state=LinkState.EXCLUDED,
                    state_reason=f"{MASS} por {author}.",
                    ended_at=now,
                    version=Link.version + 1,
                )
                .returning(Link.id)
                .execution_options(synchronize_session=False)
            )
            count = len(ended.all())
            if count:
                session.add(self._mass_change(integration, entity, "unlink", count, author))
        return count

    async def restore(self, integration: Integration, entity: str, *, author: str) -> int:
        """Brings the links of the latest deletion by entity back, unless one of their records has another by now."""
        refuse_entity(entity)
        mass = (
            Link.integration_id == integration.id,
            Link.entity == entity,
            Link.state == LinkState.EXCLUDED,
            Link.state_reason.startswith(MASS),
        )
        async with self._db.transaction() as session:
            latest = await session.scalar(select(Link.ended_at).where(*mass).order_by(Link.ended_at.desc()).limit(1))
            if latest is None:
                return 0
            rows = list(await session.scalars(select(Link).where(*mass, Link.ended_at == latest).order_by(Link.id)))
            taken = {side: await _held(session, integration.id, entity, side) for side in Vendor}
            back = [row for row in rows if not any(links.id_of(row, side) in taken[side] for side in Vendor)]
            for row in back:
                row.state, row.state_reason, row.ended_at = LinkState.ACTIVE, None, None
                row.version += 1
            if back:
                session.add(self._mass_change(integration, entity, "link", len(back), author))
        return len(back)

    async def export(self, integration_id: int, entity: str | None) -> AsyncIterator[str]:
        """Every link as CSV, in batches that hold no session while the client is slow."""
        yield sheets.line(COLUMNS)
        last = 0
        while True:
            query = select(Link).where(Link.integration_id == integration_id, Link.id > last)
            if entity is not None:
                query = query.where(Link.entity == entity)
            async with self._db.read() as session:
                rows = list(await session.scalars(query.order_by(Link.id).limit(500)))
            if not rows:
                return
            yield "".join(sheets.line([getattr(row, name) for name in COLUMNS]) for row in rows)
            last = rows[-1].id

    async def take_in(self, integration: Integration, text: str, *, author: str, dry_run: bool = False) -> JsonObject:
        """Links from CSV (`entity,omie_id,ploomes_id`, and `state` as it is exported: ended links stay ended, and are
        counted as `skipped`). With any line that cannot be linked nothing is, and each is named with its reason.

        Records are compared later, in the off-hours. Raises UserError 422 for a text that is no such table.
        """
        config = await self._configs.get(integration.id)
        table = _read_table(text)
        fresh, already, refused = await self._checked(integration.id, table.wanted)
        errors = sorted([*table.errors, *refused], key=lambda error: int(error["line"]))
        made = 0
        for entity, pair in () if errors or dry_run else fresh:
            async with self._db.transaction() as session:
                if await taken_by(session, integration.id, entity, pair):
                    continue  # linked while the table was read
                await make_link(
                    session,
                    integration,
                    entity,
                    pair,
                    config,
                    author=author,
                    source=EventSource.RESYNC,
                    clock=self._clock,
                )
                made += 1
        if made:
            await self._queue.ring("bulk")
        linked = len(fresh) if dry_run and not errors else made
        return {
            "dry_run": dry_run, "linked": linked, "already": already, "skipped": table.ended, "errors": errors,
        }  # fmt: skip

    async def _checked(
        self, integration_id: int, wanted: Sequence[tuple[int, str, Pair]]
    ) -> tuple[list[tuple[str, Pair]], int, list[JsonObject]]:
        """What can be linked, how many are linked already, and what is wrong with the others, by line."""
        fresh: list[tuple[str, Pair]] = []
        refused: list[JsonObject] = []
        lines: dict[tuple[frozenset[str], Vendor, str], int] = {}
        already = 0
        for line, entity, pair in wanted:
            async with self._db.read() as session:
                taken = await taken_by(session, integration_id, entity, pair)
                missing = await absent(session, integration_id, entity, pair)
            records = [(frozenset(sharing(entity, side)), side, pair.id_on(side)) for side in Vendor]
            before = next((lines[record] for record in records if record in lines), None)
            if any((row.entity, row.omie_id, row.ploomes_id) == (entity, *pair.ids) for row in taken):
                already += 1
            elif taken or missing or before:
                text = f"Um dos registros já está na linha {before}." if before else missing
                refused.append({"line": line, "message": already_linked(taken[0]).detail if taken else text})
            else:
                fresh.append((entity, pair))
                lines |= dict.fromkeys(records, line)
        return fresh, already, refused

    def _mass_change(self, integration: Integration, entity: str, action: str, count: int, author: str) -> Change:
        return Change(
            integration_id=integration.id,
            entity=entity,
            vendor=Vendor.OMIE.value,
            action=action,
            before={},
            after={"count": count},
            lost={},
            notes=[f"{count} vínculo(s) de {entity}."],
            cause=f"person:{author}",
            config_version=integration.config_version,
            at=self._clock.now(),
        )


async def _held(session: AsyncSession, integration_id: int, entity: str, side: Vendor) -> set[str]:
    """Ids of every record of a vendor's set that has a living link, whatever it is linked as."""
    column = Link.omie_id if side is Vendor.OMIE else Link.ploomes_id
    query = select(column).where(
        Link.integration_id == integration_id,
        Link.entity.in_(sharing(entity, side)),
        Link.state.in_(links.LIVING),
    )
    return set(await session.scalars(query))


@dataclass(slots=True)
class _Table:
    """What the lines of a file ask for."""

    wanted: list[tuple[int, str, Pair]] = field(default_factory=list)
    """Line, entity and pair of what is to be linked."""
    ended: int = 0
    """Lines of links that had ended when they were exported."""
    errors: list[JsonObject] = field(default_factory=list)
    """What is wrong with other lines."""


def _read_table(text: str) -> _Table:
    """The lines of a CSV with a heading."""
    sheet = sheets.read(text)
    missing = set(NEEDED) - set(sheet.columns)
    if missing:
        raise UserError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "Tabela inválida", f"Faltam as colunas: {', '.join(sorted(missing))}.",
            errors=[{"field": name, "message": "coluna obrigatória"} for name in sorted(missing)],
        )  # fmt: skip
    table = _Table()
    for number, row in sheet.lines:
        entity, omie, ploomes, state = ((row.get(name) or "").strip() for name in COLUMNS)
        if not has_links(entity):
            table.errors.append({"line": number, "message": f"entidade desconhecida: {entity}"})
        elif not (_is_id(omie) and _is_id(ploomes)):
            table.errors.append({"line": number, "message": "códigos devem ser números"})
        elif state and state not in set(LinkState):
            table.errors.append({"line": number, "message": f"estado desconhecido: {state}"})
        elif state and state not in links.LIVING:
            table.ended += 1
        else:
            table.wanted.append((number, entity, Pair(omie, ploomes)))
        if number > IMPORT_MOST:
            raise UserError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "Tabela grande demais", f"No máximo {IMPORT_MOST} linhas por vez."
            )
    return table


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20
