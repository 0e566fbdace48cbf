"""The limits' shared state in Redis: one Lua script per operation, timed by Redis itself."""

import asyncio
import json
import time
from collections.abc import Awaitable, Sequence
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import NoScriptError, RedisError

from app.core.clock import Clock
from app.core.errors import Unavailable
from app.core.limit_store import (
    FLIGHT_SECONDS,
    LINED,
    PACE_BACK_OFF,
    PACE_FLOOR,
    PACE_GROWTH,
    PACE_MEMORY_SECONDS,
    PACE_STEP_SECONDS,
    POLL_SECONDS,
    WANT_SECONDS,
    Asker,
    Check,
    Form,
    Outcome,
    Snapshot,
)

JUMP_SECONDS = 3.0
"""Of real time: how much more may pass on Redis' clock than on ours before it counts as set forward; longer than
`ANSWER_SECONDS`, which a slow answer may take."""

_NOW = """
local scale = tonumber(ARGV[1])
local clock = redis.call('TIME')
local real = tonumber(clock[1]) + tonumber(clock[2]) / 1000000 + tonumber(redis.call('HGET', KEYS[1], 'mend') or '0')
local now = real * scale
local function text(number) return string.format('%.6f', number) end
local function keep(key, seconds) redis.call('PEXPIRE', key, math.ceil(seconds / scale * 1000) + 1000) end
"""
"""Redis' own time in the clock's pace: durations agree in every process, whenever it started. `KEYS[1]` is the frame:
`mend`, the seconds that undo what was done to its clock; `name`, new with every new state; `alive`, once restored."""

_ACQUIRE = (
    _NOW
    + f"""
local POLL, WANT, FLIGHT = {POLL_SECONDS}, {WANT_SECONDS}, {FLIGHT_SECONDS}
local GROWTH, STEP, FLOOR = {PACE_GROWTH}, {PACE_STEP_SECONDS}, {PACE_FLOOR}
local BACK_OFF, MEMORY, JUMP = {PACE_BACK_OFF}, {PACE_MEMORY_SECONDS}, {JUMP_SECONDS}
"""
    + """
local id, account, priority = ARGV[2], ARGV[3], tonumber(ARGV[4])
local patience, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
local checks = cjson.decode(ARGV[7])
local frame, seen, least, most = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local me = priority .. '|' .. account
if redis.call('HSETNX', KEYS[1], 'name', id) == 1 then frame = id end
local name = redis.call('HGET', KEYS[1], 'name')
if name == frame and seen > 0 then
  local mended = real
  if real < seen + least - 0.1 then
    -- others may have seen another time than we: they take the new frame as it is, and nobody argues
    mended, name = seen + least, id
    redis.call('HSET', KEYS[1], 'name', id)
  elseif real > seen + most + JUMP then
    mended = seen + most
    redis.call('HDEL', KEYS[1], 'alive')
  end
  if mended ~= real then
    redis.call('HINCRBYFLOAT', KEYS[1], 'mend', text(mended - real))
    real, now = mended, mended * scale
  end
end
local function answer(verdict, wait, cause, turn)
  return {verdict, text(wait), cause, text(turn), name, text(real)}
end
if redis.call('HEXISTS', KEYS[1], 'alive') == 0 then return answer('lost', 0, 0, 0) end

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

local function ahead(key, shared)
  local counts, total = {}, 0
  for _, place in ipairs(redis.call('ZRANGEBYSCORE', key .. ':line', '(' .. text(now), '+inf')) do
    local theirs, other = string.match(place, '^(%d+)|([^|]*)|')
    if tonumber(theirs) <= priority then counts[other] = (counts[other] or 0) + 1 end
  end
  local mine = counts[account] or 0
  for _, count in pairs(counts) do total = total + (shared and math.min(count, mine) or count) end
  return total
end

local function pace_limit(start, failed, age)
  local hours, ceiling = math.floor(math.max(0, age) / STEP), math.max(FLOOR, failed - 1)
  if failed > start then return math.floor(math.min(start * GROWTH ^ hours, ceiling)) end
  local climbed = math.max(FLOOR, failed * BACK_OFF) * GROWTH ^ hours
  return math.floor(math.min(climbed, age < MEMORY and ceiling or start))
end

local function wait_for(key, form, limit, window, share, shared)
  if form == 'gate' then
    local closed = tonumber(redis.call('GET', key) or '0') - now
    return closed, closed
  end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - window))
  local count = redis.call('ZCARD', key)
  if form == 'pace' then
    local taught = redis.call('HMGET', key .. ':taught', 'failed', 'since')
    if not taught[1] then
      if count >= limit and redis.call('ZCOUNT', key, '(' .. text(now), '+inf') > 0 then return POLL, POLL end
      return 0, 0
    end
    limit = pace_limit(limit, tonumber(taught[1]), now - tonumber(taught[2]))
  end
  local allowed = math.max(1, math.floor(limit * share))
  if count >= allowed then
    local before = form == 'errors' and 0 or ahead(key, shared)
    if form == 'flight' then return POLL, FLIGHT * (before + 1) end
    local function leaving(place)
      local entry = redis.call('ZRANGE', key, place, place, 'WITHSCORES')
      return math.max(0.001, math.min(tonumber(entry[2]), now) + window - now)
    end
    return leaving(count - allowed), leaving(math.min(count - allowed + before, count - 1))
  end
  if form ~= 'errors' and is_behind(key, shared) then return POLL, POLL end
  return 0, 0
end

local longest, cause, turn, blocking = 0, 0, 0, {}
for i = 2, #KEYS do
  local wait, mine = wait_for(KEYS[i], unpack(checks[i - 1]))
  if wait > 0 then blocking[#blocking + 1] = i end
  if wait > longest then longest, cause = wait, i - 2 end
  if mine > turn then turn = mine end
end
if #blocking > 0 then
  for _, i in ipairs(blocking) do
    local key, form = KEYS[i], checks[i - 1][1]
    if longest <= patience then
      redis.call('ZADD', key .. ':want', text(now + WANT), me)
      keep(key .. ':want', WANT)
    elseif form ~= 'gate' and form ~= 'errors' then
      redis.call('ZREMRANGEBYSCORE', key .. ':line', '-inf', text(now))
      redis.call('ZADD', key .. ':line', text(now + turn), me .. '|' .. id)
      keep(key .. ':line', 3600)
    end
  end
  return answer('wait', longest, cause, turn)
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
return answer('granted', 0, 0, 0)
"""
)

