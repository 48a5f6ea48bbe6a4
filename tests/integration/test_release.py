"""What a dead worker ran goes back at once, and who may take it then. FAULTS F33."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import transitions
from jobs.models import Job, JobTransition, Worker
from jobs.rescuer import suspects_wait
from tests import runs
from tests.rows import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def run_by(worker: Worker, owner: Any, count: int, **values: Any) -> list[str]:
    """Have the worker run so many jobs and return their ids."""
    for _ in range(count):
        runs.create(owner, **values)
    return [job.pk for job in transitions.claim(worker, types=["test.wait"], limit=count)]


def test_all_that_a_dead_worker_ran_goes_back_and_nothing_else(ann: Any) -> None:
    dead, alive = runs.worker_row(), runs.worker_row("here:2")
    lost, kept = run_by(dead, ann, 3), run_by(alive, ann, 2)

    assert len(transitions.release(dead.pk, limit=2)) == 2
    assert len(transitions.release(dead.pk, limit=2)) == 1
    assert transitions.release(dead.pk, limit=2) == []

    rows = Job.objects.in_bulk(lost)
    assert {(row.state, row.attempt, row.kills) for row in rows.values()} == {("created", 2, 1)}
    assert {row.state for row in Job.objects.in_bulk(kept).values()} == {"running"}


def test_of_a_blocked_process_only_the_job_that_blocked_it_pays(ann: Any) -> None:
    worker = runs.worker_row()
    guilty, innocent = run_by(worker, ann, 2)

    transitions.release(worker.pk, limit=10, ended_on_purpose=True, blocked_by=guilty)

    rows = Job.objects.in_bulk([guilty, innocent])
    assert [(rows[name].state, rows[name].failures, rows[name].kills) for name in (guilty, innocent)] == [
        ("created", 1, 0),
        ("created", 0, 0),
    ]
    assert rows[guilty].run_at is not None
    last = JobTransition.objects.order_by("-id")[:2]
    assert {(change.job_id, change.reason) for change in last} == {(guilty, "timeout"), (innocent, "interrupted")}


def test_a_job_that_blocks_too_often_fails_and_says_why(ann: Any) -> None:
    worker = runs.worker_row()
    (guilty,) = run_by(worker, ann, 1, max_attempts=1)

    transitions.release(worker.pk, limit=10, ended_on_purpose=True, blocked_by=guilty)

    row = Job.objects.get(pk=guilty)
    assert (row.state, row.error and row.error["code"]) == ("failed", "timeout")
    assert "kept its process from all other work" in str(row.error)


def test_a_suspect_is_left_to_those_who_run_it_alone(ann: Any) -> None:
    suspect, other = runs.create(ann), runs.create(ann)
    Job.objects.filter(pk=suspect.pk).update(kills=2)
    worker = runs.worker_row()
    assert suspects_wait(["test.wait"])
    assert not suspects_wait(["test.stream"])

    assert [job.pk for job in transitions.claim(worker, types=["test.wait"], limit=10, suspects=False)] == [other.pk]
    assert [job.pk for job in transitions.claim(worker, types=["test.wait"], limit=10, suspects=True)] == [suspect.pk]
    assert not suspects_wait(["test.wait"])


@pytest.mark.locks_rows
def test_rescuers_at_once_never_wait_for_each_other(ann: Any) -> None:
    workers = [runs.worker_row(f"here:{index}") for index in range(6)]
    for index in range(120):
        run_by(workers[index * 5 % 6 if index % 2 else index % 6], ann, 1)
    Job.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    results = together(*[lambda: transitions.rescue(limit=12) for _ in range(10)])

    assert [result for result in results if isinstance(result, Exception)] == []
    assert sum(len(result) for result in results) == 120
