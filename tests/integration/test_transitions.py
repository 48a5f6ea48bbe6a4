"""Every change of a row: what it does, what it refuses, and that the row is always the fold of what was published."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone

from jobs import transitions
from jobs.errors import CommandConflict, JobExists, JobNotFound, LeaseLost
from jobs.events import FoldedJob
from jobs.models import Job, JobText, JobTransition, folded
from jobs.recorder import Recorder
from jobs.transitions import NewJob
from realtime import event_log, publisher
from realtime.layers import group_channel
from realtime.position import CLOSED, ORIGIN, Position, Verdict, judge
from realtime.publisher import Append, Entry
from realtime.redis_client import breaker
from realtime.topics import job_group, user_group
from tests import runs
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def publish(recorder: Recorder) -> None:
    if append := recorder.take():
        assert publisher.publish([append], still_true=lambda append: False) == [True]


def events(job_id: str) -> list[dict[str, Any]]:
    return [json.loads(entry.json) for entry in event_log.read_after([(job_id, ORIGIN)])[0]]


def check(job_id: str) -> Job:
    """The row is the fold of all events of the log; returns it."""
    job, view = Job.objects.get(pk=job_id), FoldedJob()
    for event in events(job_id):
        assert judge(view.position, event) is Verdict.FOLLOWS, (view.position, event)
        view.fold(event)
    assert folded(job).fields() == view.fields()
    return job


def stopped(owner: Any, state: str) -> Job:
    """Return a job in `state`, with some text where it ran."""
    job = runs.create(owner)
    if state in ("running", "completed", "failed"):
        _, recorder = runs.claim()
        recorder.write("text")
        recorder.progress(30, "one", None)
        publish(recorder)
        transitions.flush([recorder.flush()])
        if state == "completed":
            transitions.complete(recorder.flush(), {"ok": True})
        elif state == "failed":
            transitions.fail(recorder.flush(), code="broken", message="It is broken.")
    elif state in ("paused", "cancelled"):
        transitions.command(job.pk, "pause" if state == "paused" else "cancel", actor=owner)
    return Job.objects.get(pk=job.pk)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same moment in threads; returns what each returned or raised."""
    barrier = Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def work(index: int) -> None:
        barrier.wait()
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# create


def test_a_created_job_is_at_1_0_and_in_the_log(ann: Any) -> None:
    job = runs.create(ann, "test.stream", job_id="j1", query="why")

    assert str(check("j1").position) == "1-0"
    assert [event["data"]["state"] for event in events("j1")] == ["created"]
    assert [step["state"] for step in job.steps] == ["pending", "pending"]
    assert JobTransition.objects.get().actor == ann


def test_the_same_body_again_is_the_same_job(ann: Any) -> None:
    first = transitions.create(ann, NewJob(type="t", job_id="j1", input={"a": 1, "b": 2.0}))
    again = transitions.create(ann, NewJob(type="t", job_id="j1", input={"b": 2.0, "a": 1}))

    assert (first[1], again[1]) == (True, False)
    assert Job.objects.count() == JobTransition.objects.count() == 1


@pytest.mark.parametrize(
    "changed", [{"query": "other"}, {"input": {"a": True}}, {"priority": 1}, {"max_attempts": 4}, {"timeout_seconds": 5}]
)
def test_another_body_under_the_same_id_is_refused(ann: Any, changed: dict[str, Any]) -> None:
    body: dict[str, Any] = {"type": "t", "job_id": "j1", "input": {"a": 1}}
    transitions.create(ann, NewJob(**body))

    with pytest.raises(JobExists, match="taken by another job"):
        transitions.create(ann, NewJob(**{**body, **changed}))


