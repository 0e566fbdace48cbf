"""Why is this record not synchronised? A list of conditions, each with its answer, fix and who can mend it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.limit_models import LimitBlock
from app.core.ports import JsonObject, Vendor
from app.sync.desk.records import RecordView
from app.sync.entities import BUILT, RULES
from app.sync.entities.rules import Condition, Facts
from app.sync.intake import RUNNING
from app.sync.lookups import known
from app.sync.mapping.catalogue import rows_of
from app.sync.models import EventState, IntegrationState, LinkState

OPEN = (EventState.RECEIVED, EventState.PROCESSING, EventState.WAITING)

Answer = Condition | Sequence[Condition] | None
"""What a rule says of a record; None when it has nothing to say."""


@dataclass(slots=True)
class Scene:
    """What the conditions look at, besides the record's view."""

    view: RecordView
    now: datetime
    blocks: Sequence[LimitBlock] = ()
    inactive_sellers: Mapping[str, str] = field(default_factory=dict)
    """Code -> name of those in Omie."""

    def local(self, at: datetime) -> str:
        """A moment as the people of this integration read it."""
        return at.astimezone(ZoneInfo(self.view.config.window.time_zone)).strftime("%d/%m/%Y %H:%M:%S")


class Why:
    """Evaluates the conditions of a record."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def explain(self, view: RecordView) -> JsonObject:
        """`{"in_sync","conditions"}`; in sync only when linked, nothing is open and both halves agree."""
        scene = Scene(view, self._clock.now())
        async with self._db.read() as session:
            scene.blocks = await self._blocks(session, view)
            sellers = await known.everything(session, view.integration.id, Vendor.OMIE, "sellers")
        scene.inactive_sellers = {row.external_id: row.name or row.external_id for row in sellers if not row.active}
        conditions = [condition for rule in CONDITIONS for condition in _listed(rule(scene))]
        in_sync = all(condition.ok for condition in conditions) and view.linked
        return {"in_sync": in_sync, "conditions": [condition.as_json() for condition in conditions]}

    async def _blocks(self, session: AsyncSession, view: RecordView) -> Sequence[LimitBlock]:
        scope = f"omie:{view.integration.omie_app_key}:"
        found = await session.scalars(
            select(LimitBlock).where(
                LimitBlock.scope.startswith(scope, autoescape=True), LimitBlock.until > self._clock.time()
            )
        )
        return found.all()


def _listed(found: Answer) -> Sequence[Condition]:
    if found is None:
        return ()
    return (found,) if isinstance(found, Condition) else found


def _integration_active(scene: Scene) -> Condition:
    name, state = "Integração ativa", scene.view.integration.state
    if state in RUNNING:
        return Condition(name, True, "A integração está ativa.")
    if state == IntegrationState.CREDENTIALS_REFUSED:
        return Condition(name, False, "As credenciais foram recusadas.", "Informe credenciais válidas.", "admin")
    return Condition(name, False, "A integração não está ativa.", "Ative a integração.", "admin")


def _entity_on(scene: Scene) -> Condition:
    name, entity = "Entidade ligada", scene.view.entity
    if entity not in BUILT:
        return Condition(name, False, "Esta entidade ainda não é sincronizada por esta versão.", None, "suporte")
    if not getattr(scene.view.config.entities, entity, True):
        fix = f"Ligue entities.{entity} na configuração."
        return Condition(name, False, "Esta entidade está desligada na configuração.", fix, "admin")
    return Condition(name, True, "Esta entidade está ligada.")


def _record_known(scene: Scene) -> Condition:
    name = "Registro conhecido"
    if scene.view.exists:
        return Condition(name, True, "O registro é conhecido.")
    return Condition(name, False, "Nenhum webhook nem leitura falou deste registro ainda.",
                     "Confira o código informado, ou use “sincronizar agora”.", "admin")  # fmt: skip


def _not_ended(scene: Scene) -> Condition | None:
    link = scene.view.link
    if link is None or scene.view.linked:
        return None
    name = "Vínculo não encerrado"
    if link.state == LinkState.EXCLUDED:
        return Condition(name, False, link.state_reason or "O vínculo foi desfeito por uma pessoa.",
                         "Vincule de novo, se for o caso.", "admin")  # fmt: skip
    return Condition(name, False, link.state_reason or "O par deste registro foi excluído.",
                     "Registros excluídos não voltam sozinhos; cadastre um novo, se for o caso.", "vendas")  # fmt: skip


def _of_entity(scene: Scene) -> Sequence[Condition]:
    """What the entity's own rules ask for."""
    view = scene.view
    rules = RULES.get(view.entity)
    if rules is None:
        return ()
    held = {side: values for side, values in view.sides.items() if values is not None}
    waiting = {str(event.cause): event.reason for event in view.events if event.state in OPEN}
    data = view.known.data if view.known is not None else None
    key = view.known.natural_key if view.known is not None else None
    return rules.conditions(Facts(view.vendor, data, key, held, waiting, scene.inactive_sellers))


