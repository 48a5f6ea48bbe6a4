"""Runs that end together are completed together: one transaction, one call to Redis."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from jobs.lifecycle import State
from jobs.metrics import count_close
from jobs.models import Job, JobText, JobTransition
from jobs.transitions.announce import announce, encoded_entry, now_ts
from jobs.transitions.close import apply_close, flushed
from jobs.transitions.flush import Flush
from realtime.publisher import Append


@dataclass(frozen=True)
class Completion:
    """A run whose handler has returned."""

    flush: Flush
    result: Any


_GUARDED_UPDATE = (
    "UPDATE jobs_job SET state = 'completed', seq = %s, progress = %s, step = %s, steps = %s, message = %s, text = %s, text_length = %s, "
    "result = %s, error = NULL, closed_event = %s, worker_id = NULL, lease_expires_at = NULL, updated_at = %s, finished_at = %s "
    "WHERE id = %s AND attempt = %s AND state = 'running'"
)
_NOT_READ = ("query", "input", "checkpoint", "queued_event", "closed_event")


def complete_all(completions: Sequence[Completion]) -> frozenset[str]:
    """Complete the runs that hold their jobs, in one transaction, and return the ids of these jobs.

    A row that somebody holds locked is passed over, so that nobody else waits for it; `complete` waits, and tells whether it is lost.
    """
    by_id = {item.flush.job_id: item for item in completions}
    with transaction.atomic():
        held = Job.objects.filter(pk__in=by_id, state=State.RUNNING).select_for_update(skip_locked=True).defer(*_NOT_READ)
        rows = {job.pk: job for job in held if job.attempt == by_id[job.pk].flush.attempt}
        if rows:
            _complete(rows, by_id)
    return frozenset(rows)


def _complete(rows: Mapping[str, Job], by_id: Mapping[str, Completion]) -> None:
    """Complete locked rows, and announce them."""
    ts = now_ts()
    appends = []
    with_pieces = [job.pk for job in rows.values() if job.has_pieces]
    for job_id, job in rows.items():
        flush = by_id[job_id].flush
        event = apply_close(job, State.COMPLETED, ts=ts, view=flushed(job, flush), result=by_id[job_id].result)
        appends.append(Append(job_id, [*flush.unpublished, encoded_entry(event)]))
        count_close(job, source=State.RUNNING, reason=None)
    with connection.cursor() as cursor:
        cursor.executemany(_GUARDED_UPDATE, [_values(job) for job in rows.values()])
    if with_pieces:
        JobText.objects.filter(job__in=with_pieces).delete()
    JobTransition.objects.bulk_create(
        JobTransition(job=job, at=job.updated_at, source=State.RUNNING, target=State.COMPLETED, attempt=job.attempt)
        for job in rows.values()
    )
    announce(appends, lists=rows.values())


def _values(job: Job) -> tuple[Any, ...]:
    at = connection.ops.adapt_datetimefield_value(job.updated_at)
    result = None if job.result is None else json.dumps(job.result)
    return (
        job.seq, job.progress, job.step, json.dumps(job.steps), job.message, job.text, job.text_length,
        result, job.closed_event, at, at, job.pk, job.attempt,
    )  # fmt: skip