@pytest.mark.parametrize(
    ("first", "again", "is_same"),
    [
        # (what the body says, the handler's default of the day); None: the body leaves it out
        ((None, 3), (None, 3), True),
        ((None, 3), (None, 5), True),
        ((None, 3), (3, 3), True),
        ((None, 3), (3, 5), True),
        ((3, 3), (None, 3), True),
        ((None, 3), (5, 5), False),
        ((7, 3), (None, 3), False),
        ((7, 3), (3, 3), False),
    ],
)
def test_what_a_body_leaves_out_is_what_was_filled_in(ann: Any, first: Any, again: Any, is_same: bool) -> None:
    def body(said: int | None, default: int) -> NewJob:
        values = {"max_attempts": said or default, "timeout_seconds": float(said or default)}
        return NewJob(type="t", job_id="j1", **values, left_out=frozenset(() if said else values))  # type: ignore[arg-type]

    transitions.create(ann, body(*first))

    if is_same:
        assert transitions.create(ann, body(*again))[1] is False
    else:
        with pytest.raises(JobExists):
            transitions.create(ann, body(*again))


def test_another_owners_id_is_refused(ann: Any, bob: Any) -> None:
    transitions.create(ann, NewJob(type="t", job_id="j1"))

    with pytest.raises(JobExists):
        transitions.create(bob, NewJob(type="t", job_id="j1"))


def test_fifty_creates_at_once_make_one_row(ann: Any) -> None:
    results = together(*[lambda: transitions.create(ann, NewJob(type="t", job_id="j1"))] * 50)

    assert sorted(created for _, created in results) == [False] * 49 + [True]
    assert {job.pk for job, _ in results} == {"j1"}
    assert JobTransition.objects.count() == 1


def test_nothing_is_published_before_the_commit_or_after_a_rollback(ann: Any) -> None:
    with transaction.atomic():
        runs.create(ann, job_id="j1")
        assert events("j1") == []
        transaction.set_rollback(True)
    assert events("j1") == []


# claim


def test_a_claim_takes_due_jobs_of_its_types_by_priority_then_age(ann: Any) -> None:
    runs.create(ann, job_id="old")
    runs.create(ann, job_id="new")
    runs.create(ann, job_id="urgent", priority=5)
    runs.create(ann, "test.other", job_id="other")
    runs.create(ann, job_id="later", run_at=timezone.now() + timedelta(hours=1))

    first = transitions.claim(runs.worker_row(), types=["test.wait"], limit=2)
    second = transitions.claim(runs.worker_row(), types=["test.wait"], limit=2)

    assert [job.pk for job in first] == ["urgent", "old"]
    assert [job.pk for job in second] == ["new"]
    assert str(check("urgent").position) == "1-1"


def test_a_job_that_was_put_off_is_taken_when_its_time_has_come(ann: Any) -> None:
    job = runs.create(ann, run_at=timezone.now() + timedelta(hours=1))
    Job.objects.update(run_at=timezone.now() - timedelta(seconds=1))

    assert runs.claim()[0].pk == job.pk


def test_a_claim_writes_the_queued_event_again_that_the_log_lacks(ann: Any, redis: Any) -> None:
    job = runs.create(ann)
    redis.flushall()

    runs.claim()

    assert [event["seq"] for event in events(job.pk)] == [0, 1]
    check(job.pk)


def test_two_claims_at_once_never_take_the_same_job(ann: Any) -> None:
    for _ in range(20):
        runs.create(ann)
    workers = [runs.worker_row(f"here:{index}") for index in range(4)]

    results = together(*[lambda worker=worker: transitions.claim(worker, types=["test.wait"], limit=10) for worker in workers])

    taken = [job.pk for result in results for job in result]
    assert len(taken) == len(set(taken))
    assert Job.objects.filter(state="running").count() == len(taken)


# flush


