"""Why is this record not synchronised? A list of conditions, each with its answer, fix and who can mend it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Clock
from app.core.db import Database
from app.core.limit_models import LimitBlock
from app.core.ports import JsonObject, Vendor
from app.sync import known
from app.sync.catalogue import rows_of
from app.sync.entities import BUILT, clients
from app.sync.intake import RUNNING
from app.sync.models import EventState, IntegrationState, LinkState
from app.sync.records import RecordView

OPEN = (EventState.RECEIVED, EventState.PROCESSING, EventState.WAITING)
DOCUMENT_CAUSES = ("missing_document", "invalid_document", "document_removed")


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold. All texts in Portuguese."""

    name: str
    ok: bool
    detail: str
    fix: str | None = None
    who: str | None = None

    def as_json(self) -> JsonObject:
        """The contract's shape."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "fix": self.fix, "who": self.who}


@dataclass(slots=True)
class Scene:
    """What the conditions look at, besides the record's view."""

    view: RecordView
    now: datetime
    blocks: Sequence[LimitBlock] = ()
    owner_inactive: str | None = None
    """Name of the Omie seller who is the owner and inactive."""

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
            scene.owner_inactive = await self._inactive_owner(session, view)
        conditions = [found for rule in RULES if (found := rule(scene)) is not None]
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

    async def _inactive_owner(self, session: AsyncSession, view: RecordView) -> str | None:
        """The Omie seller an unlinked client of Ploomes would need, when that seller is inactive (F087)."""
        waiting = next(
            (event for event in view.events if event.cause == "inactive_seller" and event.state in OPEN), None
        )
        omie = view.sides.get(Vendor.OMIE) or {}
        if omie.get("owner"):
            seller = await known.get(session, view.integration.id, Vendor.OMIE, "sellers", str(omie["owner"]))
            if seller is not None and not seller.active:
                return seller.name or seller.external_id
        return "indicado" if waiting else None


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


def _not_contact_person(scene: Scene) -> Condition | None:
    view = scene.view
    if view.entity != clients.ENTITY or view.vendor is not Vendor.PLOOMES or view.known is None:
        return None
    data = view.known.data
    if str(data.get("TypeId")) == "2" and data.get("CompanyId"):
        return Condition("É um cliente", False, "É uma pessoa de contato de uma empresa, e não um cliente.",
                         "Ela é enviada quando uma venda a indica como cliente.", "vendas")  # fmt: skip
    return Condition("É um cliente", True, "O registro é um cliente.")


def _document(scene: Scene) -> Condition | None:
    view = scene.view
    if view.entity != clients.ENTITY:
        return None
    name = "CNPJ/CPF preenchido e válido"
    waiting = next((e for e in view.events if e.state in OPEN and e.cause in DOCUMENT_CAUSES), None)
    if waiting is not None:
        return Condition(name, False, waiting.reason or "O CNPJ/CPF falta ou é inválido.",
                         "Preencha um CNPJ/CPF válido no cadastro; o envio acontece sozinho.", "vendas")  # fmt: skip
    held = [(view.sides.get(side) or {}).get("document") for side in Vendor]
    if any(held) or (view.known is not None and view.known.natural_key):
        return Condition(name, True, "O CNPJ/CPF está preenchido e é válido.")
    return Condition(name, True, "Nenhuma falta de CNPJ/CPF é conhecida.")


def _owner(scene: Scene) -> Condition | None:
    if scene.view.entity != clients.ENTITY:
        return None
    name = "Responsável ativo no Omie"
    if scene.owner_inactive:
        return Condition(name, False, f"O vendedor {scene.owner_inactive} está inativo no Omie.",
                         "Reative o vendedor no Omie ou troque o responsável no Ploomes.", "admin")  # fmt: skip
    return Condition(name, True, "Nenhum vendedor inativo impede este registro.")


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


RULES: Sequence[Callable[[Scene], Condition | None]] = (
    _integration_active,
    _entity_on,
    _record_known,
    _not_ended,
    _not_contact_person,
    _document,
    _owner,
    _frozen,
    _issues,
    _nothing_waiting,
    _no_block,
    _linked,
    _equal,
)
"""Every condition, in the order a person should read them; a rule that says nothing of a record answers None."""
