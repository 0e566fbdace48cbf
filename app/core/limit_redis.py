"""The limits' shared state in Redis: one Lua script per operation, timed by Redis itself."""

import asyncio
import json
from collections.abc import Awaitable, Sequence
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.limit_store import (
    PACE_GROWTH,
    PACE_STEP_SECONDS,
    POLL_SECONDS,
    WANT_SECONDS,
    Asker,
    Check,
    Form,
    Outcome,
    Snapshot,
)

_NOW = """
local scale = tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = (tonumber(clock[1]) + tonumber(clock[2]) / 1000000) * scale
local function text(number) return string.format('%.6f', number) end
local function keep(key, seconds) redis.call('PEXPIRE', key, math.ceil(seconds / scale * 1000) + 1000) end
"""
"""Redis' own time in the clock's pace: durations agree in every process, whenever it started."""

_ACQUIRE = (
    _NOW
    + f"""
local POLL, WANT, GROWTH, STEP = {POLL_SECONDS}, {WANT_SECONDS}, {PACE_GROWTH}, {PACE_STEP_SECONDS}
"""
    + """
local id, account, priority = ARGV[2], ARGV[3], tonumber(ARGV[4])
local patience, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
local me = priority .. '|' .. account
local checks = cjson.decode(ARGV[7])
if redis.call('EXISTS', KEYS[1]) == 0 then return {'lost', '0', 0} end

local function is_behind(key, shared)
  local wants = redis.call('ZRANGEBYSCORE', key .. ':want', '(' .. text(now), '+inf')
  for _, want in ipairs(wants) do
    local cut = string.find(want, '|', 1, true)
    local theirs, other = tonumber(string.sub(want, 1, cut - 1)), string.sub(want, cut + 1)
    if want ~= me then
      if theirs < priority then return true end
      if shared and theirs == priority then
        local seen = redis.call('HMGET', key .. ':served', other, account)
        if (tonumber(seen[1] or '0') or 0) < (tonumber(seen[2] or '0') or 0) then return true end
      end
    end
  end
  return false
end

local function wait_for(key, form, limit, window, share, shared)
  if form == 'gate' then return tonumber(redis.call('GET', key) or '0') - now end
  if form == 'pace' then
    local taught = redis.call('HMGET', key .. ':taught', 'failed', 'since')
    if not taught[1] then return 0 end
    local climbed = limit * GROWTH ^ math.floor(math.max(0, now - tonumber(taught[2])) / STEP)
    limit = math.floor(math.min(climbed, math.max(limit, tonumber(taught[1]) - 1)))
  end
  local allowed = math.max(1, math.floor(limit * share))
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - window))
  local count = redis.call('ZCARD', key)
  if count >= allowed then
    if form == 'flight' then return POLL end
    local leaving = redis.call('ZRANGE', key, count - allowed, count - allowed, 'WITHSCORES')
    return math.max(0.001, math.min(tonumber(leaving[2]), now) + window - now)
  end
  if form ~= 'errors' and is_behind(key, shared) then return POLL end
  return 0
end

local longest, cause, blocking = 0, 0, {}
for i = 2, #KEYS do
  local wait = wait_for(KEYS[i], unpack(checks[i - 1]))
  if wait > 0 then blocking[#blocking + 1] = KEYS[i] end
  if wait > longest then longest, cause = wait, i - 2 end
end
if #blocking > 0 then
  if longest <= patience then
    for _, key in ipairs(blocking) do
      redis.call('ZADD', key .. ':want', text(now + WANT), me)
      keep(key .. ':want', WANT)
    end
  end
  return {'wait', text(longest), cause}
end
for i = 2, #KEYS do
  local form, _, window, _, shared = unpack(checks[i - 1])
  if form ~= 'gate' and form ~= 'errors' then
    redis.call('ZADD', KEYS[i], text(now + lease), id)
    keep(KEYS[i], window + lease)
    redis.call('ZREM', KEYS[i] .. ':want', me)
    if shared then
      redis.call('HSET', KEYS[i] .. ':served', account, text(now))
      keep(KEYS[i] .. ':served', 3600)
    end
  end
end
return {'granted', '0', 0}
"""
)

_RELEASE = (
    _NOW
    + """
for i = 1, #KEYS do
  if ARGV[2 + i] == 'drop' then redis.call('ZREM', KEYS[i], ARGV[2])
  else redis.call('ZADD', KEYS[i], 'XX', text(now), ARGV[2]) end
end
"""
)

_CLOSE = (
    _NOW
    + """
local till = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now + tonumber(ARGV[2]))
redis.call('SET', KEYS[1], text(till))
keep(KEYS[1], till - now)
"""
)

