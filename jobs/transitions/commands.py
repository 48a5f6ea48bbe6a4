"""What people do to a job: cancel, pause, resume, retry. Each takes effect at once, and again is harmless."""

import json
from typing import Any

from django.db import transaction

from jobs.errors import CommandConflict
from jobs.events import encode
from jobs.lifecycle import Reason, State
from jobs.models import Job, folded
from jobs.transitions.announce import now_ts, state_event
from jobs.transitions.close import close_locked, lock, tail_of, with_tail
from jobs.transitions.requeue import requeue_locked
from realtime.position import Position
from realtime.publisher import Entry

ACTIONS = ("cancel", "pause", "resume", "retry")

_TARGET = {"cancel": State.CANCELLED, "pause": State.PAUSED}
_STARTS_FROM = {
    "cancel": {State.CREATED, State.RUNNING, State.PAUSED},
    "pause": {State.CREATED, State.RUNNING},
    "resume": {State.PAUSED},
    "retry": {State.FAILED, State.CANCELLED},
}


def command(job_id: str, action: str, *, actor: Any, if_attempt: int | None = None) -> Job:
    """Do `action` to the job and return it; a job to which it was done already is returned as it is.

    Raises JobNotFound, and CommandConflict when the job's state does not allow it or, with `if_attempt`, when the job is
    at another attempt and did not go on from that one by this same action.
    """
    tail = tail_of(job_id) if action in _TARGET else []
    with transaction.atomic():
        job = lock(job_id)
        if _is_done(job, action, if_attempt):
            return job
        if if_attempt is not None and job.attempt != if_attempt:
            raise CommandConflict(f"The job is at attempt {job.attempt}, not {if_attempt}.", state=job.state)
        if job.state not in _STARTS_FROM[action]:
            raise CommandConflict(f"A {job.state} job cannot be {_PARTICIPLE[action]}.", state=job.state)
        if action in _TARGET:
            return _stop(job, _TARGET[action], tail, actor)
        job.run_at = None
        if action == "retry":
            job.failures = job.kills = 0
        return requeue_locked(job, Reason(action), actor=actor)


_PARTICIPLE = {"cancel": "cancelled", "pause": "paused", "resume": "resumed", "retry": "retried"}


def _is_done(job: Job, action: str, if_attempt: int | None) -> bool:
    """Tell whether the job is where this action, done before, has brought it."""
    began_by = json.loads(job.queued_event)["data"]["reason"]
    if action in _TARGET:
        opened_to_cancel = began_by in (Reason.USER, Reason.STAFF)
        came_from = {job.attempt, job.attempt - 1} if opened_to_cancel else {job.attempt}
        return job.state == _TARGET[action] and (if_attempt is None or if_attempt in came_from)
    if began_by != action:
        return False
    return job.attempt == if_attempt + 1 if if_attempt is not None else job.state not in _STARTS_FROM[action]


def _stop(job: Job, state: State, tail: list[Entry], actor: Any) -> Job:
    reason = Reason.USER if actor.pk == job.owner_id else Reason.STAFF
    if job.state != State.PAUSED:
        return close_locked(job, state, view=with_tail(job, tail), reason=reason, actor=actor)
    # A paused attempt is closed already: cancelling opens the next one, which keeps all, and closes it in one go.
    view = folded(job)
    event = state_event(
        job.pk, Position(job.attempt + 1, 0), now_ts(), State.CREATED, reason,
        keepText=job.text_length, keepSeq=job.last_seq, progress=view.progress, step=view.step, steps=view.steps, message=view.message,
    )  # fmt: skip
    job.attempt, job.queued_event, job.started_at = job.attempt + 1, encode(event), None
    view.position = Position(job.attempt, 0)
    before = [Entry(view.position, job.queued_event)]
    return close_locked(job, state, view=view, reason=reason, actor=actor, before=before)