def test_a_flush_writes_what_is_new_and_renews_the_lease(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("one ")
    transitions.flush([recorder.flush()])
    Job.objects.update(lease_expires_at=job.created_at)
    recorder.write("two")
    recorder.progress(50, "step", "message")

    result = transitions.flush([recorder.flush()])
    publish(recorder)

    assert result.held == {job.pk}
    assert not Job.objects.orphaned().exists()
    assert [piece.text for piece in JobText.objects.order_by("offset")] == ["one ", "two"]
    assert check(job.pk).whole_text() == "one two"


def test_a_flush_that_was_overtaken_or_repeated_adds_nothing(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("one ")
    early = recorder.flush()
    recorder.write("two ")
    late = recorder.flush()

    for flush in (late, early, late):  # the reply of the first COMMIT was lost: it is made again
        assert transitions.flush([flush]).held == {job.pk}

    job.refresh_from_db()
    assert (job.whole_text(), job.seq, job.text_length) == ("one two ", 3, 8)


def test_a_flush_of_a_lost_attempt_is_fenced_and_others_are_not(ann: Any) -> None:
    lost, old = runs.running(ann)
    other, recorder = runs.running(ann)
    Job.objects.filter(pk=lost.pk).update(lease_expires_at=lost.created_at)
    transitions.rescue(limit=10)
    old.write("stale")

    result = transitions.flush([old.flush(), recorder.flush()])

    assert (set(result.held), set(result.fenced)) == ({other.pk}, {lost.pk})
    assert Job.objects.get(pk=lost.pk).whole_text() == ""


@pytest.mark.locks_rows
def test_a_locked_row_stops_no_other_heartbeat(ann: Any) -> None:
    locked, recorder = runs.running(ann)
    free, other = runs.running(ann)
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=locked.pk)
        (result,) = together(lambda: transitions.flush([recorder.flush(), other.flush()]))

    assert (set(result.held), set(result.fenced)) == ({free.pk}, set())


# complete and fail


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


# the tail of the log at the close


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


# commands: the table of the protocol

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


# back to the queue


def test_an_error_puts_the_job_back_for_later(ann: Any) -> None:
    job, recorder = runs.running(ann)

    transitions.retry_later(recorder.flush(), reason="error", delay_seconds=60, detail="Traceback ...")  # type: ignore[arg-type]

    job = check(job.pk)
    assert (job.state, job.failures, str(job.position)) == ("created", 1, "2-0")
    assert not Job.objects.due().exists()


def test_an_interruption_costs_nothing(ann: Any) -> None:
    job, recorder = runs.running(ann)

    transitions.interrupt(recorder.flush())

    job = check(job.pk)
    assert (job.state, job.failures, job.kills) == ("created", 0, 0)
    assert Job.objects.due().exists()


def test_orphans_go_back_and_others_stay(ann: Any) -> None:
    orphan, _ = runs.running(ann)
    runs.running(ann)
    Job.objects.filter(pk=orphan.pk).update(lease_expires_at=orphan.created_at)

    assert [job.pk for job in transitions.rescue(limit=10)] == [orphan.pk]

    orphan = check(orphan.pk)
    assert (orphan.state, orphan.kills, orphan.attempt) == ("created", 1, 2)
    assert events(orphan.pk)[-1]["data"]["reason"] == "worker_lost"


def test_the_third_kill_is_poison_and_keeps_what_was_seen(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("last words")
    publish(recorder)
    Job.objects.update(kills=2, lease_expires_at=job.created_at)

    transitions.rescue(limit=10)

    job = check(job.pk)
    assert (job.state, job.text, (job.error or {})["code"]) == ("failed", "last words", "poison")


def test_three_rescuers_at_once_rescue_once(ann: Any) -> None:
    for _ in range(10):
        runs.running(ann)
    Job.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))

    results = together(*[lambda: transitions.rescue(limit=10)] * 3)

    assert sum(len(result) for result in results) == 10
    assert set(Job.objects.values_list("attempt", "kills")) == {(2, 1)}


# a log from another life


def test_a_log_from_another_life_is_written_anew(ann: Any) -> None:
    """The database was restored, the log was not: the log holds later events than the row."""
    other = {"type": "text", "jobId": "j1", "attempt": 7, "seq": 3, "ts": 1, "data": {"offset": 0, "text": "old"}}
    event_log.append([Append("j1", [Entry(Position(7, 3), json.dumps(other))])])

    runs.create(ann, job_id="j1")

    assert [(event["attempt"], event["seq"]) for event in events("j1")] == [(1, 0)]


