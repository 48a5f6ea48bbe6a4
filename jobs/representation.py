"""A job as it goes over the wire."""

from typing import Any

from jobs.events import RESULT_IN_EVENT_BYTES, FoldedJob, encode, plain_number
from jobs.models import Job, iso
from jobs.outlook import UNKNOWN, Outlook

SUMMARY_LEAVES_OUT = ("streamingText", "result")
SHOWN_CHANGES = 200


def represent(job: Job, view: FoldedJob, outlook: Outlook = UNKNOWN) -> dict[str, Any]:
    """Return the job whole: what the row says, with the folded fields of `view`, which may be ahead of it."""
    return {**_fields(job, view, outlook), "input": job.input}


def _fields(job: Job, view: FoldedJob, outlook: Outlook) -> dict[str, Any]:
    """Return what a summary's row is enough for: `input` may be large, and lists do not read it."""
    return {
        "jobId": job.pk,
        "type": job.type,
        "query": job.query,
        "failures": job.failures,
        "maxAttempts": job.max_attempts,
        "priority": job.priority,
        "runAt": iso(job.run_at),
        "timeoutSeconds": plain_number(job.timeout_seconds),
        **outlook.fields(),
        "owner": job.owner.get_username(),
        "createdAt": iso(job.created_at),
        "updatedAt": iso(job.updated_at),
        **view.fields(),
    }


def summarize(job: Job, outlook: Outlook = UNKNOWN) -> dict[str, Any]:
    """Return the job's summary: the row as it is, without text, input and result."""
    view = FoldedJob()
    view.position, view.state, view.progress = job.position, job.state, plain_number(job.progress)
    view.step, view.steps, view.message, view.error = job.step, job.steps, job.message, job.error
    view.started_at, view.finished_at = iso(job.started_at), iso(job.finished_at)
    return {key: value for key, value in _fields(job, view, outlook).items() if key not in SUMMARY_LEAVES_OUT}


def without_large_result(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the job as snapshots carry it: a large result is null with `"more": true`."""
    if len(encode(fields["result"]).encode()) <= RESULT_IN_EVENT_BYTES:
        return fields
    return {**fields, "result": None, "more": True}


def changes_of(job: Job) -> list[dict[str, Any]]:
    """Return the job's last changes of state, oldest first. What is for staff alone, the worker and the traceback, is not in them."""
    newest = job.transitions.select_related("actor").defer("detail").order_by("-id")[:SHOWN_CHANGES]
    return [
        {
            "at": iso(change.at),
            "source": change.source or None,
            "target": change.target,
            "attempt": change.attempt,
            "reason": change.reason or None,
            "actor": change.actor.get_username() if change.actor else None,
        }
        for change in reversed(newest)
    ]
