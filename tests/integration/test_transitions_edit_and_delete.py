"""What is changed without an event, and what a deleted job leaves."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import transitions
from jobs.errors import CommandConflict, JobExists, JobNotFound
from jobs.models import Job, JobTransition
from jobs.transitions import NewJob
from realtime.layers import group_channel
from realtime.redis_client import breaker
from realtime.topics import job_group, user_group
from tests import runs
from tests.rows import check, events, stopped, together
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_the_turn_of_a_created_job_can_be_changed(ann: Any) -> None:
    later = timezone.now() + timedelta(hours=1)
    job = runs.create(ann)

    changed = transitions.edit(job.pk, priority=9, run_at=later)

    assert (changed.priority, changed.run_at, changed.edits, changed.position) == (9, later, 1, job.position)
    assert transitions.edit(job.pk, run_at=None).run_at is None


def test_the_turn_of_a_running_job_cannot(ann: Any) -> None:
    job, _ = runs.running(ann)

    with pytest.raises(CommandConflict, match="running"):
        transitions.edit(job.pk, priority=9)


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_deleted_job_keeps_its_id_and_nothing_else(ann: Any, state: str) -> None:
    job = stopped(ann, state)

    transitions.delete(job.pk, actor=ann)

    assert not Job.objects.filter(pk=job.pk).exists()
    assert events(job.pk) == []
    left = Job.with_deleted.get(pk=job.pk)
    assert (left.state, left.text, left.text_length, left.query, left.input, left.result) == (state, "", 0, "", {}, None)
    assert (left.error, left.checkpoint, left.steps, left.step, left.queued_event, left.closed_event) == (None, None, [], None, "", None)
    assert set(left.transitions.values_list("detail", flat=True)) == {""}
    assert left.transitions.order_by("id").last().actor == ann  # type: ignore[union-attr]


@pytest.mark.parametrize("state", ["created", "running", "paused"])
def test_a_job_that_has_not_ended_is_not_deleted(ann: Any, state: str) -> None:
    job = stopped(ann, state)

    with pytest.raises(CommandConflict, match="cancel it first") as conflict:
        transitions.delete(job.pk, actor=ann)

    assert conflict.value.state == state
    check(job.pk)


def test_the_id_of_a_deleted_job_is_taken_and_the_job_is_not_found(ann: Any) -> None:
    body = NewJob(type="t", job_id="j1")
    transitions.create(ann, body)
    transitions.command("j1", "cancel", actor=ann)
    transitions.delete("j1", actor=ann)

    with pytest.raises(JobExists):
        transitions.create(ann, body)
    for action in transitions.ACTIONS:
        with pytest.raises(JobNotFound):
            transitions.command("j1", action, actor=ann)
    for gone in (lambda: transitions.delete("j1", actor=ann), lambda: transitions.edit("j1", priority=1)):
        with pytest.raises(JobNotFound):
            gone()


def test_ten_deletes_at_once_are_one(ann: Any) -> None:
    job = stopped(ann, "completed")

    results = together(*[lambda: transitions.delete(job.pk, actor=ann)] * 10)

    assert sorted(type(result).__name__ for result in results) == ["JobNotFound"] * 9 + ["NoneType"]
    assert JobTransition.objects.filter(target="deleted").count() == 1


def test_who_watches_is_told_of_a_deletion(ann: Any, redis: Any) -> None:
    job = stopped(ann, "completed")
    watched = redis.pubsub()
    watched.subscribe(group_channel(job_group(job.pk)), group_channel(user_group(ann.pk)))

    transitions.delete(job.pk, actor=ann)

    told = wait_until(lambda: (message := watched.get_message()) and message["type"] == "message" and message["data"], what="a nudge")
    assert b"job.deleted" in told
    assert b"jobs.changed" in wait_until(lambda: (watched.get_message() or {}).get("data"), what="a nudge of the list")
    watched.close()


def test_without_redis_a_job_is_deleted_all_the_same(ann: Any) -> None:
    job = stopped(ann, "completed")
    breaker._open()

    transitions.delete(job.pk, actor=ann)

    assert not Job.objects.exists()
    breaker._failed = False