def test_a_refused_append_of_a_lost_attempt_stays_out(ann: Any) -> None:
    job, old = runs.running(ann)
    Job.objects.update(lease_expires_at=job.created_at)
    transitions.rescue(limit=1)
    old.write("stale")
    append = old.take()
    assert append
    from jobs.publishing import _still_held

    assert publisher.publish([append], still_true=_still_held) == [False]
    check(job.pk)


# edits


def test_the_turn_of_a_created_job_can_be_changed(ann: Any) -> None:
    later = timezone.now() + timedelta(hours=1)
    job = runs.create(ann)

    changed = transitions.edit(job.pk, priority=9, run_at=later)

    assert (changed.priority, changed.run_at, changed.edits, changed.position) == (9, later, 1, job.position)
    assert transitions.edit(job.pk, run_at=None).run_at is None


def test_the_turn_of_a_running_job_cannot(ann: Any) -> None:
    job, _ = runs.running(ann)

    with pytest.raises(CommandConflict, match="running"):
        transitions.edit(job.pk, priority=9)


# delete


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_a_deleted_job_keeps_its_id_and_nothing_else(ann: Any, state: str) -> None:
    job = stopped(ann, state)

    transitions.delete(job.pk, actor=ann)

    assert not Job.objects.filter(pk=job.pk).exists()
    assert events(job.pk) == []
    left = Job.with_deleted.get(pk=job.pk)
    assert (left.state, left.text, left.text_length, left.query, left.input, left.result) == (state, "", 0, "", {}, None)
    assert (left.error, left.checkpoint, left.steps, left.step, left.queued_event, left.closed_event) == (None, None, [], None, "", None)
    assert set(left.transitions.values_list("detail", flat=True)) == {""}
    assert left.transitions.order_by("id").last().actor == ann  # type: ignore[union-attr]


@pytest.mark.parametrize("state", ["created", "running", "paused"])
def test_a_job_that_has_not_ended_is_not_deleted(ann: Any, state: str) -> None:
    job = stopped(ann, state)

    with pytest.raises(CommandConflict, match="cancel it first") as conflict:
        transitions.delete(job.pk, actor=ann)

    assert conflict.value.state == state
    check(job.pk)


def test_the_id_of_a_deleted_job_is_taken_and_the_job_is_not_found(ann: Any) -> None:
    body = NewJob(type="t", job_id="j1")
    transitions.create(ann, body)
    transitions.command("j1", "cancel", actor=ann)
    transitions.delete("j1", actor=ann)

    with pytest.raises(JobExists):
        transitions.create(ann, body)
    for action in transitions.ACTIONS:
        with pytest.raises(JobNotFound):
            transitions.command("j1", action, actor=ann)
    for gone in (lambda: transitions.delete("j1", actor=ann), lambda: transitions.edit("j1", priority=1)):
        with pytest.raises(JobNotFound):
            gone()


def test_ten_deletes_at_once_are_one(ann: Any) -> None:
    job = stopped(ann, "completed")

    results = together(*[lambda: transitions.delete(job.pk, actor=ann)] * 10)

    assert sorted(type(result).__name__ for result in results) == ["JobNotFound"] * 9 + ["NoneType"]
    assert JobTransition.objects.filter(target="deleted").count() == 1


def test_who_watches_is_told_of_a_deletion(ann: Any, redis: Any) -> None:
    job = stopped(ann, "completed")
    watched = redis.pubsub()
    watched.subscribe(group_channel(job_group(job.pk)), group_channel(user_group(ann.pk)))

    transitions.delete(job.pk, actor=ann)

    told = wait_until(lambda: (message := watched.get_message()) and message["type"] == "message" and message["data"], what="a nudge")
    assert b"job.deleted" in told
    assert b"jobs.changed" in wait_until(lambda: (watched.get_message() or {}).get("data"), what="a nudge of the list")
    watched.close()


def test_without_redis_a_job_is_deleted_all_the_same(ann: Any) -> None:
    job = stopped(ann, "completed")
    breaker._open()

    transitions.delete(job.pk, actor=ann)

    assert not Job.objects.exists()
    breaker._failed = False
