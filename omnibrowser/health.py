"""`GET /health`: can this server do its work? `GET /health/live`: does it answer?"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from jobs.figures import by_type, taking_workers
from jobs.models import Job
from jobs.source import JobSource
from omnibrowser import __version__
from realtime.errors import RedisUnavailable
from realtime.hub import hub_of_this_loop
from realtime.redis_client import breaker, client
from realtime.threads import Threads

log = logging.getLogger(__name__)

LIMIT_SECONDS = 1.5
"""A check that takes longer has failed: probes have little patience."""
CACHE_SECONDS = 1.0
"""Many probes at once cost as much as one."""
JUDGED = ("database", "migrations", "redis", "delivery")
"""What a server cannot work without; of workers and waiting jobs is told, not judged: another server would not have more."""

_draining = False
_latest: tuple[asyncio.AbstractEventLoop, float, "asyncio.Task[dict[str, Any]]"] | None = None


def begin_drain() -> None:
    """Answer 503 from now on: this server is about to end, and whoever balances load sends nobody here any more."""
    global _draining
    _draining = True


@csrf_exempt
@require_safe
async def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when this server can do its work, else 503; always within two seconds."""
    checks = await asyncio.shield(_checks())
    well = all(checks[name]["ok"] for name in JUDGED) and not _draining
    status = "draining" if _draining else "ok" if well else "unavailable"
    body = {"status": status, "version": __version__, "checks": checks}
    return JsonResponse(body, status=200 if well else 503, headers={"Cache-Control": "no-store"})


@csrf_exempt
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """Answer."""
    return JsonResponse({"status": "ok"})


def _checks() -> "asyncio.Task[dict[str, Any]]":
    """Return the checks that are under way or were made a moment ago, else begin new ones."""
    global _latest
    loop = asyncio.get_running_loop()
    if _latest is None or _latest[0] is not loop or (_latest[2].done() and loop.time() - _latest[1] > CACHE_SECONDS):
        _latest = loop, loop.time(), loop.create_task(_check_all())
    return _latest[2]


async def _check_all() -> dict[str, Any]:
    checks = {name: _check(name, partial(threads.run, look)) for name, (look, threads) in _in_threads().items()}
    checks["delivery"] = _check("delivery", hub_of_this_loop(JobSource()).delivery_seconds)
    return dict(zip(checks, await asyncio.gather(*checks.values()), strict=True))


@cache
def _in_threads() -> dict[str, tuple[Callable[[], Any], Threads]]:
    """Return the checks that block, each with a thread of its own: one that hangs keeps no other from saying that it is well."""
    looks = {"database": _database, "migrations": _migrations, "redis": _redis, "workers": _workers, "waiting": _waiting}
    return {name: (look, Threads(1)) for name, look in looks.items()}


async def _check(name: str, look: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    """Return what `look` finds, whether it is well, and how long it took."""
    began = time.monotonic()
    found: dict[str, Any] = {"ok": True}
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            more = await look()
        if isinstance(more, dict):
            found.update(more)
    except TimeoutError:
        found = {"ok": False, "error": "no answer in time"}
    except RedisUnavailable as error:
        found = {"ok": False, "error": str(error)}
    except Exception as error:  # whatever it is, it is not well; the log says more than is good for everybody to read
        log.warning("the check of %s failed: %r", name, error)
        found = {"ok": False, "error": type(error).__name__}
    return {**found, "milliseconds": round((time.monotonic() - began) * 1000, 1), "limitMilliseconds": round(LIMIT_SECONDS * 1000)}


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


_migrated = False


def _migrations() -> dict[str, Any]:
    """Tell whether the database has all migrations of this code; once it has, it keeps them."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return {
                "ok": False,
                "error": f"{len(missing)} migrations are missing: run manage.py migrate; see docs/troubleshooting.md#database-not-reached",
            }
        _migrated = True
    return {"ok": True}


def _redis() -> None:
    with breaker.guard():
        client().ping()


def _workers() -> dict[str, Any]:
    workers = taking_workers()
    return {"ok": len(workers) > 0, "alive": len(workers), "types": by_type(workers)}


def _waiting() -> dict[str, Any]:
    """Tell how long the job has waited that has waited longest, of those that may start."""
    oldest = Job.objects.due().order_by("updated_at").values_list("updated_at", flat=True).first()
    seconds = 0.0 if oldest is None else max(0.0, (timezone.now() - oldest).total_seconds())
    return {"ok": True, "oldestSeconds": round(seconds, 1)}
