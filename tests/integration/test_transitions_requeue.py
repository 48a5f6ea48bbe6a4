"""Jobs go back to the queue, by an error, an interruption or a lost worker."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import transitions
from jobs.models import Job
from realtime import event_log, publisher
from realtime.position import Position
from realtime.publisher import Append, Entry
from tests import runs
from tests.rows import check, events, publish, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_an_error_puts_the_job_back_for_later(ann: Any) -> None:
    job, recorder = runs.running(ann)

    transitions.retry_later(recorder.flush(), reason="error", delay_seconds=60, detail="Traceback ...")  # type: ignore[arg-type]

    job = check(job.pk)
    assert (job.state, job.failures, str(job.position)) == ("created", 1, "2-0")
    assert not Job.objects.due().exists()


def test_an_interruption_costs_nothing(ann: Any) -> None:
    job, recorder = runs.running(ann)

    transitions.interrupt(recorder.flush())

    job = check(job.pk)
    assert (job.state, job.failures, job.kills) == ("created", 0, 0)
    assert Job.objects.due().exists()


def test_orphans_go_back_and_others_stay(ann: Any) -> None:
    orphan, _ = runs.running(ann)
    runs.running(ann)
    Job.objects.filter(pk=orphan.pk).update(lease_expires_at=orphan.created_at)

    assert [job.pk for job in transitions.rescue(limit=10)] == [orphan.pk]

    orphan = check(orphan.pk)
    assert (orphan.state, orphan.kills, orphan.attempt) == ("created", 1, 2)
    assert events(orphan.pk)[-1]["data"]["reason"] == "worker_lost"


def test_the_third_kill_is_poison_and_keeps_what_was_seen(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("last words")
    publish(recorder)
    Job.objects.update(kills=2, lease_expires_at=job.created_at)

    transitions.rescue(limit=10)

    job = check(job.pk)
    assert (job.state, job.text, (job.error or {})["code"]) == ("failed", "last words", "poison")


def test_three_rescuers_at_once_rescue_once(ann: Any) -> None:
    for _ in range(10):
        runs.running(ann)
    Job.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    results = together(*[lambda: transitions.rescue(limit=10)] * 3)

    assert sum(len(result) for result in results) == 10
    assert set(Job.objects.values_list("attempt", "kills")) == {(2, 1)}


def test_a_log_from_another_life_is_written_anew(ann: Any) -> None:
    """The database was restored, the log was not: the log holds later events than the row."""
    other = {"type": "text", "jobId": "j1", "attempt": 7, "seq": 3, "ts": 1, "data": {"offset": 0, "text": "old"}}
    event_log.append([Append("j1", [Entry(Position(7, 3), json.dumps(other))])])

    runs.create(ann, job_id="j1")

    assert [(event["attempt"], event["seq"]) for event in events("j1")] == [(1, 0)]


def test_a_refused_append_of_a_lost_attempt_stays_out(ann: Any) -> None:
    job, old = runs.running(ann)
    Job.objects.update(lease_expires_at=job.created_at)
    transitions.rescue(limit=1)
    old.write("stale")
    append = old.take()
    assert append
    from jobs.publishing import _still_held

    assert publisher.publish([append], still_true=_still_held) == [False]
    check(job.pk)
