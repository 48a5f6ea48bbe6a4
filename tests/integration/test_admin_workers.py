"""Workers in the admin: what is shown of them, and having one stop or give back what it runs."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.utils import timezone

from jobs import transitions
from jobs.admin.workers import condition_of
from jobs.errors import LeaseLost
from jobs.models import Job, Worker
from tests import runs
from tests.desk import Desk, member
from tests.waiting import wait_until

WORKERS = "/admin/jobs/worker/"


def press(desk: Desk, worker: Worker, action: str) -> list[str]:
    """Press a button on a worker's page; returns what was said."""
    answer = desk.client.post(f"{WORKERS}{worker.pk}/do/{action}/", follow=True)
    assert answer.status_code == 200, answer
    return [str(message) for message in answer.context["messages"]]


@pytest.mark.django_db
def test_a_worker_is_alive_late_lost_or_stopped() -> None:
    worker = runs.worker_row()
    for silent_seconds, condition in ((0, "alive"), (2, "late"), (9, "lost")):
        worker.heartbeat_at = timezone.now() - timedelta(seconds=silent_seconds)
        assert condition_of(worker) == condition
    worker.stopped_at = timezone.now()
    assert condition_of(worker) == "stopped"


@pytest.mark.django_db
def test_the_list_and_the_page_show_what_each_runs(staff: Any, ann: Any) -> None:
    desk, worker = Desk(staff), runs.worker_row("here:7")
    lost = runs.worker_row("there:8")
    Worker.objects.filter(pk=lost.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1), kills=3)
    job = runs.create(ann, query="<b>bold</b>")
    runs.claim(worker=worker)
    listed = desk.get(WORKERS)
    for words in ("here:7", "Alive", "1 of 1", "there:8", "Lost"):
        assert words in listed
    assert "there:8" not in desk.get(WORKERS, condition="here")
    page = desk.get(f"{WORKERS}{worker.pk}/change/")
    assert "&lt;b&gt;bold" in page
    assert job.pk in page


@pytest.mark.django_db
def test_a_worker_that_was_told_to_stop_claims_nothing_until_it_is_told_to_go_on(staff: Any, ann: Any) -> None:
    desk, worker, other = Desk(staff), runs.worker_row("here:7"), runs.worker_row("here:8")
    runs.create(ann)
    assert press(desk, worker, "stop_taking") == ["here:7: stopped taking jobs."]
    assert press(desk, worker, "stop_taking") == ["All stopped taking jobs already."]
    assert transitions.claim(worker, types=["test.wait"], limit=1) == []
    assert "takes no jobs" in desk.get(WORKERS)
    press(desk, worker, "take_again")
    assert len(transitions.claim(worker, types=["test.wait"], limit=1)) == 1
    runs.create(ann)
    assert len(transitions.claim(other, types=["test.wait"], limit=1)) == 1
    assert [(entry.user, entry.change_message) for entry in LogEntry.objects.order_by("id")] == [
        (staff, "Stopped taking jobs."),
        (staff, "Takes jobs again."),
    ]


@pytest.mark.django_db
def test_a_released_worker_loses_what_it_runs_at_once_and_that_costs_the_jobs_nothing(staff: Any, ann: Any) -> None:
    desk, worker = Desk(staff), runs.worker_row("here:7")
    runs.create(ann)
    job, recorder = runs.claim(worker=worker)
    recorder.write("kept")
    flush, _ = recorder.checkpoint()
    transitions.checkpoint(flush, {"at": 1}, half=None)
    recorder.write(" lost")
    assert press(desk, worker, "release_now") == ["here:7: stopped taking jobs.", "1 job of here:7 put back in the queue."]
    job.refresh_from_db()
    assert (job.state, job.attempt, job.failures, job.kills, job.text) == ("created", 2, 0, 0, "kept")
    last = job.transitions.latest("id")
    assert (last.reason, last.actor) == ("interrupted", staff)
    with pytest.raises(LeaseLost), transaction.atomic():
        transitions.complete(recorder.flush(), None)
    assert transitions.claim(worker, types=["test.wait"], limit=1) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_a_real_worker_hears_that_it_was_released_and_stops_the_run(staff: Any, ann: Any) -> None:
    desk = Desk(staff)
    with runs.worker(types=["test.wait"]) as worker:
        job = runs.create(ann)
        wait_until(lambda: Job.objects.filter(pk=job.pk, state="running", text_length__gt=0).exists(), what="a run")
        press(desk, worker.row, "release_now")
        wait_until(lambda: not worker._runs, what="the end of the run in the process")
        assert Job.objects.get(pk=job.pk).state == "created"
        press(desk, worker.row, "take_again")
        wait_until(lambda: Job.objects.filter(pk=job.pk, state="running", attempt=2).exists(), what="the next attempt")


@pytest.mark.django_db
def test_each_job_that_loses_its_worker_counts_there(ann: Any) -> None:
    worker = runs.worker_row()
    runs.create(ann)
    job, _ = runs.claim(worker=worker)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    transitions.rescue(limit=10)
    worker.refresh_from_db()
    assert worker.kills == 1


@pytest.mark.django_db
def test_one_who_may_only_view_workers_can_stop_none(ann: Any) -> None:
    worker, desk = runs.worker_row(), Desk(member("viewer", "view_worker"))
    assert "/do/" not in desk.get(f"{WORKERS}{worker.pk}/change/")
    assert "action-select" not in desk.get(WORKERS)
    for action in ("stop_taking", "release_now", "delete"):
        assert desk.client.post(f"{WORKERS}{worker.pk}/do/{action}/").status_code == 403
    worker.refresh_from_db()
    assert worker.takes_jobs
