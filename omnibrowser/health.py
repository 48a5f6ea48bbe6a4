"""`GET /health`: can this server do its work? `GET /health/live`: does it answer?"""

import time
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from jobs.conf import settings as job_settings
from jobs.models import Worker
from jobs.source import JobSource
from omnibrowser import __version__
from realtime.errors import RedisUnavailable
from realtime.hub import hub_of_this_loop
from realtime.redis_client import breaker, client

_draining = False


def begin_drain() -> None:
    """Answer 503 from now on: this server is about to end, and whoever balances load sends nobody here any more."""
    global _draining
    _draining = True


async def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, Redis and the way through it work, else 503; how many workers are alive is told, not judged."""
    checks = {"database": await sync_to_async(_database)(), "redis": await sync_to_async(_redis)(), "delivery": await _delivery()}
    checks["workers"] = await sync_to_async(_workers)() if checks["database"]["ok"] else {"ok": False, "alive": None}
    well = all(checks[name]["ok"] for name in ("database", "redis", "delivery")) and not _draining
    status = "draining" if _draining else "ok" if well else "unavailable"
    body = {"status": status, "version": __version__, "checks": checks}
    return JsonResponse(body, status=200 if well else 503, headers={"Cache-Control": "no-store"})


def live(request: HttpRequest) -> JsonResponse:
    """Answer."""
    return JsonResponse({"status": "ok"})


def _took(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)


def _database() -> dict[str, Any]:
    began = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM jobs_job LIMIT 1")
    except DatabaseError as error:
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, "milliseconds": _took(began)}


def _redis() -> dict[str, Any]:
    began = time.monotonic()
    try:
        with breaker.guard():
            client().ping()
    except RedisUnavailable:
        return {"ok": False, "error": "no answer"}
    return {"ok": True, "milliseconds": _took(began)}


async def _delivery() -> dict[str, Any]:
    try:
        seconds = await hub_of_this_loop(JobSource()).delivery_seconds()
    except RedisUnavailable as error:
        return {"ok": False, "error": str(error)}
    return {"ok": True, "milliseconds": round(seconds * 1000, 1)}


def _workers() -> dict[str, Any]:
    since = timezone.now() - timedelta(seconds=job_settings.lease_seconds)
    alive = Worker.objects.filter(heartbeat_at__gte=since, stopped_at=None).count()
    return {"ok": alive > 0, "alive": alive}
