"""What a remote worker does to the jobs that it holds. Each call can be sent again when its answer got lost."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import prefetch_related_objects

from jobs import transitions
from jobs.conf import settings
from jobs.errors import Fenced
from jobs.lifecycle import Reason, State
from jobs.models import Job, JobTransition, Worker, folded, to_ts
from jobs.outcomes import INTERRUPTED, Completed, Failed, Outcome, Stopped, describe, write_end
from jobs.representation import represent
from jobs.rescuer import rescue_when_due
from jobs.transitions import Reported, TextTooLong
from jobs.transitions.announce import now_ts
from jobs.transitions.checkpoint import start_of
from jobs.transitions.report import gap, lock_remote, renewal, standing, why_fenced
from realtime.position import Position

log = logging.getLogger(__name__)


def claim(worker: Worker, *, types: Sequence[str], limit: int, claim_id: str | None = None) -> list[dict[str, Any]]:
    """Take up to `limit` due jobs, or again those that this `claim_id` has taken, and return them whole, each with its last checkpoint.

    Whoever takes jobs looks after those that others have left, so that remote workers need no other worker beside them.
    """
    rescue_when_due()
    is_again = claim_id is not None and Job.objects.untouched(worker, claim_id).exists()
    if not is_again and not Job.objects.due().filter(type__in=types).exists():
        return []  # a claim that waits asks every second: only one that may find something locks rows
    jobs = transitions.claim(worker, types=types, limit=limit, claim_id=claim_id)
    prefetch_related_objects(jobs, "owner")
    return [{**represent(job, folded(job, job.text)), "checkpoint": start_of(job)["data"]} for job in jobs]


def report(worker: Worker, job_id: str, attempt: int, events: Sequence[Reported]) -> Position:
    """Take the worker's events and return the position that is accepted now. Raises Fenced and Gap."""
    _end_overdue(worker, {job_id: attempt})
    try:
        return transitions.report(worker, job_id, attempt, events)
    except TextTooLong:
        message = f"The job wrote more than {settings.text_limit_bytes} bytes of text."
        _end(worker, job_id, attempt, Failed("text_too_long", message, Reason.ERROR, final=True))
        raise Fenced("text_too_long") from None


def checkpoint(worker: Worker, job_id: str, attempt: int, seq: int, data: Any) -> Position:
    """Save what a later attempt is to start from: the text so far, and `data`. Raises Fenced and Gap."""
    _end_overdue(worker, {job_id: attempt})
    with transaction.atomic():
        job = _lock_at(worker, job_id, attempt, seq)
        transitions.checkpoint(standing(job), data)
    return Position(attempt, seq)


def complete(worker: Worker, job_id: str, attempt: int, seq: int, result: Any) -> Job:
    """End the attempt: completed. Raises Fenced and Gap."""

    def is_done(job: Job) -> bool:
        return (job.state, job.attempt, job.last_seq, job.result) == (State.COMPLETED, attempt, seq, result)

    return _end(worker, job_id, attempt, Completed(result), seq=seq, is_done=is_done)


def fail(worker: Worker, job_id: str, attempt: int, seq: int, failed: Failed) -> Job:
    """End the attempt by an error: the job is tried again, as often as it may be, or fails for good. Raises Fenced and Gap."""

    def is_done(job: Job) -> bool:
        has_failed = (job.state, job.attempt, job.last_seq) == (State.FAILED, attempt, seq)
        return has_failed or _went_on(job, attempt, Reason.ERROR)

    return _end(worker, job_id, attempt, failed, seq=seq, is_done=is_done)


def release(worker: Worker, job_id: str, attempt: int, seq: int) -> Job:
    """Give the job back, which costs it nothing: another worker goes on from its checkpoint. Raises Fenced and Gap."""
    return _end(worker, job_id, attempt, Stopped(INTERRUPTED), seq=seq, is_done=lambda job: _went_on(job, attempt, Reason.INTERRUPTED))


def heartbeat(worker: Worker, attempts: Mapping[str, int]) -> list[dict[str, str]]:
    """Renew the leases of these jobs and return those that the worker is to stop, each with the reason."""
    rescue_when_due()
    overdue = _end_overdue(worker, attempts, raises=False)
    running = Job.objects.filter(pk__in=attempts, worker=worker, state=State.RUNNING).values_list("pk", "attempt")
    held = {job_id: renewal(job_id, attempt) for job_id, attempt in running if attempt == attempts[job_id]}
    fenced = transitions.flush(list(held.values())).fenced if held else frozenset()
    lost = [job_id for job_id in attempts if job_id not in held or job_id in fenced]
    return [{"jobId": job_id, "reason": overdue.get(job_id) or why_fenced(job_id, attempts[job_id])} for job_id in lost]


def _lock_at(worker: Worker, job_id: str, attempt: int, seq: int) -> Job:
    """Return the locked row of a run whose last accepted event is the one at `seq`."""
    job = lock_remote(worker, job_id, attempt)
    if job.seq != seq:
        raise gap(job, f"The last accepted event has seq {job.seq}, not {seq}.")
    return job


def _end(
    worker: Worker,
    job_id: str,
    attempt: int,
    outcome: Outcome,
    *,
    seq: int | None = None,
    is_done: Callable[[Job], bool] = lambda job: False,
) -> Job:
    """Write how the attempt ended; it may be written already, by this same worker with this same outcome: `is_done` tells."""
    with transaction.atomic():
        try:
            job = lock_remote(worker, job_id, attempt) if seq is None else _lock_at(worker, job_id, attempt, seq)
        except Fenced:
            done = Job.objects.filter(pk=job_id).first()
            if done is None or not _ran(worker, job_id, attempt) or not is_done(done):
                raise
            return done
        write_end(job, standing(job), outcome)
    log.info("job %s attempt %s: %s", job_id, attempt, describe(outcome))
    return Job.objects.get(pk=job_id)


def _ran(worker: Worker, job_id: str, attempt: int) -> bool:
    """Tell whether it was this worker that held the attempt."""
    return JobTransition.objects.filter(job=job_id, attempt=attempt, target=State.RUNNING, worker_name=worker.name).exists()


def _went_on(job: Job, attempt: int, reason: Reason) -> bool:
    """Tell whether the attempt ended by the job's going back to the queue, for this reason."""
    return job.attempt == attempt + 1 and bool(json.loads(job.queued_event)["data"]["reason"] == reason)


def _end_overdue(worker: Worker, attempts: Mapping[str, int], *, raises: bool = True) -> dict[str, str]:
    """End the attempts that have taken longer than they may: nobody but the server looks at the clock of a remote run.

    Returns them with the reason, or raises it as Fenced.
    """
    rows = Job.objects.filter(pk__in=attempts, worker=worker, state=State.RUNNING, started_at__isnull=False)
    ended = {}
    for job in rows.only("id", "attempt", "started_at", "timeout_seconds"):
        assert job.started_at is not None, "filtered"
        if job.attempt != attempts[job.pk] or now_ts() - to_ts(job.started_at) <= job.timeout_seconds * 1000:
            continue
        message = f"The attempt took longer than {job.timeout_seconds:g} s."
        try:
            _end(worker, job.pk, job.attempt, Failed("timeout", message, Reason.TIMEOUT, final=False))
        except Fenced:
            continue  # somebody else ended it
        if raises:
            raise Fenced("timeout")
        ended[job.pk] = "timeout"
    return ended