_RELEASE = (
    _NOW
    + """
for i = 2, #KEYS do
  if ARGV[1 + i] == 'drop' then redis.call('ZREM', KEYS[i], ARGV[2])
  else redis.call('ZADD', KEYS[i], 'XX', text(now), ARGV[2]) end
end
"""
)

_CLOSE = (
    _NOW
    + """
local till = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), now + tonumber(ARGV[2]))
redis.call('SET', KEYS[2], text(till))
keep(KEYS[2], till - now)
"""
)

_LOG = (
    _NOW
    + """
for i = 4, #ARGV, 2 do redis.call('ZADD', KEYS[2], text(now - tonumber(ARGV[i + 1])), ARGV[i]) end
if tonumber(ARGV[2]) > 0 then keep(KEYS[2], tonumber(ARGV[2])) end
"""
)

_SLOW = (
    _NOW
    + """
local failed = redis.call('ZCOUNT', KEYS[2], '(' .. text(now - tonumber(ARGV[2])), '+inf')
redis.call('HSET', KEYS[2] .. ':taught', 'failed', failed, 'since', text(now))
return failed
"""
)

_TEACH = (
    _NOW
    + """
redis.call('HSET', KEYS[2] .. ':taught', 'failed', ARGV[2], 'since', text(now - tonumber(ARGV[3])))
"""
)

_TAUGHT = (
    _NOW
    + """
local taught = redis.call('HMGET', KEYS[2] .. ':taught', 'failed', 'since')
if not taught[1] then return {} end
return {taught[1], text(now - tonumber(taught[2]))}
"""
)