_LOG = (
    _NOW
    + """
for i = 4, #ARGV, 2 do redis.call('ZADD', KEYS[1], text(now - tonumber(ARGV[i + 1])), ARGV[i]) end
if tonumber(ARGV[2]) > 0 then keep(KEYS[1], tonumber(ARGV[2])) end
"""
)

_SLOW = (
    _NOW
    + """
local failed = redis.call('ZCOUNT', KEYS[1], '(' .. text(now - tonumber(ARGV[2])), '+inf')
redis.call('HSET', KEYS[1] .. ':taught', 'failed', failed, 'since', text(now))
return failed
"""
)

_TEACH = (
    _NOW
    + """
redis.call('HSET', KEYS[1] .. ':taught', 'failed', ARGV[2], 'since', text(now - tonumber(ARGV[3])))
"""
)

_NOTE = (
    _NOW
    + """
if redis.call('SET', KEYS[1], text(now), 'NX', 'PX', math.ceil(tonumber(ARGV[2]) / scale * 1000)) then return '0' end
return text(now - tonumber(redis.call('GET', KEYS[1])))
"""
)

SENTINEL = "alive"

ANSWER_SECONDS = 2.0
"""Of real time: a frozen Redis must not hold a worker."""


class RedisLimitStore:
    """The state all processes share. Whatever Redis does wrong is `Unavailable`: then no call leaves."""

    private = False

    def __init__(self, redis: Redis | ConnectionPool, clock: Clock, prefix: str = "ponte:limits:") -> None:
        redis = redis if isinstance(redis, Redis) else Redis(connection_pool=redis)
        self._redis = redis
        self._clock = clock
        self._prefix = prefix
        scripts = (_ACQUIRE, _RELEASE, _CLOSE, _LOG, _SLOW, _TEACH, _NOTE)
        self._acquire, self._release, self._close, self._log, self._slow, self._teach, self._note = (
            redis.register_script(script) for script in scripts
        )

    async def acquire(self, checks: Sequence[Check], asker: Asker) -> Outcome:
        """See `LimitStore`."""
        rows = [(check.form.value, check.limit, check.window, check.share, check.shared) for check in checks]
        args = [asker.id, asker.account, asker.priority, asker.patience, asker.lease, json.dumps(rows)]
        verdict, wait, position = await self._run(self._acquire, [SENTINEL, *(check.key for check in checks)], args)
        return Outcome(verdict == b"granted", float(wait), int(position), verdict == b"lost")

    async def release(self, checks: Sequence[Check], call_id: str, *, reached: bool) -> None:
        """See `LimitStore`."""
        counted = [check for check in checks if check.form not in (Form.GATE, Form.ERRORS)]
        fates = ["stay" if reached and check.form is not Form.FLIGHT else "drop" for check in counted]
        await self._run(self._release, [check.key for check in counted], [call_id, *fates])

    async def close_gate(self, key: str, seconds: float) -> None:
        """See `LimitStore`."""
        await self._run(self._close, [key], [seconds])

    async def log(self, key: str, member: str, window: float) -> None:
        """See `LimitStore`."""
        await self._run(self._log, [key], [window, "", member, 0.0])

    async def slow_down(self, key: str, window: float) -> float:
        """See `LimitStore`."""
        return float(await self._run(self._slow, [key], [window]))

    async def note(self, key: str, seconds: float) -> float:
        """See `LimitStore`."""
        return float(await self._run(self._note, [f"note:{key}"], [seconds]))

    async def forget(self, key: str) -> None:
        """See `LimitStore`."""
        await self._guard(self._redis.delete(f"{self._prefix}note:{key}"))

    async def restore(self, snapshot: Snapshot) -> None:
        """See `LimitStore`. The mark comes last: a restore that breaks off is done again."""
        for key, seconds in snapshot.gates.items():
            await self.close_gate(key, seconds)
        for key, ages in snapshot.logs.items():
            entries: list[Any] = []
            for place, age in enumerate(ages):
                entries += (f"restored-{place}", age)
            await self._run(self._log, [key], [1800.0, "", *entries])
        for key, (failed, age) in snapshot.paces.items():
            await self._run(self._teach, [key], [failed, age])
        await self._guard(self._redis.set(self._prefix + SENTINEL, "1"))

    async def close(self) -> None:
        """Gives the connections back."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _run(self, script: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        named = [self._prefix + key for key in keys]
        return await self._guard(cast(Awaitable[Any], script(keys=named, args=[self._clock.scale, *args])))

    async def _guard(self, answer: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except (RedisError, OSError, TimeoutError) as problem:
            raise Unavailable(f"redis: {type(problem).__name__}") from None
