"""Several Omie companies on one Ploomes account (design section 8): whose sale, whose product, who writes a contact.

While the scopes of two integrations overlap, the sales of the one activated later rest: one sale must never become two
orders in two companies.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.sync import issues, links
from app.sync.config.document import Config, FieldCondition, StageCondition
from app.sync.config.scope import plain
from app.sync.issues import Finding
from app.sync.mapping.decide import Verdict
from app.sync.mapping.fields import Field, Master, Refs
from app.sync.models import ConfigVersion, Event, EventState, Integration, IntegrationState, Link

HELD = "orders_held"
"""Where `integrations.provisioned` says why an integration's sales rest."""
OVERLAP = "scope_overlap"
"""Cause of that rest, of events and of the issue."""
SALES = frozenset({"orders", "service_orders"})

Condition = StageCondition | FieldCondition | None

AT_WORK = (
    IntegrationState.ACTIVE,
    IntegrationState.AWAITING_FIRST_WEBHOOK,
    IntegrationState.CREDENTIALS_REFUSED,
)


def overlap(one: Condition, other: Condition) -> bool:
    """True unless no sale can meet both conditions: another stage, or another value of the very same field. An id and
    a name may be the same option's. Pure."""
    if isinstance(one, StageCondition) and isinstance(other, StageCondition):
        return one.stage_id == other.stage_id
    if isinstance(one, FieldCondition) and isinstance(other, FieldCondition) and one.field_key == other.field_key:
        return plain(one.equals) == plain(other.equals) or type(one.equals) is not type(other.equals)
    return True


def clash(config: Config, others: Iterable[tuple[str, Config]]) -> str | None:
    """Why the sales of an integration would be another's too, in Portuguese; None when they are told apart. Pure."""
    for name, other in others:
        both = config.entities.orders and other.entities.orders
        if both and overlap(config.scope.orders, other.scope.orders):
            return (
                f"As vendas desta conta Ploomes também seriam da integração “{name}”: escolha em scope.orders um campo "
                "que diz a empresa, com um valor diferente em cada integração."
            )
    return None


def id_keys(integration: Integration) -> frozenset[str]:
    """FieldKeys of the custom fields in which an integration keeps its own Omie ids."""
    made = integration.provisioned.get("fields", {}).get("ponte_omie_id", {})
    return frozenset(str(key) for key in made.values())


async def neighbours(session: AsyncSession, integration: Integration, account_id: str | None) -> Sequence[Integration]:
    """Other living integrations of a Ploomes account."""
    if account_id is None:
        return ()
    found = await session.scalars(
        select(Integration)
        .where(
            Integration.id != integration.id,
            Integration.ploomes_account_id == account_id,
            Integration.deleted_at.is_(None),
        )
        .order_by(Integration.id)
    )
    return found.all()


async def others_linked(session: AsyncSession, integration: Integration, entity: str, ploomes_id: str) -> list[Link]:
    """Living links that other integrations of the account have to a Ploomes record, oldest first."""
    ids = [row.id for row in await neighbours(session, integration, integration.ploomes_account_id)]
    if not ids:
        return []
    found = await session.scalars(
        select(Link)
        .where(
            Link.integration_id.in_(ids),
            Link.entity == entity,
            Link.ploomes_id == ploomes_id,
            Link.state.in_(links.LIVING),
        )
        .order_by(Link.id)
    )
    return list(found)


async def settle_holds(session: AsyncSession, account_id: str | None, now: datetime) -> None:
    """Holds back, and lets go, the sales of the integrations of an account; called by whatever changes a scope or a
    state. What waited for it goes on."""
    if account_id is None:
        return
    rows = await session.scalars(
        select(Integration)
        .where(Integration.ploomes_account_id == account_id, Integration.deleted_at.is_(None))
        .order_by(Integration.activated_at, Integration.id)
    )
    at_work: list[tuple[str, Config]] = []
    for row in rows:
        config = await _published(session, row.id)
        problem = clash(config, at_work) if row.state in AT_WORK else None
        if problem is None and row.state in AT_WORK:
            at_work.append((row.name, config))
        if problem == row.provisioned.get(HELD):
            continue
        row.provisioned = {
            **{k: v for k, v in row.provisioned.items() if k != HELD},
            **({HELD: problem} if problem else {}),
        }
        if problem is None:
            await _let_go(session, row.id, now)
        else:
            await issues.open_issue(
                session,
                integration_id=row.id,
                entity=None,
                vendor=None,
                external_id=None,
                finding=Finding(OVERLAP, problem),
                now=now,
            )


async def _let_go(session: AsyncSession, integration_id: int, now: datetime) -> None:
    await issues.close_cause(session, integration_id, OVERLAP, now)
    await session.execute(
        update(Event)
        .where(Event.integration_id == integration_id, Event.state == EventState.WAITING, Event.cause == OVERLAP)
        .values(due_at=now.timestamp())
        .execution_options(synchronize_session=False)
    )


async def _published(session: AsyncSession, integration_id: int) -> Config:
    document = await session.scalar(
        select(ConfigVersion.document)
        .where(ConfigVersion.integration_id == integration_id)
        .order_by(ConfigVersion.version.desc())
        .limit(1)
    )
    return Config.model_validate_json(json.dumps(document or {}))


async def linked_before(session: AsyncSession, integration: Integration, link: Link) -> frozenset[str] | None:
    """FieldKeys that other integrations map which linked a record before; None when this one was the first."""
    return await linked_elsewhere(session, integration, link.entity, link.ploomes_id, before=link.id)


async def linked_elsewhere(
    session: AsyncSession, integration: Integration, entity: str, ploomes_id: str, *, before: int | None
) -> frozenset[str] | None:
    """The same for a record that this integration has not linked yet, without `before`."""
    found = await others_linked(session, integration, entity, ploomes_id)
    others = [other for other in found if before is None or other.id < before]
    if not others:
        return None
    configs = [await _published(session, other.integration_id) for other in others]
    return frozenset(row.ploomes for config in configs for row in config.mappings)


def restrain(rows: Sequence[Field], refs: Refs, verdict: Verdict, theirs: frozenset[str]) -> None:
    """On a shared record only the integration that linked it first writes what Omie masters; each writes its own id,
    and the mapped fields that nobody else maps. Pure."""
    own = set(refs.field_keys.values())
    for row in rows:
        alone = _is_own(row.ploomes, own) if row.fixed else row.field_key not in theirs
        if row.master is Master.OMIE and row.id in verdict.to_ploomes and not alone:
            del verdict.to_ploomes[row.id]
            verdict.agreed.add(row.id)


def _is_own(path: str, own: set[str]) -> bool:
    name = path[1:].partition(":")[0] if path.startswith("@") else ""
    return name.startswith("ponte_") or name in own
