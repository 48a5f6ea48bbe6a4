"""Changes that no event carries."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from jobs.errors import CommandConflict
from jobs.lifecycle import State
from jobs.models import Job, from_ts
from jobs.transitions.announce import announce_edit, announce_lists, announce_work, now_ts
from jobs.transitions.close import lock
from jobs.transitions.turn import next_turn

_UNSET: Any = object()


def edit(job_id: str, *, priority: int = _UNSET, run_at: datetime | None = _UNSET) -> Job:
    """Change when a job's turn comes; only while it is created. Raises JobNotFound and CommandConflict."""
    values: dict[str, Any] = {name: value for name, value in (("priority", priority), ("run_at", run_at)) if value is not _UNSET}
    with transaction.atomic():
        job = lock(job_id)
        if job.state != State.CREATED:
            raise CommandConflict(f"The turn of a {job.state} job cannot be changed.", state=job.state)
        if values.get("priority", job.priority) != job.priority:
            values["turn"] = next_turn(job.owner_id, job.type, priority)
        Job.objects.filter(pk=job_id, state=State.CREATED).update(**values, edits=F("edits") + 1, updated_at=from_ts(now_ts()))
        job.refresh_from_db()
        announce_edit(job_id)
        announce_lists([job])
        announce_work()
    return job
