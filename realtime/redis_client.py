"""The one place that makes Redis clients, with their limits and the breaker."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import redis
from redis import cluster, sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from realtime.conf import settings
from realtime.errors import RedisUnavailable
from realtime.metrics import metrics
from realtime.redis_address import RedisAddress

log = logging.getLogger(__name__)

KEEPS_ALL = "noeviction"


class Breaker:
    """Remembers that Redis failed, so that nobody waits for it again and again.

    While it is open every call fails at once. Each `pause_seconds` one of them has a thread find out whether Redis is back, and does
    not wait for it: a Redis that hangs would cost each second one of those who ask for something else a second.
    """

    def __init__(self, pause_seconds: float = 1) -> None:
        self.pause_seconds = pause_seconds
        self._lock = threading.Lock()
        self._failed = False
        self._retry_at = 0.0
        self._here = threading.local()

    @property
    def is_open(self) -> bool:
        """Whether Redis failed at the last try."""
        return self._failed

    @contextmanager
    def guard(self, *, finds_out: bool = False) -> Iterator[None]:
        """Run a call to Redis. Raises RedisUnavailable when it fails, or while the breaker is open at once, unless it `finds_out`."""
        if getattr(self._here, "is_held", False):
            raise RedisUnavailable
        if self._failed and not finds_out:
            if self._is_due():
                threading.Thread(target=check, name="redis check", daemon=True).start()
            raise RedisUnavailable
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError, redis.exceptions.BusyLoadingError, RedisClusterException, OSError) as error:
            self._open()
            raise RedisUnavailable(f"Redis does not answer: {_said(error)}; see docs/troubleshooting.md#redis-connection-failed") from error
        except redis.RedisError as error:  # full, read-only, its disk full, no right to it: whatever it says, it does not do it
            self._open()
            raise RedisUnavailable(f"Redis refuses: {_said(error)}; see docs/troubleshooting.md#redis-connection-failed") from error
        self._failed = False

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Make no call to Redis from this thread meanwhile: what a process does that dies after its commit, before anybody hears of it."""
        self._here.is_held = True
        try:
            yield
        finally:
            self._here.is_held = False

    def _is_due(self) -> bool:
        """Tell whether it is time to try again, to one of those who ask."""
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + self.pause_seconds
            return True

    def _open(self) -> None:
        metrics().redis_failures.inc()
        with self._lock:
            self._failed = True
            self._retry_at = time.monotonic() + self.pause_seconds


def _said(error: Exception) -> str:
    """Return what an error says, without the full stop."""
    return str(error).rstrip(".")


breaker = Breaker()


@cache
def client() -> "redis.Redis":
    """Return this process's client: limits on every call, no retries, safe to use from many threads.

    Of a Cluster it is one that routes by keys and shares with the others what is used here.
    """
    address = RedisAddress.parse(settings.redis_url)
    limits = _limits(settings.redis_timeout_seconds)
    made: Any
    if address.master is not None:  # every new connection asks the Sentinels, all of them within the time of one call
        patience = _limits(settings.redis_timeout_seconds / len(address.nodes))
        known: Any = sentinel.Sentinel  # untyped
        made = known(address.nodes, sentinel_kwargs={**address.sentinel_options, **patience}, **address.options, **limits)
        made = made.master_for(address.master)
    elif address.nodes:
        node: Any = cluster.ClusterNode  # untyped
        made = cluster.RedisCluster(startup_nodes=[node(host, port) for host, port in address.nodes], **address.options, **limits)
    else:
        made = redis.Redis.from_url(address.url, **limits)
    return cast(redis.Redis, made)


def _limits(seconds: float) -> dict[str, Any]:
    limits = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    return {**limits, "retry": Retry(NoBackoff(), 0), "health_check_interval": 0, "decode_responses": False}


def check() -> None:
    """Find out whether Redis answers and takes writes; the breaker remembers it."""
    try:
        with breaker.guard(finds_out=True):
            client().set(f"realtime:check:{os.getpid()}", b"", ex=60)
            _warn_of_eviction()
    except RedisUnavailable as error:
        log.debug("degraded: %s", error)


@cache
def _warn_of_eviction() -> None:
    """Say once, when it is so, that this Redis throws keys away as it likes: each log that goes is read from its row again."""
    try:
        policy = client().info("memory").get("maxmemory_policy", KEEPS_ALL)
    except redis.ResponseError:
        return  # whoever may not ask is not told
    if policy != KEEPS_ALL:
        log.warning("Redis evicts keys (maxmemory-policy %s): set %s, or logs vanish while they are read", policy, KEEPS_ALL)
