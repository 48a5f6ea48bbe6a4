"""An attempt ends: with all that was written, and only if it holds the job."""

import json
from typing import Any

import pytest

from jobs import transitions
from jobs.errors import LeaseLost
from jobs.models import Job, JobText, JobTransition
from realtime import event_log
from realtime.position import CLOSED, Position
from realtime.publisher import Append, Entry
from realtime.redis_client import breaker
from tests import runs
from tests.rows import check, events, publish

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_a_completed_job_has_its_text_its_result_and_its_end(ann: Any) -> None:
    job, recorder = runs.running(ann, "test.stream")
    recorder.progress(50, "Generating", None)
    recorder.write("text")
    publish(recorder)

    transitions.complete(recorder.flush(), {"n": 1})

    job = check(job.pk)
    assert (job.state, job.seq, job.text, job.result, job.progress) == ("completed", CLOSED, "text", {"n": 1}, 100)
    assert [step["state"] for step in job.steps] == ["pending", "done"]
    assert (job.worker, job.lease_expires_at, job.last_seq) == (None, None, 3)
    assert not JobText.objects.exists()


def test_what_was_not_published_yet_goes_out_before_the_end(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("last words")
    append = recorder.take()
    assert append
    flush = recorder.flush()

    transitions.complete(transitions.Flush(**{**flush.__dict__, "unpublished": append.entries}), None)

    check(job.pk)
    assert events(job.pk)[-2]["data"] == {"offset": 0, "text": "last words"}


def test_a_large_result_is_in_the_row_alone(ann: Any) -> None:
    job, recorder = runs.running(ann)

    transitions.complete(recorder.flush(), "x" * 40_000)

    job.refresh_from_db()
    assert len(job.result or "") == 40_000
    assert (events(job.pk)[-1]["data"]["result"], events(job.pk)[-1]["data"]["more"]) == (None, True)


def test_a_failed_job_says_why(ann: Any) -> None:
    job, recorder = runs.running(ann)
    publish(recorder)

    transitions.fail(recorder.flush(), code="broken", message="It is broken.", detail="Traceback ...", failures=1)

    job = check(job.pk)
    assert (job.state, job.error, job.failures) == ("failed", {"code": "broken", "message": "It is broken."}, 1)
    assert JobTransition.objects.get(target="failed").detail == "Traceback ..."


@pytest.mark.parametrize("end", ["complete", "fail", "interrupt", "retry_later"])
def test_a_lost_attempt_ends_nothing(ann: Any, end: str) -> None:
    job, old = runs.running(ann)
    Job.objects.update(lease_expires_at=job.created_at)
    transitions.rescue(limit=1)
    runs.claim()
    before = Job.objects.get(pk=job.pk)

    with pytest.raises(LeaseLost):
        {
            "complete": lambda: transitions.complete(old.flush(), 1),
            "fail": lambda: transitions.fail(old.flush(), code="c", message="m"),
            "interrupt": lambda: transitions.interrupt(old.flush()),
            "retry_later": lambda: transitions.retry_later(old.flush(), reason="error", delay_seconds=0, detail=""),  # type: ignore[arg-type]
        }[end]()

    after = Job.objects.get(pk=job.pk)
    assert (after.position, after.state, after.failures) == (before.position, "running", 0)


def test_cancel_keeps_what_viewers_have_seen_and_the_row_has_not(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("flushed ")
    publish(recorder)
    transitions.flush([recorder.flush()])
    recorder.write("published")
    publish(recorder)

    transitions.command(job.pk, "cancel", actor=ann)

    assert check(job.pk).text == "flushed published"


def test_a_log_that_does_not_fit_ends_the_tail(ann: Any, redis: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("good ")
    publish(recorder)
    bad = {"type": "text", "jobId": job.pk, "attempt": 1, "seq": 3, "ts": 1, "data": {"offset": 99, "text": "bad"}}
    event_log.append([Append(job.pk, [Entry(Position(1, 3), json.dumps(bad))])])

    transitions.command(job.pk, "cancel", actor=ann)

    assert Job.objects.get(pk=job.pk).text == "good "


def test_a_hole_in_the_log_ends_the_tail(ann: Any, redis: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("one ")
    lost = recorder.take()
    recorder.write("two ")
    publish(recorder)
    assert lost

    transitions.command(job.pk, "cancel", actor=ann)

    assert Job.objects.get(pk=job.pk).text == ""


def test_without_redis_a_job_is_cancelled_as_the_row_knows_it(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job, recorder = runs.running(ann)
    recorder.write("flushed")
    transitions.flush([recorder.flush()])
    breaker._open()

    transitions.command(job.pk, "cancel", actor=ann)

    assert Job.objects.get(pk=job.pk).text == "flushed"
    breaker._failed = False
