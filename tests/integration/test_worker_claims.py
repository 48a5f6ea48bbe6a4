"""A claim whose answer got lost is asked again by its name, and is given the same jobs: nobody has died of it."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs.models import Job, JobTransition, Worker
from jobs.rescuer import rescue_once
from tests import runs
from tests.remote import RemoteWorker
from tests.sockets import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(live: LiveServer) -> RemoteWorker:
    return RemoteWorker(live)


def claims() -> int:
    return JobTransition.objects.filter(target="running").count()


def test_the_same_claim_again_is_given_the_same_jobs_and_holds_them(worker: RemoteWorker, ann: Any) -> None:
    for _ in range(3):
        runs.create(ann, "remote.job")
    lost = worker.claim(limit=2, claimId="c1")
    Job.objects.filter(state="running").update(lease_expires_at=lost[0]["createdAt"])
    again = worker.claim(limit=2, claimId="c1")
    assert sorted(again, key=lambda job: job["jobId"]) == sorted(lost, key=lambda job: job["jobId"])
    assert rescue_once() == 0, "their leases are new"
    assert claims() == 2
    (other,) = worker.claim(limit=2, claimId="c2")
    assert other["jobId"] not in {job["jobId"] for job in lost}
    assert worker.write(again[0], 2, 0, "one")[0] == 200


def test_of_two_at_once_both_are_given_the_same(worker: RemoteWorker, ann: Any) -> None:
    for number in range(5):
        for _ in range(2):
            runs.create(ann, "remote.job")
        with ThreadPoolExecutor(4) as threads:
            asked = [threads.submit(worker.claim, claimId=f"c{number}") for _ in range(4)]
            found = {claim.result()[0]["jobId"] for claim in asked}
        assert len(found) == 1
        assert claims() == number + 1


def test_what_was_begun_with_is_not_given_again(worker: RemoteWorker, ann: Any) -> None:
    runs.create(ann, "remote.job")
    (job,) = worker.claim(claimId="c1")
    worker.write(job, 2, 0, "one")
    assert worker.claim(claimId="c1") == []


def test_a_name_is_the_workers_own_and_ends_with_the_attempt(live: LiveServer, worker: RemoteWorker, ann: Any) -> None:
    runs.create(ann, "remote.job")
    (job,) = worker.claim(claimId="c1")
    assert RemoteWorker(live, "another").claim(claimId="c1") == []
    Job.objects.update(lease_expires_at=job["createdAt"])
    assert rescue_once() == 1
    (again,) = worker.claim()
    assert again["attempt"] == 2
    assert worker.claim(claimId="c1") == []


def test_a_worker_that_may_take_no_more_keeps_what_it_was_given(worker: RemoteWorker, ann: Any) -> None:
    runs.create(ann, "remote.job")
    lost = worker.claim(claimId="c1")
    Worker.objects.update(takes_jobs=False)
    assert worker.claim(claimId="c1") == lost


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "-a", None, []])
def test_a_name_is_of_the_form_of_an_id(worker: RemoteWorker, name: Any) -> None:
    assert worker.call("claim", {"types": worker.types, "claimId": name})[0] == 400
