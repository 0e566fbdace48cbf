"""How fast a pass goes: what of a phase is done, over the seconds in which it was at work. Pure."""

from app.core.ports import JsonObject

REST_SECONDS = 90.0
"""A pass of which nothing was stored for longer was at rest: paused, outside its window, or behind a long block."""
AT = "at"
"""When its progress was stored last, epoch seconds; without it the pass has yet to begin, or to begin again."""


def rested(progress: JsonObject, now: float) -> bool:
    """Whether a pass begins, or begins again."""
    at = progress.get(AT)
    return at is None or now - float(at) > REST_SECONDS


def paced(progress: JsonObject, phase: str, done: int, total: int, now: float) -> JsonObject:
    """The progress with what is done now: `seconds` at work on the phase, `rate` (a second), `seconds_left`."""
    goes_on = progress.get("phase") == phase
    seconds = float(progress.get("seconds", 0.0)) if goes_on else 0.0
    if goes_on and not rested(progress, now):
        seconds += max(0.0, now - float(progress[AT]))
    rate = done / seconds if seconds else 0.0
    return {
        **{name: value for name, value in progress.items() if name != "paused_because"},
        "phase": phase,
        "done": done,
        "total": total,
        AT: now,
        "seconds": round(seconds, 1),
        "rate": round(rate, 3),
        "seconds_left": round((total - done) / rate) if rate else None,
    }


def stopped(progress: JsonObject) -> JsonObject:
    """The progress of a pass that will have to count anew what is left."""
    return {name: value for name, value in progress.items() if name != AT}