_NOTE = (
    _NOW
    + """
if redis.call('SET', KEYS[2], text(now), 'NX', 'PX', math.ceil(tonumber(ARGV[2]) / scale * 1000)) then return '0' end
return text(now - tonumber(redis.call('GET', KEYS[2])))
"""
)

FRAME = "frame"

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
        self.monotonic = time.monotonic
        self._seen = (b"", 0.0, 0.0, 0.0)
        """The frame and Redis' time in its last answer, and our own time when we asked and when we heard it."""
        scripts = (_ACQUIRE, _RELEASE, _CLOSE, _LOG, _SLOW, _TEACH, _TAUGHT, _NOTE)
        self._acquire, self._release, self._close, self._log, self._slow, self._teach, self._taught, self._note = (
            redis.register_script(script) for script in scripts
        )

    async def acquire(self, checks: Sequence[Check], asker: Asker) -> Outcome:
        """See `LimitStore`."""
        rows = [(check.form.value, check.limit, check.window, check.share, check.shared) for check in checks]
        args = [asker.id, asker.account, asker.priority, asker.patience, asker.lease, json.dumps(rows)]
        keys = [check.key for check in checks]
        sent, (frame, seen, seen_sent, seen_heard) = self.monotonic(), self._seen
        args += [frame, seen, sent - seen_heard, sent - seen_sent]
        verdict, wait, position, turn, frame, at = await self._guard(self._ask(keys, args))
        self._seen = (frame, float(at), sent, self.monotonic())
        return Outcome(verdict == b"granted", float(wait), int(position), float(turn), verdict == b"lost")

    async def release(self, checks: Sequence[Check], call_id: str, *, reached: bool, abandoned: bool = False) -> None:
        """See `LimitStore`."""
        ended = [
            check
            for check in checks
            if check.form in LINED and not (abandoned and reached and check.form is Form.FLIGHT)
        ]
        fates = ["stay" if reached and check.form is not Form.FLIGHT else "drop" for check in ended]
        await self._run(self._release, [check.key for check in ended], [call_id, *fates])

    async def close_gate(self, key: str, seconds: float) -> None:
        """See `LimitStore`."""
        await self._run(self._close, [key], [seconds])

    async def log(self, key: str, member: str, window: float) -> None:
        """See `LimitStore`."""
        await self._run(self._log, [key], [window, "", member, 0.0])

    async def slow_down(self, key: str, window: float) -> float:
        """See `LimitStore`."""
        return float(await self._run(self._slow, [key], [window]))

    async def taught(self, key: str) -> tuple[float, float] | None:
        """See `LimitStore`."""
        found = await self._run(self._taught, [key], [])
        return (float(found[0]), float(found[1])) if found else None

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
        await self._guard(self._acquire.registered_client.script_load(self._acquire.script))
        await self._guard(cast(Awaitable[Any], self._redis.hset(self._prefix + FRAME, "alive", "1")))

    async def close(self) -> None:
        """Gives the connections back."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    async def _ask(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """`acquire`'s script. A Redis that does not know it was started anew: what it holds may come from a snapshot
        that is older than our last call, so it counts as lost."""
        named = self._named(keys)
        given = [*named, self._clock.scale, *args]
        try:
            return await cast(Awaitable[Any], self._redis.evalsha(self._acquire.sha, len(named), *given))
        except NoScriptError:
            await cast(Awaitable[Any], self._redis.hdel(self._prefix + FRAME, "alive"))
            await self._redis.script_load(self._acquire.script)
            return await cast(Awaitable[Any], self._redis.evalsha(self._acquire.sha, len(named), *given))

    async def _run(self, script: Any, keys: Sequence[str], args: Sequence[Any]) -> Any:
        call = script(keys=self._named(keys), args=[self._clock.scale, *args])
        return await self._guard(cast(Awaitable[Any], call))

    def _named(self, keys: Sequence[str]) -> list[str]:
        return [self._prefix + key for key in (FRAME, *keys)]

    async def _guard(self, answer: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except (RedisError, OSError, TimeoutError) as problem:
            raise Unavailable(f"redis: {type(problem).__name__}") from None
