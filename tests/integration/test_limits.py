"""How many jobs run at once, and how many of a user wait: never one too many, however many claim at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from jobs import transitions
from jobs.conf import settings
from jobs.errors import JobNotClaimable
from jobs.handlers import job_handler
from jobs.models import Job, Worker
from jobs.transitions import NewJob
from tests import runs
from tests.api import Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ALL = ("test.three", "test.one_each", "test.echo")


def create(owner: Any, type: str, count: int) -> None:
    for _ in range(count):
        transitions.create(owner, NewJob(type=type))


def claim(worker: Worker, limit: int, *types: str) -> list[Job]:
    return transitions.claim(worker, types=types or ALL, limit=limit)


def expire(*jobs: Job) -> None:
    Job.objects.filter(pk__in=[job.pk for job in jobs], state="running").update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_of_a_type_so_many_run_and_of_others_as_many_as_there_are(ann: Any, bob: Any) -> None:
    worker = runs.worker_row()
    create(ann, "test.three", 5)
    create(bob, "test.three", 5)
    create(ann, "test.echo", 4)
    jobs = claim(worker, 100)
    assert sorted(job.type for job in jobs) == ["test.echo"] * 4 + ["test.three"] * 3
    assert claim(worker, 100) == []
    transitions.command(next(job.pk for job in jobs if job.type == "test.three"), "cancel", actor=ann)
    assert len(claim(worker, 100)) == 1


def test_of_a_user_so_many_run_and_another_has_his_own(ann: Any, bob: Any) -> None:
    worker = runs.worker_row()
    create(ann, "test.one_each", 50)
    create(bob, "test.one_each", 2)
    assert sorted(job.owner_id for job in claim(worker, 10)) == sorted([ann.pk, bob.pk])
    assert claim(worker, 10) == []


def test_a_users_jobs_of_all_types_together(ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.__dict__, "running_jobs_per_user", 2)
    worker = runs.worker_row()
    create(ann, "test.echo", 5)
    create(ann, "test.three", 5)
    create(bob, "test.echo", 1)
    assert sorted(job.owner_id for job in claim(worker, 10)) == sorted([ann.pk, ann.pk, bob.pk])
    assert claim(worker, 10) == []


def test_a_lost_job_counts_until_it_is_rescued(ann: Any) -> None:
    worker = runs.worker_row()
    create(ann, "test.three", 4)
    jobs = claim(worker, 10)
    expire(*jobs[:2])
    assert claim(worker, 10) == []
    transitions.rescue(limit=10)
    assert len(claim(worker, 10)) == 2


def test_whoever_claims_one_job_keeps_to_it_too(ann: Any) -> None:
    create(ann, "test.one_each", 2)
    claim(runs.worker_row(), 1)
    now = timezone.now()
    with pytest.raises(JobNotClaimable, match="as many jobs run"):
        transitions.claim_one(Worker(name="x", started_at=now, heartbeat_at=now), Job.objects.get(state="created").pk)


def test_never_one_too_many_with_eight_that_claim_and_some_that_die(ann: Any, bob: Any) -> None:
    create(ann, "test.three", 30)
    create(bob, "test.three", 30)
    workers = [runs.worker_row(f"here:{number}") for number in range(8)]
    most, lock = [0], threading.Lock()

    def work(worker: Worker) -> None:
        try:
            while Job.objects.filter(state__in=("created", "running")).exists():
                jobs = claim(worker, 2, "test.three")
                with lock:
                    most[0] = max(most[0], Job.objects.filter(state="running").count())
                for index, job in enumerate(jobs):
                    if index and job.attempt == 1:
                        expire(job)
                    else:
                        transitions.command(job.pk, "cancel", actor=ann)
                transitions.rescue(limit=10)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(work, worker) for worker in workers]:
            done.result(60)
    assert most == [3]
    assert Job.objects.filter(state="cancelled").count() == 60


@pytest.mark.parametrize("limit", [{"concurrency": 0}, {"concurrency_per_user": -1}])
def test_a_limit_that_lets_nothing_run_is_no_limit(limit: Any) -> None:
    with pytest.raises(ImproperlyConfigured, match="at least 1"):
        job_handler("test.never", **limit)


def test_of_a_user_so_many_wait(ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.__dict__, "waiting_jobs_per_user", 2)
    api = Api(ann)
    assert [api("POST", "/api/jobs", {"type": "test.echo", "jobId": f"j{number}"})[0] for number in range(2)] == [201, 201]
    status, problem = api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j2"})
    assert (status, problem["code"], int(api.answer["Retry-After"]) > 0) == (429, "quota", True)
    assert api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})[0] == 200
    assert Api(bob)("POST", "/api/jobs", {"type": "test.echo"})[0] == 201
    claim(runs.worker_row(), 1)
    assert api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j2"})[0] == 201
