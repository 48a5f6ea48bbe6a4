"""A job is taken out of sight: its content goes at once, its id stays taken until the row is pruned."""

from typing import Any

from django.db import transaction

from jobs.errors import CommandConflict
from jobs.lifecycle import TERMINAL, Reason
from jobs.models import JobTransition, from_ts
from jobs.transitions.announce import announce_deletion, announce_lists, now_ts
from jobs.transitions.close import lock
from realtime.shares import take_back_shares

DELETED = "deleted"
"""No state: how the audit names the end of a job that is gone."""


def delete(job_id: str, *, actor: Any) -> None:
    """Clear the content of a job that has ended and hide it. Raises JobNotFound, and CommandConflict while it has not ended."""
    with transaction.atomic():
        job = lock(job_id)
        if job.state not in TERMINAL:
            raise CommandConflict(f"A {job.state} job cannot be deleted: cancel it first.", state=job.state)
        at = from_ts(now_ts())
        for name, value in cleared().items():
            setattr(job, name, value)
        job.deleted_at = job.updated_at = at
        job.save()
        job.transitions.update(detail="")
        take_back_shares([job_id])
        reason = Reason.USER if actor.pk == job.owner_id else Reason.STAFF
        JobTransition.objects.create(job=job, at=at, source=job.state, target=DELETED, attempt=job.attempt, reason=reason, actor=actor)
        announce_deletion(job_id)
        announce_lists([job])


def cleared() -> dict[str, Any]:
    """Return what the fields with a job's content become: what is left of the row says whose it was, what became of it and when."""
    nothing = dict.fromkeys(("step", "message", "result", "error", "checkpoint", "closed_event"))
    return {**nothing, "query": "", "search_text": "", "input": {}, "text": "", "text_length": 0, "steps": [], "queued_event": ""}
