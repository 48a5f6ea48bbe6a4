"""Runs that end together are completed together: one statement, one call to Redis. What the row becomes, the run knows: nothing is read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from jobs.events import Event, FoldedJob, encode
from jobs.lifecycle import State
from jobs.metrics import count_close
from jobs.models import Job, JobText, JobTransition, from_ts
from jobs.transitions.announce import announce, encoded_entry, now_ts
from jobs.transitions.close import closing_event
from jobs.transitions.flush import Flush
from realtime.position import CLOSED, Position
from realtime.publisher import Append


@dataclass(frozen=True)
class Completion:
    """A run of this process whose handler has returned."""

    flush: Flush
    result: Any


_CLOSED = (
    f"state = 'completed', seq = {CLOSED}, error = NULL, worker_id = NULL, lease_expires_at = NULL, progress = %(progress)s, "
    "step = %(step)s, steps = %(steps)s, message = %(message)s, text = %(text)s, text_length = %(text_length)s, result = %(result)s, "
    "closed_event = %(closed_event)s, updated_at = %(at)s, finished_at = %(at)s"
)
_HELD = "jobs_job.attempt = %(attempt)s AND jobs_job.state = 'running' AND jobs_job.seq <= %(seq)s"
_COMPLETE_ONE = f"UPDATE jobs_job SET {_CLOSED} WHERE id = %(id)s AND {_HELD}"  # noqa: S608  of constants alone
_TYPES = {
    "id": "text", "attempt": "bigint", "seq": "bigint", "progress": "float8", "step": "text", "steps": "jsonb", "message": "text",
    "text": "text", "text_length": "int", "result": "jsonb", "closed_event": "text",
}  # fmt: skip
_OF_NEW = {**{name: f"new.{name}" for name in _TYPES}, "at": "%(at)s"}
_NEW = ", ".join(f"%({name})s::{type}[]" for name, type in _TYPES.items())
_COMPLETE_ALL = (
    f"WITH new AS (SELECT * FROM unnest({_NEW}) AS new ({', '.join(_TYPES)})), "  # noqa: S608  of constants alone
    f"held AS (SELECT jobs_job.id FROM jobs_job JOIN new ON new.id = jobs_job.id AND {_HELD % _OF_NEW} "
    "FOR UPDATE OF jobs_job SKIP LOCKED), "
    f"done AS (UPDATE jobs_job SET {_CLOSED % _OF_NEW} FROM new "
    f"WHERE jobs_job.id IN (SELECT id FROM held) AND new.id = jobs_job.id AND {_HELD % _OF_NEW} "
    "RETURNING jobs_job.id, owner_id, type, state, jobs_job.attempt, started_at), "
    "told AS (INSERT INTO jobs_jobtransition (job_id, at, source, target, attempt, reason, worker_name, detail) "
    "SELECT id, %(at)s, 'running', 'completed', attempt, '', '', '' FROM done) "
    "SELECT id, owner_id, type, state, started_at FROM done"
)


def complete_all(completions: Sequence[Completion]) -> frozenset[str]:
    """Complete the runs that hold their jobs, in one transaction, and return the ids of these jobs.

    A row that somebody holds locked is passed over, so that nobody else waits for it; `complete` waits, and tells whether it is lost.
    """
    ts = now_ts()
    views = {item.flush.job_id: _view(item.flush) for item in completions}
    events = {
        item.flush.job_id: closing_event(
            item.flush.job_id, item.flush.attempt, State.COMPLETED, ts=ts, view=views[item.flush.job_id], result=item.result
        )
        for item in completions
    }
    rows = [_values(item, views[item.flush.job_id], events[item.flush.job_id]) for item in completions]
    done = _complete(rows, ts)
    for job in done:
        count_close(job, source=State.RUNNING, reason=None)
    held = frozenset(job.pk for job in done)
    before = {item.flush.job_id: item.flush.unpublished for item in completions}
    announce([Append(job_id, [*before[job_id], encoded_entry(events[job_id])]) for job_id in events if job_id in held], lists=done)
    return held


def _complete(rows: Sequence[dict[str, Any]], ts: int) -> list[Job]:
    """Write the rows, and return what was written of the jobs."""
    wrote = [row["id"] for row in rows if row["text_length"]]
    if connection.vendor == "postgresql" and not wrote:
        return _together(rows, ts)  # one statement needs no transaction around it
    with transaction.atomic():
        done = (_together if connection.vendor == "postgresql" else _one_by_one)(rows, ts)
        if wrote:  # a statement of its own: it sees what a flush committed just before the row was locked
            JobText.objects.filter(job__in={job.pk for job in done}.intersection(wrote)).delete()
    return done


def _view(flush: Flush) -> FoldedJob:
    """Return the run's folded fields: those of its row, when it holds it."""
    view = FoldedJob()
    view.position = Position(flush.attempt, flush.seq)
    view.progress, view.step, view.steps, view.message = flush.progress, flush.step, flush.steps, flush.message
    view.chunks, view.text_length = [flush.new_text(0)], flush.text_length
    return view


def _values(item: Completion, view: FoldedJob, event: Event) -> dict[str, Any]:
    closed = event["data"]
    return {
        "id": item.flush.job_id, "attempt": item.flush.attempt, "seq": item.flush.seq,
        "progress": closed["progress"], "step": closed["step"], "steps": json.dumps(closed["steps"]), "message": closed["message"],
        "text": view.text, "text_length": view.text_length, "result": None if item.result is None else json.dumps(item.result),
        "closed_event": encode(event),
    }  # fmt: skip


def _together(rows: Sequence[dict[str, Any]], ts: int) -> list[Job]:
    columns = {name: [row[name] for row in rows] for name in _TYPES}
    return list(Job.objects.raw(_COMPLETE_ALL, {**columns, "at": from_ts(ts)}))


def _one_by_one(rows: Sequence[dict[str, Any]], ts: int) -> list[Job]:
    at = connection.ops.adapt_datetimefield_value(from_ts(ts))
    held = []
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(_COMPLETE_ONE, {**row, "at": at})
            if cursor.rowcount:
                held.append(row["id"])
    done = list(Job.objects.filter(pk__in=held).only("owner_id", "type", "state", "attempt", "started_at"))
    JobTransition.objects.bulk_create(
        JobTransition(job=job, at=from_ts(ts), source=State.RUNNING, target=State.COMPLETED, attempt=job.attempt) for job in done
    )
    return done
