"""What people do to jobs: the table of the protocol, repeated, at once, and to an attempt."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from jobs import transitions
from jobs.errors import CommandConflict, JobNotFound
from jobs.models import Job, JobTransition
from realtime.position import CLOSED, Position
from tests import runs
from tests.rows import check, events, publish, stopped, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


OUTCOMES = {
    #            created     running     paused      completed   failed      cancelled
    "cancel":  ("cancelled", "cancelled", "cancelled", "conflict", "conflict", "again"),
    "pause":   ("paused",    "paused",    "again",     "conflict", "conflict", "conflict"),
    "resume":  ("conflict",  "conflict",  "created",   "conflict", "conflict", "conflict"),
    "retry":   ("conflict",  "conflict",  "conflict",  "conflict", "created",  "created"),
}  # fmt: skip
STATES = ("created", "running", "paused", "completed", "failed", "cancelled")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", OUTCOMES)
def test_command(ann: Any, action: str, state: str) -> None:
    before, expected = stopped(ann, state), OUTCOMES[action][STATES.index(state)]
    logged = len(events(before.pk))

    if expected == "conflict":
        with pytest.raises(CommandConflict) as conflict:
            transitions.command(before.pk, action, actor=ann)
        assert conflict.value.state == state
    else:
        transitions.command(before.pk, action, actor=ann)

    after = check(before.pk)
    assert after.state == (state if expected in ("conflict", "again") else expected)
    if expected in ("conflict", "again"):
        assert after.position == before.position
        assert len(events(before.pk)) == logged


def test_cancelling_a_paused_job_opens_and_closes_an_attempt_that_keeps_all(ann: Any) -> None:
    job, recorder = runs.running(ann, "test.stream")
    recorder.progress(20, "Analyzing", None)
    recorder.write("kept")
    publish(recorder)
    transitions.command(job.pk, "pause", actor=ann)

    transitions.command(job.pk, "cancel", actor=ann)

    job = check(job.pk)
    assert (job.state, job.position, job.text, job.progress) == ("cancelled", Position(2, CLOSED), "kept", 20)
    opened, closed = events(job.pk)[-2:]
    assert (opened["data"]["keepText"], opened["data"]["keepSeq"], closed["data"]["lastSeq"]) == (4, 3, 0)


def test_a_job_that_never_ran_is_cancelled_at_last_seq_0(ann: Any) -> None:
    job = stopped(ann, "cancelled")

    assert (job.position, job.last_seq) == (Position(1, CLOSED), 0)


def test_a_hundred_cancels_are_one(ann: Any) -> None:
    job, _ = runs.running(ann)

    results = together(*[lambda: transitions.command(job.pk, "cancel", actor=ann)] * 100)

    assert {str(result.position) for result in results} == {f"1-{CLOSED}"}
    assert JobTransition.objects.filter(target="cancelled").count() == 1
    assert [event["seq"] for event in events(job.pk)] == [0, 1, CLOSED]


def test_again_means_done_only_when_this_action_did_it(ann: Any) -> None:
    job = stopped(ann, "failed")
    transitions.command(job.pk, "retry", actor=ann)

    assert transitions.command(job.pk, "retry", actor=ann).attempt == 2
    with pytest.raises(CommandConflict):
        transitions.command(job.pk, "resume", actor=ann)
    runs.claim()
    assert transitions.command(job.pk, "retry", actor=ann).attempt == 2


@pytest.mark.parametrize(
    ("state", "action", "if_attempt", "expected"),
    [
        ("running", "cancel", 1, "cancelled"),
        ("running", "cancel", 2, "conflict"),
        ("paused", "cancel", 1, "cancelled"),
        ("failed", "retry", 1, "created"),
        ("failed", "retry", 2, "conflict"),
        ("paused", "resume", 1, "created"),
    ],
)
def test_if_attempt(ann: Any, state: str, action: str, if_attempt: int, expected: str) -> None:
    job = stopped(ann, state)

    if expected == "conflict":
        with pytest.raises(CommandConflict, match="at attempt 1, not 2"):
            transitions.command(job.pk, action, actor=ann, if_attempt=if_attempt)
        return
    first = transitions.command(job.pk, action, actor=ann, if_attempt=if_attempt)
    again = transitions.command(job.pk, action, actor=ann, if_attempt=if_attempt)

    assert (first.state, again.position) == (expected, first.position)


def test_if_attempt_does_not_cancel_what_went_on_by_something_else(ann: Any) -> None:
    job = stopped(ann, "failed")
    transitions.command(job.pk, "retry", actor=ann)
    transitions.command(job.pk, "cancel", actor=ann, if_attempt=2)

    with pytest.raises(CommandConflict):
        transitions.command(job.pk, "cancel", actor=ann, if_attempt=1)


def test_a_repeated_retry_of_attempt_1_does_not_retry_attempt_2(ann: Any) -> None:
    job = stopped(ann, "failed")
    transitions.command(job.pk, "retry", actor=ann, if_attempt=1)
    _, recorder = runs.claim()
    transitions.fail(recorder.flush(), code="c", message="m")

    assert transitions.command(job.pk, "retry", actor=ann, if_attempt=1).state == "failed"
    assert transitions.command(job.pk, "retry", actor=ann).attempt == 3


def test_a_retry_by_a_person_clears_the_budgets(ann: Any) -> None:
    job = stopped(ann, "failed")
    Job.objects.update(failures=3, kills=2, run_at=timezone.now() + timedelta(hours=1))

    job = transitions.command(job.pk, "retry", actor=ann)

    assert (job.failures, job.kills, job.run_at) == (0, 0, None)


def test_staff_is_named_as_the_reason(ann: Any, staff: Any) -> None:
    job = runs.create(ann)

    transitions.command(job.pk, "cancel", actor=staff)

    assert events(job.pk)[-1]["data"]["reason"] == "staff"
    assert JobTransition.objects.get(target="cancelled").actor == staff


def test_a_job_that_is_not_there_is_not_found(ann: Any) -> None:
    for action in transitions.ACTIONS:
        with pytest.raises(JobNotFound):
            transitions.command("nobody", action, actor=ann)


@pytest.mark.parametrize("other", ["complete", "flush", "pause"])
def test_cancel_racing_another_change_ends_in_one_state(ann: Any, other: str) -> None:
    for _ in range(10):
        job, recorder = runs.running(ann)
        recorder.write("text")
        publish(recorder)
        rivals: dict[str, Callable[[], Any]] = {
            "complete": partial(transitions.complete, recorder.flush(), None),
            "flush": partial(transitions.flush, [recorder.flush()]),
            "pause": partial(transitions.command, job.pk, "pause", actor=ann),
        }
        cancelled, _ = together(partial(transitions.command, job.pk, "cancel", actor=ann), rivals[other])

        after = check(job.pk)
        assert after.state in ("cancelled", "completed")
        assert isinstance(cancelled, CommandConflict) == (after.state == "completed")
        assert after.text == "text"
