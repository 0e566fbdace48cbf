"""Every counter and histogram of the product, declared once; `api/ops.py` exposes them."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
"""Our own registry: nothing a library registers by itself is exposed."""

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_ROAD = (0.05, 0.1, 0.15, 0.25, 0.4, 0.75, 1.5, 3, 6, 15, 30, 60, 120, 300, 900, 3600)

WEBHOOKS = Counter("ponte_webhooks", "Webhook requests by what was answered", ["vendor", "outcome"], registry=REGISTRY)
WEBHOOK_SECONDS = Histogram(
    "ponte_webhook_seconds",
    "From request to answer of an accepted webhook",
    ["vendor"],
    buckets=_FAST,
    registry=REGISTRY,
)
COMMIT_EVENTS = Histogram(
    "ponte_inbox_commit_events",
    "Webhooks stored by one commit",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
    registry=REGISTRY,
)
EVENTS_SETTLED = Counter("ponte_events_settled", "Events that reached an end", ["entity", "state"], registry=REGISTRY)
EVENTS_POSTPONED = Counter("ponte_events_postponed", "Events put off", ["entity", "cause"], registry=REGISTRY)
EVENTS_QUARANTINED = Counter(
    "ponte_events_quarantined", "Events given up because their workers died", registry=REGISTRY
)
ROAD_SECONDS = Histogram(
    "ponte_road_seconds", "From webhook to finished write", ["entity", "vendor"], buckets=_ROAD, registry=REGISTRY
)
VENDOR_CALLS = Counter(
    "ponte_vendor_calls", "Requests to vendors by outcome", ["vendor", "method", "outcome"], registry=REGISTRY
)
VENDOR_SECONDS = Histogram(
    "ponte_vendor_seconds", "Duration of vendor requests", ["vendor", "method"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30), registry=REGISTRY,
)  # fmt: skip
LIMITER_WAIT_SECONDS = Histogram(
    "ponte_limiter_wait_seconds", "Time calls waited for their turn", ["vendor"], buckets=_FAST, registry=REGISTRY
)
LIMITER_POSTPONED = Counter(
    "ponte_limiter_postponed", "Calls a limit sent away", ["vendor", "reason"], registry=REGISTRY
)
BLOCKS = Counter("ponte_blocks", "Times a vendor blocked a method", ["vendor"], registry=REGISTRY)
WRITES = Counter("ponte_writes", "Finished writes", ["vendor", "entity", "verb"], registry=REGISTRY)
ISSUES_OPENED = Counter("ponte_issues_opened", "Issues opened", ["cause"], registry=REGISTRY)
ISSUES_OPEN = Gauge("ponte_issues_open", "Issues open now", registry=REGISTRY)
QUEUE_DEPTH = Gauge("ponte_events_open", "Events not settled and with a due time", ["queue"], registry=REGISTRY)
QUEUE_OLDEST_SECONDS = Gauge("ponte_events_oldest_seconds", "Age of the oldest of them", ["queue"], registry=REGISTRY)
QUEUE_OVERDUE_SECONDS = Gauge(
    "ponte_events_overdue_seconds", "Longest time past its due time", ["queue"], registry=REGISTRY
)
RINGS = Counter("ponte_rings", "Wake-ups sent to the queue", ["queue", "outcome"], registry=REGISTRY)
QUEUE_RESTARTS = Counter(
    "ponte_queue_restarts", "Times the bell's connection had to be made anew", ["queue"], registry=REGISTRY
)
CRON_RUNS = Counter("ponte_cron_runs", "Scheduled passes by outcome", ["name", "outcome"], registry=REGISTRY)
HTTP_REQUESTS = Counter("ponte_http_requests", "Requests answered", ["method", "status"], registry=REGISTRY)


def expose() -> bytes:
    """All of them in Prometheus' text format."""
    return generate_latest(REGISTRY)
