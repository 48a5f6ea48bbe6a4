"""The database is an older one now: what it says goes on under attempts that no lost event has used."""

import json

from django.db import transaction

from jobs.events import encode
from jobs.lifecycle import Reason, State
from jobs.models import Job
from jobs.transitions.announce import announce, announce_lists, encoded_entry, forget
from jobs.transitions.requeue import requeue_locked
from realtime.publisher import Append

ATTEMPTS_SKIPPED = 1000
"""More attempts than any job can have begun between the backup and its loss."""


def skip_lost_attempts(*, after: str, limit: int) -> list[Job]:
    """Raise the attempts of the next `limit` jobs after the id `after`, put back those that run, and drop the logs of all.

    Positions that were given out since the backup are never given out again; whoever has one of them gets a snapshot.
    """
    with transaction.atomic():
        rows = Job.with_deleted.filter(pk__gt=after).order_by("pk").defer("text", "input", "result")
        jobs = list(rows.select_for_update()[:limit])
        ids = [job.pk for job in jobs]
        if ids:
            transaction.on_commit(lambda: forget(ids), robust=True)  # before anything is published again
        for job in jobs:
            if job.state == State.RUNNING:
                job.attempt += ATTEMPTS_SKIPPED - 1
                requeue_locked(job, Reason.INTERRUPTED)
            else:
                _renumber(job)
        announce_lists(jobs)
    return jobs


def _renumber(job: Job) -> None:
    """Move a locked row that does not run, and the events that it keeps, to its new attempt."""
    job.attempt += ATTEMPTS_SKIPPED
    job.queued_event = _moved(job.queued_event)
    job.closed_event = _moved(job.closed_event) if job.closed_event else None
    job.save(update_fields=["attempt", "queued_event", "closed_event"])
    if job.state == State.CREATED:
        announce([Append(job.pk, [encoded_entry(json.loads(job.queued_event))])])


def _moved(text: str) -> str:
    """Return a kept event under the attempt that its own has become; of a deleted job none is kept."""
    if not text:
        return text
    event = json.loads(text)
    return encode({**event, "attempt": event["attempt"] + ATTEMPTS_SKIPPED})
