"""Processes of other engines: `claimed` holds a job for a block, `publish_job_progress` reports from anywhere in it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from jobs import transitions
from jobs.errors import JobFailed, JobNotClaimable, JobNotClaimed, JobNotFound, JobStopped
from jobs.models import Job, Worker, from_ts
from jobs.run import claimed, publish_job_progress
from jobs.transitions.announce import now_ts
from realtime import event_log
from realtime.position import Position
from tests import runs
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def reasons(job: Job) -> list[str]:
    return list(job.transitions.order_by("id").values_list("reason", flat=True))


def test_leaving_the_block_completes_the_job(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with claimed(job.pk) as run:
        assert (run.job_id, run.attempt, run.checkpoint_data) == (job.pk, 1, None)
        run.progress(50, step="Generating", message="half way")
        run.write("Hello")
        run.result = {"words": 1}

    job.refresh_from_db()
    assert (job.state, job.text, job.progress, job.step, job.result) == ("completed", "Hello", 100, "Generating", {"words": 1})
    worker = Worker.objects.get()
    assert worker.stopped_at is not None
    assert worker.types == ["test.stream"]
    assert not worker.takes_jobs, "whoever counts the workers of a type does not count this one"


def test_the_log_gets_what_the_block_writes_while_it_goes_on(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with claimed(job.pk) as run:
        run.write("live")
        wait_until(lambda: any('"text":"live"' in entry for _, entry in event_log.read_after([(job.pk, Position(1, 1))])[0]), what="it")


def test_the_lease_is_renewed_while_the_block_says_nothing(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with claimed(job.pk):
        Job.objects.filter(pk=job.pk).update(lease_expires_at=job.created_at)
        wait_until(lambda: not Job.objects.orphaned().exists(), what="a renewed lease")


def test_an_error_fails_the_job_and_passes_through(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(ZeroDivisionError), claimed(job.pk) as run:  # noqa: PT012 the block is what is tested
        run.write("so far")
        run.progress(1 / 0)

    job.refresh_from_db()
    assert (job.state, job.text, job.error) == (
        "failed", "so far", {"code": "handler_error", "message": "The handler raised ZeroDivisionError."},
    )  # fmt: skip
    assert "1 / 0" in job.transitions.latest("id").detail


def test_job_failed_fails_it_with_its_own_words(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(JobFailed), claimed(job.pk):
        raise JobFailed("no_quota", "The quota is used up.")

    job.refresh_from_db()
    assert job.error == {"code": "no_quota", "message": "The quota is used up."}


def test_a_result_that_json_cannot_hold_fails_it(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(JobFailed, match="not what JSON can hold"), claimed(job.pk) as run:
        run.result = {1, 2}

    job.refresh_from_db()
    assert job.error is not None
    assert job.error["code"] == "bad_result"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_block_puts_the_job_back_from_its_checkpoint(ann: Any, interruption: type[BaseException]) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(interruption), claimed(job.pk) as run:  # noqa: PT012 the block is what is tested
        run.once("answer", lambda: 42)
        run.write("kept")
        run.checkpoint({"next": 1})
        run.write("lost")
        raise interruption

    job.refresh_from_db()
    assert (job.state, job.attempt, job.text, job.failures, job.kills) == ("created", 2, "kept", 0, 0)
    with claimed(job.pk) as run:
        assert (run.attempt, run.checkpoint_data, run.once("answer", lambda: 0)) == (2, {"next": 1}, 42)


def test_a_cancelled_block_hears_it_and_does_not_complete(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(JobStopped, match="fenced"), claimed(job.pk) as run:  # noqa: PT012 the block is what is tested
        transitions.command(job.pk, "cancel", actor=ann)
        wait_until(lambda: run.stopping, what="the end of the run")
        with pytest.raises(JobStopped):
            run.write("too late")

    job.refresh_from_db()
    assert (job.state, job.text) == ("cancelled", "")


def test_a_block_that_was_fenced_a_moment_ago_does_not_complete(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(JobStopped, match="fenced"), claimed(job.pk):
        transitions.command(job.pk, "cancel", actor=ann)

    job.refresh_from_db()
    assert job.state == "cancelled"


def test_a_block_whose_time_is_over_is_put_back_whatever_it_does(ann: Any) -> None:
    job = runs.create(ann, "test.stream", timeout_seconds=0.2)

    with pytest.raises(JobStopped, match="timeout"), claimed(job.pk):
        wait_until(lambda: Job.objects.filter(pk=job.pk, state="created").exists(), what="the job put back")

    job.refresh_from_db()
    assert (job.attempt, job.failures) == (2, 1)
    assert reasons(job) == ["", "", "timeout"]


def test_only_a_job_that_waits_can_be_claimed(ann: Any) -> None:
    with pytest.raises(JobNotFound), claimed("nothing"):
        pass

    job = runs.create(ann, "test.stream")
    with claimed(job.pk), pytest.raises(JobNotClaimable, match=r"is running: worker .+ holds it"), claimed(job.pk):
        pass
    with pytest.raises(JobNotClaimable, match="is completed"), claimed(job.pk):
        pass

    later = runs.create(ann, "test.stream", run_at=from_ts(now_ts()) + timedelta(hours=1))
    with pytest.raises(JobNotClaimable, match="waits until"), claimed(later.pk):
        pass
    assert Worker.objects.count() == 1, "a claim that failed leaves no worker behind"


def test_one_of_many_claims_at_once_succeeds(ann: Any) -> None:
    job = runs.create(ann, "test.stream")
    together, done = threading.Barrier(8), threading.Event()
    got: list[bool] = []

    def claim() -> None:
        together.wait()
        try:
            with claimed(job.pk):
                got.append(True)
                done.wait(10)
        except JobNotClaimable:
            got.append(False)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(got) == 8, what="the answers of all")
    done.set()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_a_claim_inside_a_transaction_is_refused(ann: Any) -> None:
    job = runs.create(ann, "test.stream")

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), claimed(job.pk):
        pass


def test_progress_is_reported_from_deep_inside_a_handler(ann: Any) -> None:
    job = runs.create(ann, "test.report", input={"user_id": ann.pk})

    with runs.worker(types=["test.report"]):
        done = runs.ended(job.pk)

    assert (done.state, [step["name"] for step in done.steps]) == ("completed", ["Near", "Far"])


def test_progress_is_reported_for_a_claimed_job_by_its_owner_alone(ann: Any, bob: Any) -> None:
    job = runs.create(ann, "test.stream")

    with claimed(job.pk):
        publish_job_progress(job.pk, str(ann.pk), "running", "Generating", 40)
        with pytest.raises(ValueError, match="not a job of user"):
            publish_job_progress(job.pk, bob.pk, "running", "Generating", 41)
        with pytest.raises(ValueError, match="completes when its handler returns"):
            publish_job_progress(job.pk, ann.pk, "completed", None, 100)
        with pytest.raises(ValueError, match="0 to 100"):
            publish_job_progress(job.pk, ann.pk, "running", None, 101)
        wait_until(lambda: Job.objects.get(pk=job.pk).progress == 40, what="the progress in the row")


def test_progress_without_a_claim_is_a_clear_error(ann: Any) -> None:
    job = runs.create(ann, "test.stream")
    with claimed(job.pk):
        pass

    with pytest.raises(JobNotClaimed, match="inside `with claimed"):
        publish_job_progress(job.pk, ann.pk, "running", "Generating", 40)
