"""Repeating inside one call, on the scale of seconds. Looks only at the fault class; minutes belong to the jobs."""

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from app.core.clock import Clock
from app.core.errors import Fault, VendorError

ATTEMPTS = 3
GIVE_UP_SECONDS = 5.0
"""Of real time since the first attempt: a slow failure is not repeated, its lease would run out."""


def repeatable(error: BaseException) -> bool:
    """True for what may be sent again at once: a transient fault. The funnel gives this class only to reads, and to
    writes that certainly never left; a write that may have arrived is `uncertain`, and nobody repeats that blindly."""
    return isinstance(error, VendorError) and error.fault is Fault.TRANSIENT


def in_call(clock: Clock) -> AsyncRetrying:
    """The policy of every vendor call: three attempts with full jitter."""
    return AsyncRetrying(
        retry=retry_if_exception(repeatable),
        stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(GIVE_UP_SECONDS),
        wait=wait_random_exponential(multiplier=0.25, max=2.0),
        sleep=clock.sleep,
        reraise=True,
    )
