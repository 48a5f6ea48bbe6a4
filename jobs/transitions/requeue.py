"""A job goes back to the queue: the next attempt starts from the last checkpoint."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from jobs.events import encode
from jobs.lifecycle import Reason, State
from jobs.models import Job, JobText, JobTransition, from_ts
from jobs.text import cut, utf16_length
from jobs.transitions.announce import announce, announce_lists, announce_work, encoded_entry, now_ts, state_event
from jobs.transitions.checkpoint import start_of
from jobs.transitions.close import close_locked, lock_held, tail_of, with_tail
from jobs.transitions.flush import Flush
from realtime.position import Position
from realtime.publisher import Append, Entry

KILLS_LIMIT = 3
"""So many lost workers without a new checkpoint between them, and the job is held to be what kills them."""


def retry_later(flush: Flush, *, reason: Reason, delay_seconds: float, detail: str) -> Job:
    """Put a run that ended by an error back, to be tried again after a while. Raises LeaseLost."""
    with transaction.atomic():
        job = lock_held(flush)
        job.failures += 1
        job.run_at = from_ts(now_ts()) + timedelta(seconds=delay_seconds)
        return requeue_locked(job, reason, detail=detail, before=flush.unpublished)


def interrupt(flush: Flush) -> Job:
    """Put a run back whose worker ends; that costs nothing. Raises LeaseLost."""
    with transaction.atomic():
        return requeue_locked(lock_held(flush), Reason.INTERRUPTED, before=flush.unpublished)


def rescue(*, limit: int) -> list[Job]:
    """Put back up to `limit` jobs whose lease is over; a job that lost its worker too often fails as poison."""
    poisonous = Job.objects.orphaned().filter(kills__gte=KILLS_LIMIT - 1).values_list("pk", flat=True)[:limit]
    tails = {job_id: tail_of(job_id) for job_id in poisonous}
    with transaction.atomic():
        jobs = list(Job.objects.orphaned().order_by("lease_expires_at").select_for_update(skip_locked=True)[:limit])
        return [_rescue_locked(job, tails.get(job.pk, [])) for job in jobs]


def _rescue_locked(job: Job, tail: Sequence[Entry]) -> Job:
    job.kills += 1
    if job.kills < KILLS_LIMIT:
        return requeue_locked(job, Reason.WORKER_LOST)
    error = {"code": "poison", "message": f"The worker was lost {job.kills} times while it ran this job."}
    return close_locked(job, State.FAILED, view=with_tail(job, tail), reason=Reason.POISON, error=error)


def requeue_locked(job: Job, reason: Reason, *, actor: Any = None, detail: str = "", before: Sequence[Entry] = ()) -> Job:
    """Begin the next attempt of a locked row from its last checkpoint, and announce it."""
    ts = now_ts()
    source, start = job.state, start_of(job)
    job.text = cut(job.whole_text(), start["textLength"])
    job.text_length = utf16_length(job.text)
    shown = {key: start[key] for key in ("progress", "step", "steps", "message")}
    event = state_event(
        job.pk, Position(job.attempt + 1, 0), ts, State.CREATED, reason,
        keepText=job.text_length, keepSeq=start["seq"] if start["attempt"] == job.attempt else 0, **shown,
    )  # fmt: skip
    job.attempt, job.seq, job.state, job.queued_event = job.attempt + 1, 0, State.CREATED, encode(event)
    job.progress, job.step, job.steps, job.message = shown["progress"], shown["step"], shown["steps"], shown["message"]
    job.result = job.error = job.started_at = job.finished_at = job.worker = job.lease_expires_at = None
    job.updated_at = from_ts(ts)
    job.save()
    JobText.objects.filter(job=job).delete()
    JobTransition.objects.create(
        job=job, at=from_ts(ts), source=source, target=State.CREATED, attempt=job.attempt, reason=reason, actor=actor, detail=detail
    )
    announce([Append(job.pk, [*before, encoded_entry(event)])])
    announce_lists([job])
    if job.run_at is None or job.run_at <= from_ts(ts):
        announce_work()
    return job
