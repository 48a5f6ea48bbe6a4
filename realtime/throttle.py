"""Counts of requests, together for all servers in Redis; while it is away each process counts for itself. Called in threads."""

import threading
import time
from pathlib import Path
from typing import Any

from realtime.errors import RedisUnavailable
from realtime.rates import Rate
from realtime.redis_client import breaker, client

SCRIPT = (Path(__file__).parent / "throttle.lua").read_text()
REMEMBERED = 10_000
"""Of so many callers a process keeps the counts while Redis is away."""


class OwnCounts:
    """The counts of this process alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, int], int] = {}

    def take(self, key: str, rate: Rate, now: float, *, counts: bool = True) -> float:
        """Count one request; returns how long it has to wait, 0 when it may be served."""
        window, elapsed = rate.window(now)
        with self._lock:
            before, current = self._counts.get((key, window - 1), 0), self._counts.get((key, window), 0)
            wait_seconds = rate.wait_seconds(before=before, current=current, elapsed=elapsed)
            if wait_seconds == 0 and counts:
                self._counts[key, window] = current + 1
                while len(self._counts) > REMEMBERED:
                    del self._counts[next(iter(self._counts))]
        return wait_seconds


_own = OwnCounts()


def take(key: str, rate: Rate, *, counts: bool = True) -> float:
    """Count one request of `key`, unless it is only looked; returns how many seconds it has to wait, 0 when it may be served."""
    now = time.time()
    try:
        return _take_in_redis(key, rate, now, counts=counts)
    except RedisUnavailable:
        return _own.take(key, rate, now, counts=counts)


def _take_in_redis(key: str, rate: Rate, now: float, *, counts: bool) -> float:
    window, elapsed = rate.window(now)
    names = [f"throttle:{{{key}}}:{number}" for number in (window, window - 1)]  # the braces keep both on one node of a Cluster
    with breaker.guard():
        reply: Any = client().eval(SCRIPT, 2, *names, rate.limit, elapsed, 2 * rate.seconds, int(counts))
    may_be_served, current, before = reply
    if may_be_served:
        return 0.0
    # What Lua rounds otherwise than Python does is not to say: too many, and wait no time at all.
    return max(0.001, rate.wait_seconds(before=before, current=current, elapsed=elapsed))
