"""What is old goes away, and nothing else; time is moved by moving timestamps back."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from jobs import pruner, transitions
from jobs.conf import settings
from jobs.models import Job, JobText, JobTransition, Worker
from jobs.pruner import prune_once
from jobs.transitions import NewJob
from realtime import event_log
from realtime.auth import issue_ticket
from realtime.models import Ticket
from realtime.position import ORIGIN
from tests import runs
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

OLD = timedelta(days=31)


def cancelled(owner: Any, job_id: str, *, ago: timedelta = OLD) -> Job:
    """Return a job that was cancelled `ago`."""
    job = transitions.create(owner, NewJob(type="test.wait", job_id=job_id))[0]
    transitions.command(job.pk, "cancel", actor=owner)
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - ago)
    return job


def ids() -> set[str]:
    return set(Job.with_deleted.values_list("pk", flat=True))


def test_jobs_go_when_their_retention_is_over_and_their_rows_and_logs_with_them(ann: Any) -> None:
    cancelled(ann, "old")
    cancelled(ann, "young", ago=timedelta(days=29))

    assert prune_once() == 1

    assert ids() == {"young"}
    assert not JobTransition.objects.filter(job_id="old").exists()
    assert event_log.read_after([("old", ORIGIN)]) == [[]]
    assert prune_once() == 0


def test_a_job_that_has_not_ended_stays_however_old_it_is(ann: Any) -> None:
    for job_id in ("created", "running", "paused", "retried"):
        transitions.create(ann, NewJob(type=f"test.{job_id}", job_id=job_id))
    runs.claim("test.running")
    transitions.command("paused", "pause", actor=ann)
    transitions.command("retried", "cancel", actor=ann)
    transitions.command("retried", "retry", actor=ann)
    Job.objects.update(created_at=timezone.now() - OLD, updated_at=timezone.now() - OLD)

    assert prune_once() == 0

    assert ids() == {"created", "running", "paused", "retried"}


def test_a_deleted_job_keeps_its_id_until_it_is_pruned_and_then_a_new_life_begins(ann: Any) -> None:
    cancelled(ann, "j1")
    transitions.delete("j1", actor=ann)
    assert ids() == {"j1"}

    prune_once()

    job, created = transitions.create(ann, NewJob(type="test.wait", job_id="j1", query="new"))
    assert created
    assert str(job.position) == "1-0"
    assert [entry.position for entry in event_log.read_after([("j1", ORIGIN)])[0]] == [(1, 0)]


def test_a_log_that_outlived_its_job_does_not_stand_in_a_new_ones_way(ann: Any) -> None:
    """A zombie wrote to the log after it was dropped: its event is in nobody's way."""
    cancelled(ann, "j1")
    job, zombie = runs.running(ann, job_id="j2")
    transitions.command("j2", "cancel", actor=ann)
    Job.objects.update(finished_at=timezone.now() - OLD)
    prune_once()
    zombie.write("late")
    append = zombie.take()
    assert append
    assert event_log.append([append]) == [True]

    again, _ = transitions.create(ann, NewJob(type="test.wait", job_id=job.pk))

    assert [entry.position for entry in event_log.read_after([(again.pk, ORIGIN)])[0]] == [(1, 0)]


def test_many_go_in_batches(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruner, "BATCH", 3)
    for index in range(7):
        cancelled(ann, f"j{index}", ago=OLD + timedelta(hours=index))

    assert prune_once() == 3
    assert ids() == {"j0", "j1", "j2", "j3"}  # the oldest went first
    assert (prune_once(), prune_once(), prune_once()) == (3, 1, 0)


@pytest.mark.locks_rows
def test_what_somebody_else_prunes_is_passed_over(ann: Any) -> None:
    cancelled(ann, "locked")
    cancelled(ann, "free")
    other = connections.create_connection("default")
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM jobs_job WHERE id = 'locked' FOR UPDATE")
        assert prune_once() == 1
    finally:
        other.rollback()
        other.close()

    assert ids() == {"locked"}


def test_a_batch_that_cannot_be_committed_drops_no_log(ann: Any) -> None:
    cancelled(ann, "old")

    with transaction.atomic():
        prune_once()
        transaction.set_rollback(True)

    assert ids() == {"old"}
    assert len(event_log.read_after([("old", ORIGIN)])[0]) == 2


def test_without_redis_jobs_are_pruned_all_the_same(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from realtime.redis_client import breaker

    cancelled(ann, "old")
    breaker._open()

    assert prune_once() == 1


def test_workers_go_a_day_after_their_last_heartbeat(ann: Any) -> None:
    alive, silent = runs.worker_row("alive:1"), runs.worker_row("silent:1")
    holds = runs.worker_row("holds:1")
    runs.create(ann)
    runs.claim(worker=holds)
    Worker.objects.exclude(pk=alive.pk).update(heartbeat_at=timezone.now() - timedelta(days=2))

    assert prune_once() == 1

    assert set(Worker.objects.values_list("pk", flat=True)) == {alive.pk, holds.pk}
    assert silent.pk not in {alive.pk, holds.pk}


def test_a_worker_that_was_pruned_while_its_machine_slept_is_there_again(ann: Any) -> None:
    with runs.worker() as worker:
        wait_until(lambda: Worker.objects.filter(pk=worker.row.pk).exists(), what="the worker's row")
        Worker.objects.all().delete()

        wait_until(lambda: Worker.objects.filter(pk=worker.row.pk).exists(), what="the worker's row again")
        job = runs.create(ann, "test.echo")
        assert runs.ended(job.pk).state == "completed"


def test_sign_ins_that_are_over_go(ann: Any) -> None:
    issue_ticket(ann, None)
    issue_ticket(ann, None)
    for _ in range(2):
        store = SessionStore()
        store.create()
    past = timezone.now() - timedelta(seconds=1)
    Ticket.objects.filter(pk=Ticket.objects.values_list("pk", flat=True)[0]).update(expires_at=past)
    Session.objects.filter(pk=Session.objects.values_list("pk", flat=True)[0]).update(expire_date=past)

    assert prune_once() == 2

    assert (Ticket.objects.count(), Session.objects.count()) == (1, 1)


def test_the_command_prunes_all_of_it(ann: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(pruner, "BATCH", 2)
    for index in range(5):
        cancelled(ann, f"j{index}")

    call_command("prune_jobs")

    assert ids() == set()
    assert capsys.readouterr().out == f"5 rows deleted; jobs are kept {settings.retention_days:g} days after their end.\n"


def test_a_worker_prunes(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.worker.PRUNE_WITHIN_SECONDS", 0)
    cancelled(ann, "old")

    with runs.worker():
        wait_until(lambda: not ids(), what="a pruned job")
    assert not JobText.objects.exists()
