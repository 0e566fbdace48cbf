"""Counts the vendor requests that a piece of work causes, in whatever task they leave from."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Usage = Counter[tuple[str, str]]
"""(vendor, method) -> requests that left."""

_current: ContextVar[Usage | None] = ContextVar("usage", default=None)


@contextmanager
def counting(usage: Usage) -> Iterator[None]:
    """Counts every request of the block, and of tasks started in it, into `usage`."""
    token = _current.set(usage)
    try:
        yield
    finally:
        _current.reset(token)


def note(vendor: str, method: str) -> None:
    """One request leaves."""
    usage = _current.get()
    if usage is not None:
        usage[vendor, method] += 1


def added(totals: dict[str, dict[str, int]], usage: Usage) -> dict[str, dict[str, int]]:
    """Totals by vendor and method with a usage on top; the argument stays as it is."""
    result = {vendor: dict(methods) for vendor, methods in totals.items() if isinstance(methods, dict)}
    for (vendor, method), count in usage.items():
        methods = result.setdefault(vendor, {})
        methods[method] = methods.get(method, 0) + count
    return result
