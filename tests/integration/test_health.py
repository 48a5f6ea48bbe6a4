"""`/health` and `/health/live`."""

import time
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone
from redis.exceptions import RedisError

from jobs import transitions
from jobs.models import Job, Worker
from omnibrowser import health
from realtime.redis_client import client
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_latest", None)
    monkeypatch.setattr(health, "_draining", False)
    monkeypatch.setattr(health, "_migrated", False)


async def get() -> tuple[int, Any]:
    response = await AsyncClient().get("/health")
    return response.status_code, response.json()


async def test_a_whole_server_is_well_and_says_who_works(redis: Any) -> None:
    now = timezone.now()
    await Worker.objects.acreate(name="here", types=["search", "echo"], started_at=now, heartbeat_at=now)
    status, body = await get()
    assert (status, body["status"]) == (200, "ok")
    assert set(body["checks"]) >= {"database", "migrations", "redis", "delivery", "workers", "waiting"}
    assert body["checks"]["workers"]["types"] == {"search": 1, "echo": 1}
    assert all(check["ok"] and check["milliseconds"] < check["limitMilliseconds"] for check in body["checks"].values())


async def test_no_worker_is_told_and_not_judged(redis: Any) -> None:
    status, body = await get()
    assert (status, body["checks"]["workers"]["ok"]) == (200, False)


async def test_the_job_that_has_waited_longest_is_told(redis: Any, ann: Any) -> None:
    job, _ = await sync_to_async(transitions.create)(ann, transitions.NewJob(type="test.echo"))
    await Job.objects.filter(pk=job.pk).aupdate(updated_at=timezone.now() - timedelta(seconds=90))
    _, body = await get()
    assert 89 < body["checks"]["waiting"]["oldestSeconds"] < 120


async def test_a_hanging_redis_is_said_within_two_seconds(redis: Any) -> None:
    client().client_pause(2500)
    began = time.monotonic()
    status, body = await get()
    assert time.monotonic() - began < 2.5
    assert (status, body["status"], body["checks"]["redis"]["ok"]) == (503, "unavailable", False)
    await until(sync_to_async(answers), what="Redis again")


def answers() -> bool:
    try:
        return bool(client().ping())
    except RedisError:
        return False


async def test_many_probes_at_once_look_once(redis: Any) -> None:
    await get()
    first = health._latest
    await get()
    assert health._latest is first


async def test_a_draining_server_wants_nobody_new(redis: Any) -> None:
    health.begin_drain()
    status, body = await get()
    assert (status, body["status"]) == (503, "draining")
