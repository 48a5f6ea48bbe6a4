"""A run saves what its next attempt starts from."""

import json
from typing import Any

from django.db import transaction

from jobs.errors import LeaseLost
from jobs.events import pending_steps
from jobs.lifecycle import State
from jobs.models import Job
from jobs.transitions.claim import lease_end
from jobs.transitions.flush import Flush, write_new


def checkpoint(flush: Flush, data: Any, *, half: int | None = None) -> None:
    """Save the run's text, its progress and `data`, in one transaction. Raises LeaseLost.

    `half` is the code point of the half of a character that the run has written and that waits for the other one.
    """
    with transaction.atomic():
        row = _lock(flush)
        write_new([flush], {row.pk: row})
        saved = {
            "data": data, "attempt": flush.attempt, "seq": flush.seq, "textLength": flush.text_length, "half": half,
            "progress": flush.progress, "step": flush.step, "steps": flush.steps, "message": flush.message,
            "answers": start_of(row)["answers"],
        }  # fmt: skip
        _save(row, saved)


def save_answer(flush: Flush, key: str, answer: Any) -> None:
    """Save what `once` was answered, beside the last checkpoint, which stays what it is. Raises LeaseLost."""
    with transaction.atomic():
        row = _lock(flush)
        start = start_of(row)
        _save(row, {**start, "answers": {**start["answers"], key: answer}})


def start_of(job: Job) -> dict[str, Any]:
    """Return what the job's next attempt starts from: its last checkpoint, or the beginning."""
    if job.checkpoint:
        saved: dict[str, Any] = job.checkpoint
        return saved
    steps = pending_steps(step["name"] for step in json.loads(job.queued_event)["data"]["steps"])
    beginning = {"data": None, "attempt": 0, "seq": 0, "textLength": 0, "half": None, "progress": 0, "step": None, "message": None}
    return {**beginning, "steps": steps, "answers": {}}


def _lock(flush: Flush) -> Job:
    """Return what is needed of the row, locked: its text may be long and is not."""
    held = Job.objects.filter(pk=flush.job_id, attempt=flush.attempt, state=State.RUNNING)
    row = held.select_for_update().only("attempt", "seq", "text_length", "checkpoint", "queued_event").first()
    if row is None:
        raise LeaseLost
    return row


def _save(row: Job, saved: dict[str, Any]) -> None:
    """Write the checkpoint; whoever gets this far did not die of the job, and holds it for another lease."""
    held = Job.objects.filter(pk=row.pk, attempt=row.attempt, state=State.RUNNING)
    held.update(checkpoint=saved, kills=0, lease_expires_at=lease_end())
