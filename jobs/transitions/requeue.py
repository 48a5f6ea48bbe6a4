"""A job goes back to the queue: the next attempt starts from the last checkpoint."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from jobs.backoff import retry_delay_seconds
from jobs.events import encode
from jobs.lifecycle import KILLS_LIMIT, SUSPECT_KILLS, Reason, State
from jobs.metrics import count_kill, count_requeue
from jobs.models import Job, JobQuerySet, JobText, JobTransition, Worker, from_ts
from jobs.text import cut, utf16_length
from jobs.transitions.announce import announce, announce_stop, encoded_entry, now_ts, state_event
from jobs.transitions.checkpoint import start_of
from jobs.transitions.close import close_locked, lock_held, tail_of, with_tail
from jobs.transitions.flush import Flush
from jobs.transitions.turn import head_turn, next_turn
from realtime.position import Position
from realtime.publisher import Append, Entry

BLOCKED_MESSAGE = (
    "The handler kept its process from all other work for so long that it was killed. "
    "What computes or blocks for long belongs into a plain `def`, which runs in a thread."
)


def retry_later(flush: Flush, *, reason: Reason, delay_seconds: float, detail: str) -> Job:
    """Put a run that ended by an error back, to be tried again after a while. Raises LeaseLost."""
    with transaction.atomic():
        job = lock_held(flush)
        job.failures += 1
        job.run_at = _database_now(job) + timedelta(seconds=delay_seconds)
        return requeue_locked(job, reason, detail=detail, before=flush.unpublished)


def interrupt(flush: Flush) -> Job:
    """Put a run back whose worker ends; that costs nothing. Raises LeaseLost."""
    with transaction.atomic():
        return requeue_locked(lock_held(flush), Reason.INTERRUPTED, before=flush.unpublished)


def rescue(*, limit: int) -> list[Job]:
    """Put back up to `limit` jobs whose lease is over; a job that lost its worker too often fails as poison."""
    return _put_back(Job.objects.orphaned().order_by("lease_expires_at"), limit, _worker_lost, may_end=Q(kills__gte=SUSPECT_KILLS))


def take_back(worker_id: str, *, limit: int, actor: Any) -> list[Job]:
    """Put back up to `limit` jobs of a worker that may well live, for staff; that costs the jobs nothing. It hears that it lost them."""

    def fate(job: Job, tail: Sequence[Entry]) -> Job:
        attempt = job.attempt
        requeue_locked(job, Reason.INTERRUPTED, actor=actor)
        announce_stop(worker_id, job.pk, attempt, "taken_back")
        return job

    return _put_back(Job.objects.filter(worker=worker_id, state=State.RUNNING), limit, fate, may_end=Q(pk__in=[]))


def lose_worker(job_id: str, *, attempt: int | None = None) -> list[Job]:
    """Put back a job as if its lease were over, although its worker lives: at this attempt, or whichever runs. None when none does."""
    running = Job.objects.filter(pk=job_id, state=State.RUNNING, **({} if attempt is None else {"attempt": attempt}))
    return _put_back(running, 1, _worker_lost, may_end=Q(kills__gte=SUSPECT_KILLS))


def release(worker_id: str, *, limit: int, ended_on_purpose: bool = False, blocked_by: str | None = None) -> list[Job]:
    """Put back up to `limit` jobs of a worker whose process is dead; it may be called again and again until none is left.

    The death counts as a kill of each, as in `rescue`, unless the process was `ended_on_purpose`: then the job that it was
    `blocked_by` has timed out, and the others are interrupted.
    """

    def fate(job: Job, tail: Sequence[Entry]) -> Job:
        if job.pk == blocked_by:
            return _time_out(job, tail)
        return requeue_locked(job, Reason.INTERRUPTED) if ended_on_purpose else _worker_lost(job, tail)

    may_end = Q(pk=blocked_by) if ended_on_purpose else Q(kills__gte=SUSPECT_KILLS)
    return _put_back(Job.objects.filter(worker=worker_id, state=State.RUNNING), limit, fate, may_end=may_end)


def _put_back(jobs: JobQuerySet, limit: int, fate: Callable[[Job, Sequence[Entry]], Job], *, may_end: Q) -> list[Job]:
    """Do to each of these jobs what `fate` says, with the log's tail for those that may end; what others hold locked is passed over."""
    tails = {job_id: tail_of(job_id) for job_id in jobs.filter(may_end).values_list("pk", flat=True)[:limit]}
    done: list[Job] = []
    kills: Counter[str] = Counter()
    with transaction.atomic():
        for job in jobs.select_for_update(skip_locked=True)[:limit]:
            worker_id, kills_before = str(job.worker_id), job.kills
            done.append(fate(job, tails.get(job.pk, [])))
            kills[worker_id] += job.kills - kills_before
        for worker_id in sorted(+kills):  # in one order, and last: two that do this at once never wait for each other in a circle
            Worker.objects.filter(pk=worker_id).update(kills=F("kills") + kills[worker_id])
    return done


def _worker_lost(job: Job, tail: Sequence[Entry]) -> Job:
    job.kills += 1
    count_kill(job)
    if job.kills < KILLS_LIMIT:
        return requeue_locked(job, Reason.WORKER_LOST)
    error = {"code": "poison", "message": f"The worker was lost {job.kills} times while it ran this job."}
    return close_locked(job, State.FAILED, view=with_tail(job, tail), reason=Reason.POISON, error=error)


def _time_out(job: Job, tail: Sequence[Entry]) -> Job:
    """End an attempt that kept its process from all else until it was killed."""
    job.failures += 1
    if job.failures < job.max_attempts:
        job.run_at = _database_now(job) + timedelta(seconds=retry_delay_seconds(failures=job.failures))
        return requeue_locked(job, Reason.TIMEOUT, detail=BLOCKED_MESSAGE)
    error = {"code": "timeout", "message": BLOCKED_MESSAGE}
    return close_locked(job, State.FAILED, view=with_tail(job, tail), reason=Reason.TIMEOUT, error=error)


def _database_now(job: Job) -> datetime:
    """Return the time by the clock that says when a job is due; ours may be another."""
    return Job.objects.filter(pk=job.pk).annotate(now=Now()).values_list("now", flat=True).get()


def requeue_locked(job: Job, reason: Reason, *, actor: Any = None, detail: str = "", before: Sequence[Entry] = ()) -> Job:
    """Begin the next attempt of a locked row from its last checkpoint, and announce it."""
    ts = now_ts()
    source, start = job.state, start_of(job)
    count_requeue(job, source=source, reason=reason)
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
    # Whoever asks for it stands in line again; what was taken out by a fault has stood there already.
    job.turn = next_turn(job.owner_id, job.type, job.priority) if actor else head_turn(job.type, job.priority)
    job.updated_at = from_ts(ts)
    job.save()
    JobText.objects.filter(job=job).delete()
    JobTransition.objects.create(
        job=job, at=from_ts(ts), source=source, target=State.CREATED, attempt=job.attempt, reason=reason, actor=actor, detail=detail
    )
    is_due = job.run_at is None or job.run_at <= from_ts(ts)
    announce([Append(job.pk, [*before, encoded_entry(event)])], lists=[job], work=is_due)
    return job
