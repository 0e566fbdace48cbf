"""What live traffic will use up of the limits while a pass works, judged by an hour that is like its first one."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ports import Gateway, Vendor
from app.sync.entities import set_of
from app.sync.models import Event, EventSource, Integration, WriteEntry, WriteState

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def hour_like(start: datetime, now: datetime) -> tuple[datetime, datetime]:
    """The hour before now for what starts now; for what starts later, the hour that began at that time a day before."""
    if start <= now:
        return now - HOUR, now
    days = -((now - HOUR - start) // DAY)  # so many whole days back that the hour is over
    return start - days * DAY, start - days * DAY + HOUR


async def traffic(
    session: AsyncSession,
    integration: Integration,
    gateways: Mapping[Vendor, Gateway],
    entities: Collection[str],
    hour: tuple[datetime, datetime],
) -> dict[Vendor, dict[str, float]]:
    """Calls a second, by vendor and method, that live changes of some entities made on the accounts of an integration
    in that hour: each write, and the look at both sides before it."""
    since, until = hour
    rows = await session.execute(
        select(
            Integration.omie_app_key, Integration.ploomes_account_id,
            WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb, func.count(),
        )
        .join(Integration, Integration.id == WriteEntry.integration_id)
        .outerjoin(Event, Event.id == WriteEntry.event_id)
        .where(
            WriteEntry.state == WriteState.DONE, WriteEntry.sent_at >= since, WriteEntry.sent_at < until,
            WriteEntry.entity.in_(entities), or_(Event.id.is_(None), Event.source != EventSource.RESYNC.value),
            or_(
                Integration.omie_app_key == integration.omie_app_key,
                Integration.ploomes_account_id == integration.ploomes_account_id,
            ),
        )
        .group_by(
            Integration.omie_app_key, Integration.ploomes_account_id,
            WriteEntry.entity, WriteEntry.vendor, WriteEntry.verb,
        )
    )  # fmt: skip
    calls: dict[Vendor, Counter[str]] = {vendor: Counter() for vendor in Vendor}
    for app_key, account_id, entity, written, verb, count in rows:
        ours = {
            Vendor.OMIE: app_key == integration.omie_app_key,
            Vendor.PLOOMES: account_id == integration.ploomes_account_id,
        }
        for vendor in (vendor for vendor in Vendor if ours[vendor]):
            verbs = ("read", verb) if vendor == written else ("read",)
            for each in verbs:
                calls[vendor][gateways[vendor].price(set_of(entity, vendor), each).method] += count
    return {
        vendor: {method: count / HOUR.total_seconds() for method, count in methods.items()}
        for vendor, methods in calls.items()
    }
