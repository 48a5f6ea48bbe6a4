"""In line the users take turns: one with many jobs waiting keeps nobody else from being served."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs import transitions
from jobs.models import Job, Worker
from jobs.transitions import NewJob
from tests import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def create(owner: Any, job_id: str, **body: Any) -> Job:
    return transitions.create(owner, NewJob(**{"type": "test.echo", "job_id": job_id, **body}))[0]


def served(worker: Worker, count: int, *, types: tuple[str, ...] = ("test.echo",)) -> list[str]:
    """Return the jobs that are claimed, one after another."""
    return [job.pk for _ in range(count) for job in transitions.claim(worker, types=types, limit=1)]


def test_one_job_waits_for_one_of_each_other_user(ann: Any, bob: Any, staff: Any) -> None:
    worker = runs.worker_row()
    for number in range(30):
        create(ann, f"ann-{number}")
    assert served(worker, 10)[-1] == "ann-9"
    create(bob, "bob-0")
    create(staff, "staff-0")
    assert served(worker, 4) == ["ann-10", "bob-0", "staff-0", "ann-11"]


def test_those_who_have_many_take_turns(ann: Any, bob: Any) -> None:
    for owner in ("ann", "bob"):
        for number in range(4):
            create({"ann": ann, "bob": bob}[owner], f"{owner}-{number}")
    assert served(runs.worker_row(), 8) == ["ann-0", "bob-0", "ann-1", "bob-1", "ann-2", "bob-2", "ann-3", "bob-3"]


def test_an_empty_line_begins_anew_and_a_stuck_job_holds_nobody_back(ann: Any, bob: Any) -> None:
    worker = runs.worker_row()
    create(ann, "nobody-runs-it", type="test.wait")
    create(ann, "later", run_at=timezone.now() + timedelta(hours=1))
    for number in range(5):
        create(ann, f"ann-{number}")
    assert len(served(worker, 6)) == 5
    create(bob, "bob-0")
    assert Job.objects.get(pk="bob-0").turn == 0
    create(bob, "bob-1", type="test.wait")
    assert served(worker, 2, types=("test.wait",)) == ["nobody-runs-it", "bob-1"]


def test_a_higher_priority_is_a_line_of_its_own(ann: Any, bob: Any) -> None:
    for number in range(3):
        create(ann, f"ann-{number}")
    create(bob, "bob-0")
    create(ann, "urgent", priority=5)
    create(bob, "urgent-too")
    transitions.edit("urgent-too", priority=5)
    assert served(runs.worker_row(), 3) == ["urgent", "urgent-too", "ann-0"]


def test_what_comes_back_from_a_lost_worker_stands_at_the_head_and_a_retried_one_in_line(ann: Any, bob: Any) -> None:
    worker = runs.worker_row()
    for number in range(4):
        create(ann, f"ann-{number}")
        create(bob, f"bob-{number}")
    assert served(worker, 4) == ["ann-0", "bob-0", "ann-1", "bob-1"]
    Job.objects.filter(pk="ann-0").update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    transitions.rescue(limit=10)
    assert served(worker, 1) == ["ann-0"]
    transitions.command("bob-0", "cancel", actor=bob)
    transitions.command("bob-0", "retry", actor=bob)
    assert served(worker, 5) == ["ann-2", "bob-2", "ann-3", "bob-3", "bob-0"]
