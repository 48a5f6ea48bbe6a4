"""An attempt ends: completed, failed, cancelled or paused."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from jobs.errors import JobNotFound, LeaseLost
from jobs.events import RESULT_IN_EVENT_BYTES, Damaged, Event, FoldedJob, encode, end_steps, iso_time, text_sha256
from jobs.lifecycle import TERMINAL, State
from jobs.metrics import count_close
from jobs.models import Job, JobText, JobTransition, folded, from_ts
from jobs.transitions.announce import announce, announce_stop, encoded_entry, now_ts, state_event
from jobs.transitions.flush import Flush
from realtime import event_log
from realtime.errors import RedisUnavailable
from realtime.position import CLOSED, Position, Verdict, judge
from realtime.publisher import Append, Entry


def complete(flush: Flush, result: Any) -> Job:
    """Complete the run: its last events and its result, in one transaction. Raises LeaseLost when the attempt does not hold the job."""
    with transaction.atomic():
        job = lock_held(flush)
        return close_locked(job, State.COMPLETED, view=flushed(job, flush), result=result, before=flush.unpublished)


def fail(flush: Flush, *, code: str, message: str, reason: str | None = None, detail: str = "", failures: int = 0) -> Job:
    """Fail the run for good. `detail` is for staff. Raises LeaseLost when the attempt does not hold the job."""
    with transaction.atomic():
        job = lock_held(flush)
        job.failures += failures
        error = {"code": code, "message": message}
        view, before = flushed(job, flush), flush.unpublished
        return close_locked(job, State.FAILED, view=view, reason=reason, error=error, detail=detail, before=before)


def lock(job_id: str) -> Job:
    """Return the row, locked until the end of the transaction; raises JobNotFound."""
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    return job


def lock_held(flush: Flush) -> Job:
    """Return the row of a run, locked; raises LeaseLost when another attempt, or nobody, holds the job."""
    job = Job.objects.select_for_update().filter(pk=flush.job_id, attempt=flush.attempt, state=State.RUNNING).first()
    if job is None:
        raise LeaseLost
    return job


def flushed(job: Job, flush: Flush) -> FoldedJob:
    """Return the folded row with what a run's flush adds to it. A flush that was overtaken adds nothing."""
    view = folded(job)
    if flush.seq > job.seq:
        view.chunks.append(flush.new_text(job.text_length))
        view.text_length = flush.text_length
        view.progress, view.step, view.steps, view.message = flush.progress, flush.step, flush.steps, flush.message
        view.position = Position(flush.attempt, flush.seq)
    return view


def tail_of(job_id: str) -> list[Entry]:
    """Return what the log has of the job's attempt, to be folded in at the close; nothing while Redis does not answer."""
    position = Job.objects.filter(pk=job_id, state=State.RUNNING).values_list("attempt", "seq").first()
    if position is None:
        return []
    try:
        return event_log.read_after([(job_id, Position(*position))])[0]
    except RedisUnavailable:
        return []


def with_tail(job: Job, tail: Sequence[Entry]) -> FoldedJob:
    """Return the folded row with the log's events after the row's own position; one that does not fit ends them."""
    view = folded(job)
    for position, text in tail:
        event = json.loads(text)
        verdict = judge(view.position, event)
        if position.attempt != job.attempt or position.seq == CLOSED or verdict is Verdict.GAP:
            break
        if verdict is Verdict.FOLLOWS:
            try:
                view.fold(event)
            except (Damaged, KeyError, TypeError):
                break
    return view


def closing_event(
    job_id: str,
    attempt: int,
    state: State,
    *,
    ts: int,
    view: FoldedJob,
    reason: str | None = None,
    result: Any = None,
    error: dict[str, str] | None = None,
) -> Event:
    """Return the event that closes an attempt whose folded fields are `view`: with it the row is what the event says."""
    steps = end_steps(view.steps, completed=state == State.COMPLETED, at=iso_time(ts))
    progress = 100 if state == State.COMPLETED else view.progress
    shown, more = (result, {}) if len(encode(result).encode()) <= RESULT_IN_EVENT_BYTES else (None, {"more": True})
    return state_event(
        job_id, Position(attempt, CLOSED), ts, state, reason,
        lastSeq=view.position.seq, textLength=view.text_length, textSha256=text_sha256(view.chunks),
        progress=progress, step=view.step, steps=steps, message=view.message, result=shown, error=error, **more,
    )  # fmt: skip


def close_locked(
    job: Job,
    state: State,
    *,
    view: FoldedJob,
    reason: str | None = None,
    result: Any = None,
    error: dict[str, str] | None = None,
    actor: Any = None,
    detail: str = "",
    before: Sequence[Entry] = (),
) -> Job:
    """Close the attempt of a locked row, whose folded fields are `view`, and announce it. `before` is published in front of it."""
    source, worker_id, has_pieces = job.state, job.worker_id, job.has_pieces
    event = closing_event(job.pk, job.attempt, state, ts=now_ts(), view=view, reason=reason, result=result, error=error)
    closed = event["data"]
    job.state, job.seq, job.closed_event = state, CLOSED, encode(event)
    job.progress, job.step, job.steps, job.message = closed["progress"], closed["step"], closed["steps"], closed["message"]
    job.text, job.text_length, job.result, job.error = view.text, view.text_length, result, error
    job.worker = job.lease_expires_at = None
    job.updated_at = from_ts(event["ts"])
    job.finished_at = job.updated_at if state in TERMINAL else None
    job.save()
    if has_pieces:
        JobText.objects.filter(job=job).delete()
    JobTransition.objects.create(
        job=job, at=job.updated_at, source=source, target=state, attempt=job.attempt, reason=reason or "", actor=actor, detail=detail
    )
    announce([Append(job.pk, [*before, encoded_entry(event)])], lists=[job])
    count_close(job, source=source, reason=reason)
    if worker_id and actor:
        announce_stop(worker_id, job.pk, job.attempt, state)
    return job
