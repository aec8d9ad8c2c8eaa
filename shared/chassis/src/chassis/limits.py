"""How often somebody may ask: token buckets in Redis, shared by all processes of all services.

A bucket is kept as one number, the time at which it will be full again (GCRA, the form of a token bucket that ATM
Forum's Traffic Management 4.0 calls the virtual scheduling algorithm), so a look and a take are one round trip.
Where Redis does not answer each process counts for itself: limits protect the house, they must not close it.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import redis

from chassis import logs, redis_address

KEY_PREFIX: Final = "depesha:limit:"
REDIS_TIMEOUT_S: Final = 0.25
REDIS_PAUSE_S: Final = 5.0
"""After a failure Redis is left alone for so long, so that a dead one does not slow every request down."""
MOST_LOCAL: Final = 50_000

# KEYS: buckets. ARGV: for each its microseconds a request and its size in microseconds. Returns microseconds to wait.
TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full, wait = {}, 0
for i, key in ipairs(KEYS) do
    local each, size = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    full[i] = math.max(tonumber(redis.call('GET', key) or '0'), now) + each
    wait = math.max(wait, full[i] - size - now)
end
if wait > 0 then return math.ceil(wait) end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000) + 1000)
end
return 0
"""

log = logs.get()


@dataclass(frozen=True)
class Bucket:
    """`key` may ask `per_minute` times a minute in the long run, and `burst` times at once."""

    key: str
    per_minute: int
    burst: int

    @property
    def each_us(self) -> int:
        return 60_000_000 // self.per_minute

    @property
    def size_us(self) -> int:
        return self.each_us * self.burst


class Limiter:
    """Takes from several buckets at once: from all of them, or from none. Safe to share between threads."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis_address.client(
            redis_url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._take = self._redis.register_script(TAKE)
        self._rest_until = 0.0
        self._local: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, buckets: Sequence[Bucket]) -> float:
        """0, or the seconds after which there will be room again."""
        if not buckets:
            return 0.0
        if time.monotonic() >= self._rest_until:
            try:
                return self._take_shared(buckets)
            except redis.RedisError as error:
                self._rest_until = time.monotonic() + REDIS_PAUSE_S
                log.warning("Redis does not answer: each process counts requests for itself", reason=str(error))
        return self._take_local(buckets)

    def close(self) -> None:
        self._redis.close()

    def _take_shared(self, buckets: Sequence[Bucket]) -> float:
        keys = [KEY_PREFIX + bucket.key for bucket in buckets]
        numbers = [number for bucket in buckets for number in (bucket.each_us, bucket.size_us)]
        return float(cast("Any", self._take(keys=keys, args=numbers))) / 1e6

    def _take_local(self, buckets: Sequence[Bucket]) -> float:
        now = time.monotonic() * 1e6
        with self._lock:
            if len(self._local) > MOST_LOCAL:
                self._local.clear()
            full = {bucket.key: max(self._local.get(bucket.key, 0), now) + bucket.each_us for bucket in buckets}
            wait_us = max(full[bucket.key] - bucket.size_us - now for bucket in buckets)
            if wait_us <= 0:
                self._local.update(full)
        return max(wait_us, 0) / 1e6
