"""Workers take jobs and write what is new of them, and nobody else does."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from jobs import transitions
from jobs.models import Job, JobText
from tests import runs
from tests.rows import check, events, publish, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_a_claim_takes_due_jobs_of_its_types_by_priority_then_age(ann: Any) -> None:
    runs.create(ann, job_id="old")
    runs.create(ann, job_id="new")
    runs.create(ann, job_id="urgent", priority=5)
    runs.create(ann, "test.other", job_id="other")
    runs.create(ann, job_id="later", run_at=timezone.now() + timedelta(hours=1))

    first = transitions.claim(runs.worker_row(), types=["test.wait"], limit=2)
    second = transitions.claim(runs.worker_row(), types=["test.wait"], limit=2)

    assert [job.pk for job in first] == ["urgent", "old"]
    assert [job.pk for job in second] == ["new"]
    assert str(check("urgent").position) == "1-1"


def test_a_job_that_was_put_off_is_taken_when_its_time_has_come(ann: Any) -> None:
    job = runs.create(ann, run_at=timezone.now() + timedelta(hours=1))
    Job.objects.update(run_at=timezone.now() - timedelta(seconds=1))

    assert runs.claim()[0].pk == job.pk


def test_a_claim_writes_the_queued_event_again_that_the_log_lacks(ann: Any, redis: Any) -> None:
    job = runs.create(ann)
    redis.flushall()

    runs.claim()

    assert [event["seq"] for event in events(job.pk)] == [0, 1]
    check(job.pk)


def test_two_claims_at_once_never_take_the_same_job(ann: Any) -> None:
    for _ in range(20):
        runs.create(ann)
    workers = [runs.worker_row(f"here:{index}") for index in range(4)]

    results = together(*[lambda worker=worker: transitions.claim(worker, types=["test.wait"], limit=10) for worker in workers])

    taken = [job.pk for result in results for job in result]
    assert len(taken) == len(set(taken))
    assert Job.objects.filter(state="running").count() == len(taken)


def test_a_flush_writes_what_is_new_and_renews_the_lease(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("one ")
    transitions.flush([recorder.flush()])
    Job.objects.update(lease_expires_at=job.created_at)
    recorder.write("two")
    recorder.progress(50, "step", "message")

    result = transitions.flush([recorder.flush()])
    publish(recorder)

    assert result.held == {job.pk}
    assert not Job.objects.orphaned().exists()
    assert [piece.text for piece in JobText.objects.order_by("offset")] == ["one ", "two"]
    assert check(job.pk).whole_text() == "one two"


def test_a_flush_that_was_overtaken_or_repeated_adds_nothing(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("one ")
    early = recorder.flush()
    recorder.write("two ")
    late = recorder.flush()

    for flush in (late, early, late):  # the reply of the first COMMIT was lost: it is made again
        assert transitions.flush([flush]).held == {job.pk}

    job.refresh_from_db()
    assert (job.whole_text(), job.seq, job.text_length) == ("one two ", 3, 8)


def test_a_flush_of_a_lost_attempt_is_fenced_and_others_are_not(ann: Any) -> None:
    lost, old = runs.running(ann)
    other, recorder = runs.running(ann)
    Job.objects.filter(pk=lost.pk).update(lease_expires_at=lost.created_at)
    transitions.rescue(limit=10)
    old.write("stale")

    result = transitions.flush([old.flush(), recorder.flush()])

    assert (set(result.held), set(result.fenced)) == ({other.pk}, {lost.pk})
    assert Job.objects.get(pk=lost.pk).whole_text() == ""


@pytest.mark.locks_rows
def test_a_locked_row_stops_no_other_heartbeat(ann: Any) -> None:
    locked, recorder = runs.running(ann)
    free, other = runs.running(ann)
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=locked.pk)
        (result,) = together(lambda: transitions.flush([recorder.flush(), other.flush()]))

    assert (set(result.held), set(result.fenced)) == ({free.pk}, set())
