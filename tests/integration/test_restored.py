"""After `manage.py restored` everything goes on from the rows, and no position is given out twice."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from jobs import transitions
from jobs.events import FoldedJob
from jobs.management.commands import restored
from jobs.models import Job, JobTransition, folded
from realtime import publisher
from realtime.position import CLOSED, Position, Verdict, judge
from tests import runs
from tests.rows import events, publish
from tests.sockets import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def one_of_each(owner: Any) -> dict[str, Job]:
    """Return a job in each state, the running one with text after its checkpoint."""
    for job_id in ("created", "running", "paused", "completed", "failed", "cancelled", "deleted"):
        runs.create(owner, f"test.{job_id}", job_id=job_id, steps=("one",))
    for job_id in ("completed", "failed", "running"):
        _, recorder = runs.claim(f"test.{job_id}")
        recorder.write("kept ")
        flush, _ = recorder.checkpoint()
        transitions.checkpoint(flush, {"next": 1})
        recorder.write("and more")
        publish(recorder)
        transitions.flush([recorder.flush()])
        if job_id == "completed":
            transitions.complete(recorder.flush(), 1)
        elif job_id == "failed":
            transitions.fail(recorder.flush(), code="c", message="m")
    transitions.command("paused", "pause", actor=owner)
    for job_id in ("cancelled", "deleted"):
        transitions.command(job_id, "cancel", actor=owner)
    transitions.delete("deleted", actor=owner)
    return {job.pk: job for job in Job.with_deleted.all()}


def test_each_job_goes_on_under_an_attempt_that_nobody_has_seen(ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = one_of_each(ann)

    call_command("restored")

    assert capsys.readouterr().out == ("7 jobs go on from what the backup says: 2 cancelled, 1 completed, 2 created, 1 failed, 1 paused.\n")
    for job in Job.with_deleted.all():
        was = before[job.pk]
        assert job.attempt == was.attempt + 1000
        if was.state != "running":
            assert (job.state, job.seq, folded(job).fields()) == (was.state, was.seq, {**folded(was).fields(), **_place(job)})
            assert job.last_seq == was.last_seq
    ran = Job.objects.get(pk="running")
    assert (ran.state, ran.seq, ran.text, ran.failures, ran.kills) == ("created", 0, "kept ", 0, 0)
    assert JobTransition.objects.filter(job=ran).latest("id").reason == "interrupted"


def _place(job: Job) -> dict[str, Any]:
    return {"position": str(job.position), "attempt": job.attempt}


def test_the_logs_hold_nothing_but_what_waits_now(ann: Any) -> None:
    one_of_each(ann)

    call_command("restored")

    for job_id in ("paused", "completed", "failed", "cancelled", "deleted"):
        assert events(job_id) == []
    for job_id in ("created", "running"):
        (event,) = events(job_id)
        assert (event["attempt"], event["seq"], event["data"]["state"]) == (1001, 0, "created")
        assert event == json.loads(Job.objects.get(pk=job_id).queued_event)


@pytest.mark.parametrize("state", ["paused", "failed", "cancelled"])
def test_what_was_stopped_can_go_on(ann: Any, state: str) -> None:
    one_of_each(ann)
    call_command("restored")

    transitions.command(state, "resume" if state == "paused" else "retry", actor=ann)
    job, recorder = runs.claim(f"test.{state}")
    recorder.write("new")
    transitions.complete(recorder.flush(), None)

    job.refresh_from_db()
    assert job.position == Position(1002, CLOSED)
    assert job.text == ("kept new" if state == "failed" else "new")


def test_a_paused_job_can_be_cancelled(ann: Any) -> None:
    one_of_each(ann)
    call_command("restored")

    transitions.command("paused", "cancel", actor=ann)

    view = folded(Job.objects.get(pk="paused"))
    assert (view.state, view.position) == ("cancelled", Position(1002, CLOSED))
    assert [event["seq"] for event in events("paused")] == [0, CLOSED]


def test_a_run_that_goes_on_over_the_restore_is_fenced(ann: Any) -> None:
    job, old = runs.running(ann)
    call_command("restored")
    old.write("stale")

    assert transitions.flush([old.flush()]).fenced == {job.pk}
    append = old.take()
    assert append
    assert publisher.publish([append], still_true=lambda append: False) == [False]


def test_all_jobs_are_reached_batch_after_batch_and_again_is_harmless(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restored, "BATCH", 2)
    for _ in range(5):
        runs.create(ann)

    call_command("restored")
    call_command("restored")

    assert set(Job.objects.values_list("attempt", flat=True)) == {2001}


def test_who_watched_the_lost_life_gets_a_snapshot_and_goes_on(ann: Any, live: LiveServer) -> None:
    """The viewer has events up to 1-4; the backup is from 1-2, and the job goes on from there."""
    job, recorder = runs.running(ann)
    viewer = live.signed_in(ann)
    viewer.subscribe(f"job:{job.pk}")
    view = FoldedJob(viewer.until("snapshot")["job"])
    recorder.write("backed up ")
    publish(recorder)
    transitions.flush([recorder.flush()])
    for text in ("lost ", "too"):
        recorder.write(text)
        publish(recorder)
    given_out: dict[Position, Any] = {}
    for event in viewer.events(3):
        assert judge(view.position, event) is Verdict.FOLLOWS
        view.fold(event)
        given_out[view.position] = event
    assert view.text == "backed up lost too"

    call_command("restored")

    snapshot = viewer.until("snapshot")
    assert (snapshot["position"], snapshot["job"]["streamingText"]) == ("1001-0", "")
    view = FoldedJob(snapshot["job"])
    _, recorder = runs.claim()
    recorder.write("new")
    publish(recorder)
    for event in viewer.events(2):
        assert judge(view.position, event) is Verdict.FOLLOWS
        view.fold(event)
        assert view.position not in given_out
    assert view.text == "new"
