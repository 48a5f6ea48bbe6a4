"""`/health` and `/health/live`."""

import asyncio
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import AsyncClient
from django.utils import timezone
from redis.exceptions import RedisError

from jobs import transitions
from jobs.conf import settings
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


async def test_what_was_looked_at_is_looked_at_again_a_second_later(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await get())[1]["checks"]["workers"]["ok"] is False
    now = timezone.now()
    await Worker.objects.acreate(name="here", types=["search"], started_at=now, heartbeat_at=now)
    assert (await get())[1]["checks"]["workers"]["ok"] is False
    assert health._latest is not None
    loop, at, checks = health._latest
    monkeypatch.setattr(health, "_latest", (loop, at - 1.01, checks))
    assert (await get())[1]["checks"]["workers"]["ok"] is True


async def test_a_worker_that_is_silent_or_has_ended_or_may_take_nothing_is_not_there(redis: Any) -> None:
    now = timezone.now()
    silent_since = now - timedelta(seconds=settings.lease_seconds + 1)
    await Worker.objects.acreate(name="silent", types=["search"], started_at=now, heartbeat_at=silent_since)
    await Worker.objects.acreate(name="ended", types=["search"], started_at=now, heartbeat_at=now, stopped_at=now)
    await Worker.objects.acreate(name="told not to", types=["search"], started_at=now, heartbeat_at=now, takes_jobs=False)
    _, body = await get()
    assert (body["checks"]["workers"]["alive"], body["checks"]["workers"]["types"]) == (0, {})


async def test_a_job_that_is_not_due_does_not_wait(redis: Any, ann: Any) -> None:
    later = transitions.NewJob(type="test.echo", run_at=timezone.now() + timedelta(hours=1))
    job, _ = await sync_to_async(transitions.create)(ann, later)
    await Job.objects.filter(pk=job.pk).aupdate(updated_at=timezone.now() - timedelta(seconds=90))
    assert (await get())[1]["checks"]["waiting"]["oldestSeconds"] == 0


async def test_a_missing_migration_is_said(redis: Any) -> None:
    recorder = MigrationRecorder(connection)
    ((app, newest),) = (await sync_to_async(MigrationLoader)(connection)).graph.leaf_nodes("realtime")
    await sync_to_async(recorder.record_unapplied)(app, newest)
    try:
        status, body = await get()
    finally:
        await sync_to_async(recorder.record_applied)(app, newest)
    assert (status, body["status"]) == (503, "unavailable")
    assert "1 migrations are missing: run manage.py migrate" in body["checks"]["migrations"]["error"]
    assert body["checks"]["database"]["ok"]


async def test_what_is_published_does_not_arrive(redis: Any) -> None:
    redis.execute_command("ACL", "SETUSER", "default", "-publish")
    try:
        status, body = await get()
    finally:
        redis.execute_command("ACL", "SETUSER", "default", "+publish")
    assert (status, body["checks"]["delivery"]["ok"]) == (503, False)


@pytest.mark.locks_rows
async def test_a_check_that_hangs_keeps_no_other_from_saying_that_it_is_well(redis: Any) -> None:
    def hold(locked: threading.Event, done: threading.Event) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE jobs_worker IN ACCESS EXCLUSIVE MODE")
            locked.set()
            done.wait(10)
        connection.close()

    locked, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=hold, args=(locked, done))
    thread.start()
    try:
        assert await asyncio.to_thread(locked.wait, 10)
        began = time.monotonic()
        status, body = await get()
        assert time.monotonic() - began < 2.5
    finally:
        done.set()
        await asyncio.to_thread(thread.join)
    assert (status, body["checks"]["workers"]["error"]) == (200, "no answer in time")
    assert all(body["checks"][name]["ok"] for name in health.JUDGED)


async def test_live_says_no_more_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    health.begin_drain()
    response = await AsyncClient().get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
