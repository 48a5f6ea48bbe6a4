"""`/metrics`: who may read it, and that what happens is counted."""

import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import figures, metrics_port, transitions
from jobs.conf import JobSettings
from jobs.models import Job, Worker
from realtime.publisher import nudge
from realtime.redis_client import client
from realtime.topics import job_group
from tests.runs import claim, create, ended, running, worker
from tests.scrape import parse
from tests.sockets import LiveServer
from tests.waiting import until, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, redis: Any) -> None:
    monkeypatch.setattr(figures, "_latest", None)


async def get(**headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the samples by name and labels."""
    response = await AsyncClient().get("/metrics", headers=headers)
    assert response.status_code == 200, response.content
    return parse(response.content.decode())


class Counted:
    """What has changed since; a sample that was not there was 0."""

    def __init__(self, before: dict[Any, float], after: dict[Any, float]) -> None:
        self._before, self._after = before, after

    def __call__(self, name: str, **labels: str) -> float:
        key = name, frozenset(labels.items())
        return self._after.get(key, 0.0) - self._before.get(key, 0.0)


# Who may read it


async def status(**headers: str) -> int:
    return (await AsyncClient().get("/metrics", headers=headers)).status_code


@pytest.mark.parametrize("header", metrics_port.TOLD_BY_PROXIES)
async def test_without_a_token_it_is_for_this_machine_alone(header: str) -> None:
    assert await status() == 200
    assert await status(**{header: "203.0.113.9"}) == 403


async def test_with_a_token_it_is_for_those_who_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_port, "settings", JobSettings(metrics_token="a-token-of-prometheus"))
    assert await status() == 403
    assert await status(Authorization="Bearer another") == 403
    assert await status(Authorization="Basic a-token-of-prometheus") == 403
    assert await status(Authorization="Bearer a-token-of-prometheus", X_Forwarded_For="203.0.113.9") == 200


def test_another_machine_may_not() -> None:
    assert not metrics_port.may_read("", "203.0.113.9", [])


# The queue


async def test_the_queue_by_type_and_state(ann: Any) -> None:
    await sync_to_async(create)(ann, "test.echo", run_at=timezone.now() + timedelta(hours=1))
    oldest = await sync_to_async(create)(ann, "test.echo")
    await Job.objects.filter(pk=oldest.pk).aupdate(updated_at=timezone.now() - timedelta(seconds=90))
    await sync_to_async(running)(ann, "test.wait")
    now = timezone.now()
    await Worker.objects.acreate(name="here", types=["test.echo"], started_at=now, heartbeat_at=now)
    await Worker.objects.acreate(name="told not to", types=["test.echo"], started_at=now, heartbeat_at=now, takes_jobs=False)
    found = await get()
    assert found["jobs_workers", frozenset({("type", "test.echo")})] == 1
    echo = ("type", "test.echo")
    assert found["jobs_in_state", frozenset({echo, ("state", "created")})] == 2
    assert found["jobs_in_state", frozenset({("type", "test.wait"), ("state", "running")})] == 1
    assert found["jobs_due", frozenset({echo})] == 1
    assert 89 < found["jobs_oldest_waiting_seconds", frozenset({echo})] < 120


def test_the_queue_is_read_once_for_all_processes_and_scrapes(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create(ann, "test.echo")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(3):
            assert figures.queue_figures().due == {"test.echo": 1}
    assert len(queries) == 2, "the jobs and the workers"
    monkeypatch.setattr(figures, "_latest", None)  # as another process
    create(ann, "test.echo")
    with CaptureQueriesContext(connection) as queries:
        assert figures.queue_figures().due == {"test.echo": 1}
    assert len(queries) == 0
    client().delete(figures.TAKEN_KEY)  # as five seconds later
    monkeypatch.setattr(figures, "_latest", None)
    assert figures.queue_figures().due == {"test.echo": 2}
    assert 0 < client().pttl(figures.KEY) <= 10_000


async def test_without_redis_each_process_reads_for_itself(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise OSError("away")

    monkeypatch.setattr(figures, "client", away)
    await sync_to_async(create)(ann, "test.echo")
    assert (await get())["jobs_due", frozenset({("type", "test.echo")})] == 1


# The work


async def test_the_work_is_counted(ann: Any) -> None:
    before = await get()
    jobs = [await sync_to_async(create)(ann, type, **values) for type, values in (("test.echo", {}), ("test.raise", {"max_attempts": 2}))]
    with worker():
        await until(lambda: Job.objects.filter(pk=jobs[1].pk, failures=1).aexists())
        await Job.objects.filter(pk=jobs[1].pk, state="created").aupdate(run_at=None)
        for job in jobs:
            await sync_to_async(ended)(job.pk)
    counted = Counted(before, await get())
    assert counted("jobs_created_total", type="test.echo") == 1
    assert counted("jobs_waiting_seconds_count", type="test.echo") == 1
    assert counted("jobs_waiting_seconds_count", type="test.raise") == 2
    assert counted("jobs_run_seconds_count", type="test.echo", outcome="completed") == 1
    assert counted("jobs_run_seconds_count", type="test.raise", outcome="error") == 1
    assert counted("jobs_requeued_total", type="test.raise", reason="error") == 1
    assert counted("jobs_closed_total", type="test.raise", state="failed", reason="error") == 1
    assert counted("jobs_claim_seconds_count") >= 2
    assert counted("jobs_publish_seconds_count") >= 0


async def test_how_long_a_job_waited_is_counted_from_when_it_was_due(ann: Any) -> None:
    before = await get()
    job = await sync_to_async(create)(ann, "test.echo", run_at=timezone.now() + timedelta(seconds=100))
    event = json.loads(job.queued_event)
    event["ts"] -= 1_000_000
    await Job.objects.filter(pk=job.pk).aupdate(run_at=timezone.now() - timedelta(seconds=20), queued_event=json.dumps(event))
    await sync_to_async(claim)("test.echo")
    counted = Counted(before, await get())
    assert 20 <= counted("jobs_waiting_seconds_sum", type="test.echo") < 30


async def test_lost_workers_are_counted(ann: Any) -> None:
    before = await get()
    job, _ = await sync_to_async(running)(ann, "test.wait")
    await Job.objects.filter(pk=job.pk).aupdate(lease_expires_at=timezone.now() - timedelta(seconds=1))
    await sync_to_async(transitions.rescue)(limit=10)
    counted = Counted(before, await get())
    assert counted("jobs_kills_total", type="test.wait") == 1
    assert counted("jobs_requeued_total", type="test.wait", reason="worker_lost") == 1


async def test_what_is_rolled_back_is_not_counted(ann: Any) -> None:
    before = await get()
    await sync_to_async(create)(ann, "test.echo", job_id="taken")
    await sync_to_async(create)(ann, "test.echo", job_id="taken")
    assert Counted(before, await get())("jobs_created_total", type="test.echo") == 1


# The wire


def test_what_goes_over_the_wire_is_counted(live: LiveServer, ann: Any) -> None:
    before = async_to_sync(get)()
    reader = live.signed_in(ann)
    job = create(ann, "test.stream", input={"chunks": 3, "seconds": 0.05})
    reader.subscribe(f"job:{job.pk}")
    reader.until("snapshot")
    with worker():
        ended(job.pk)
    reader.close()

    def counted() -> Counted:
        return Counted(before, async_to_sync(get)())

    wait_until(lambda: counted()("realtime_frames_sent_total") >= 2)
    found = counted()
    assert found("realtime_delivery_seconds_count") >= 2
    assert found("realtime_delivery_seconds_bucket", le="30.0") == found("realtime_delivery_seconds_count")
    assert found("realtime_snapshots_sent_total", why="joined") == 1
    assert found("realtime_sign_ins_total") == 1
    wait_until(lambda: sum(counted()("realtime_socket_closes_total", code=code) for code in ("1000", "1001", "1005", "1006")) == 1)


def test_sockets_and_feeds_are_seen_and_a_gap_that_was_repaired(live: LiveServer, ann: Any) -> None:
    before = async_to_sync(get)()
    job, _ = running(ann, "test.wait")
    reader = live.signed_in(ann)
    reader.subscribe(f"job:{job.pk}")
    reader.until("snapshot")
    wait_until(
        lambda: (
            (found := async_to_sync(get)())["realtime_sockets", frozenset({("transport", "websocket")})] == 1
            and found["realtime_feeds", frozenset()] == 1
            and found["realtime_readers", frozenset()] == 1
        )
    )
    event = {"type": "log", "jobId": job.pk, "attempt": 1, "seq": 9, "ts": 1, "data": {"level": "info", "message": ""}}
    message = {"type": "job.events", "topic": f"job:{job.pk}", "first": "1-9", "position": "1-9", "events": json.dumps([event])}
    client().xadd(f"job:event:{{{job.pk}}}", {"e": json.dumps({**event, "seq": 2})}, id="1-2")
    nudge(job_group(job.pk), message)
    wait_until(lambda: Counted(before, async_to_sync(get)())("realtime_gaps_repaired_total", source="log") == 1)