def _frozen(scene: Scene) -> Condition | None:
    link = scene.view.link
    if link is None:
        return None
    now = scene.now.timestamp()
    labels = {row.id: row.label for row in rows_of(scene.view.entity, scene.view.config)}
    frozen = [(labels.get(row_id, row_id), until) for row_id, until in link.frozen.items() if until > now]
    if not frozen:
        return Condition("Nenhum campo congelado", True, "Nenhuma disputa de automações congelou campos.")
    until = scene.local(datetime.fromtimestamp(max(end for _, end in frozen), UTC))
    return Condition(
        "Nenhum campo congelado",
        False,
        f"Congelados até {until}: {', '.join(label for label, _ in frozen)}.",
        "Descubra qual automação desfaz a outra; depois use “tentar de novo”.",
        "admin",
    )


def _issues(scene: Scene) -> Condition:
    name = "Nenhuma pendência aberta"
    if not scene.view.issues:
        return Condition(name, True, "Nenhuma pendência aberta.")
    issue = scene.view.issues[0]
    return Condition(name, False, f"{issue.title}. {issue.detail}", issue.fix, issue.who)


def _unmet(scene: Scene) -> Sequence[Condition]:
    """The conditions that a sale does not meet, each for itself."""
    return [
        Condition(row["name"], False, row["detail"], row["fix"], row["who"])
        for issue in scene.view.issues
        for row in issue.data.get("conditions", ())
    ]


def _nothing_waiting(scene: Scene) -> Condition:
    name = "Nenhum evento em aberto"
    waiting = [event for event in scene.view.events if event.state in OPEN]
    if not waiting:
        return Condition(name, True, "Todos os avisos deste registro foram tratados.")
    event = waiting[0]
    reason = event.reason or "Um aviso deste registro está na fila."
    if event.due_at is None:
        return Condition(name, False, reason, "Aguarda uma mudança nos dados ou a ação de uma pessoa.", "vendas")
    due = scene.local(datetime.fromtimestamp(event.due_at, UTC))
    return Condition(name, False, f"{reason} Próxima tentativa: {due}.", "Nada a fazer: acontece sozinho.", None)


def _no_block(scene: Scene) -> Condition:
    name = "Omie não bloqueou a integração"
    if not scene.blocks:
        return Condition(name, True, "Nenhum bloqueio do Omie em vigor.")
    until = scene.local(datetime.fromtimestamp(max(block.until for block in scene.blocks), UTC))
    methods = ", ".join(block.scope.rsplit(":", 1)[-1] for block in scene.blocks)
    return Condition(
        name, False, f"O Omie bloqueou {methods} até {until}.", "Nada a fazer: o bloqueio é respeitado.", None
    )


def _linked(scene: Scene) -> Condition:
    name = "Vinculado"
    if scene.view.linked and scene.view.link is not None:
        link = scene.view.link
        return Condition(name, True, f"Omie {link.omie_id} e Ploomes {link.ploomes_id} são o mesmo registro.")
    return Condition(name, False, "O registro ainda não tem par do outro lado.",
                     "Resolva as condições acima, ou use “sincronizar agora”.", "admin")  # fmt: skip


def _equal(scene: Scene) -> Condition | None:
    view = scene.view
    if not view.linked:
        return None
    if not view.pending:
        detail = "Os campos mapeados estão iguais."
        if view.differences:
            names = ", ".join(str(row["label"]) for row in view.differences)
            detail = f"Nada mudou desde o último acordo; formas diferentes aceitas em: {names}."
        return Condition("Campos iguais", True, detail)
    names = ", ".join(str(row["label"]) for row in view.differences)
    return Condition("Campos iguais", False, f"Diferentes: {names}.", "Use “sincronizar agora”.", "admin")


CONDITIONS: Sequence[Callable[[Scene], Answer]] = (
    _integration_active,
    _entity_on,
    _record_known,
    _not_ended,
    _of_entity,
    _unmet,
    _frozen,
    _issues,
    _nothing_waiting,
    _no_block,
    _linked,
    _equal,
)
"""Every condition, in the order a person should read them."""
