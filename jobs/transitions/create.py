"""A job comes to be."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from typing import Any

from django.db import transaction

from jobs.conf import settings
from jobs.errors import JobExists, QuotaReached
from jobs.events import Event, encode, pending_steps
from jobs.lifecycle import State
from jobs.metrics import count_create
from jobs.models import Job, from_ts, iso, new_job_id, searchable
from jobs.transitions.announce import announce, encoded_entry, now_ts, state_event
from jobs.transitions.insert import insert
from realtime import tracing
from realtime.position import Position
from realtime.publisher import Append

HANDLER_DEFAULTS = ("max_attempts", "timeout_seconds")
"""What a body may leave out for the handler to say."""


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """What a job is created from, defaults filled in."""

    type: str
    query: str = ""
    input: dict[str, Any] = field(default_factory=dict)
    job_id: str | None = None
    priority: int = 0
    run_at: datetime | None = None
    max_attempts: int = 3
    timeout_seconds: float = 600
    steps: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    """Which of `max_attempts` and `timeout_seconds` the body did not say, so that they are the handler's of today."""

    def digest(self) -> str:
        """Return the SHA-256 of the canonical body: the same body has the same digest, however it was written."""
        return self._digest({name: None if name in self.left_out else getattr(self, name) for name in HANDLER_DEFAULTS})

    def made(self, job: Job) -> bool:
        """Tell whether the job was created from this body: a value that is left out is the one that was filled in, then or now."""
        options = []
        for name in HANDLER_DEFAULTS:
            value = getattr(self, name)
            is_default = name in self.left_out or value == getattr(job, name)
            options.append([value, None] if is_default else [value])
        return any(self._digest(dict(zip(HANDLER_DEFAULTS, values, strict=True))) == job.body_digest for values in product(*options))

    def _digest(self, defaults: dict[str, Any]) -> str:
        timeout_seconds = defaults["timeout_seconds"]
        body = {
            "type": self.type,
            "query": self.query,
            "input": self.input,
            "priority": self.priority,
            "runAt": iso(self.run_at),
            "maxAttempts": defaults["max_attempts"],
            "timeoutSeconds": None if timeout_seconds is None else float(timeout_seconds),
        }
        return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def create(owner: Any, new: NewJob) -> tuple[Job, bool]:
    """Create the job and return it and True; the job that is there already, and False, when the same body made it.

    Raises JobExists when the id is taken by another body, another owner or a deleted job, and QuotaReached when too many wait.
    """
    job_id = new.job_id or new_job_id()
    job, event = _new(owner, job_id, new)
    creation = tracing.begin("job.create", {"job.id": job_id, "job.type": new.type})
    job.trace_parent = tracing.parent_of(creation)
    if insert(job, most=settings.waiting_jobs_per_user):
        announce([Append(job_id, [encoded_entry(event)])], lists=[job], work=True)
        count_create(job)
        if creation is not None:
            transaction.on_commit(creation.end, robust=True)
        return job, True
    known = Job.with_deleted.filter(pk=job_id).first()
    if known is None:
        raise QuotaReached
    if known.owner_id != owner.pk or known.deleted_at is not None or not new.made(known):
        raise JobExists(f"The id {job_id} is taken by another job. Choose another, or leave it out.")
    return known, False


def _new(owner: Any, job_id: str, new: NewJob) -> tuple[Job, Event]:
    """Return the job as it will be, and its first event."""
    ts = now_ts()
    steps = pending_steps(new.steps)
    event = state_event(job_id, Position(1, 0), ts, State.CREATED, keepText=0, keepSeq=0, progress=0, step=None, steps=steps, message=None)
    job = Job(
        id=job_id,
        owner=owner,
        type=new.type,
        query=new.query,
        input=new.input,
        priority=new.priority,
        run_at=new.run_at,
        max_attempts=new.max_attempts,
        timeout_seconds=new.timeout_seconds,
        body_digest=new.digest(),
        search_text=searchable(job_id, new.type, new.query),
        steps=steps,
        queued_event=encode(event),
        created_at=from_ts(ts),
        updated_at=from_ts(ts),
    )
    return job, event
