"""What the page of a job shows of it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.utils import timezone

from jobs.lifecycle import TERMINAL, State
from jobs.models import Job, JobTransition
from realtime.position import CLOSED

SHOWN_TRANSITIONS = 200
SHOWN_CHARACTERS = 100_000

REASONS = {
    "worker_lost": "its worker was lost",
    "interrupted": "its worker was stopped",
    "error": "an error",
    "timeout": "it took too long",
    "poison": "it lost its worker too often",
    "resume": "resumed",
    "retry": "tried again",
    "user": "by its owner",
    "staff": "by staff",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A change of state, as the timeline shows it."""

    transition: JobTransition
    stayed: timedelta | None
    """How long the job was in the state that it came to; None while it still is."""

    @property
    def why(self) -> str:
        """Say why, where the state alone does not say it."""
        return REASONS.get(self.transition.reason, self.transition.reason)

    @property
    def who(self) -> str:
        """Say who did it: a person or a worker."""
        actor = self.transition.actor
        return actor.get_username() if actor else self.transition.worker_name

    @property
    def took(self) -> str:
        """Say how long the job was in that state."""
        return "" if self.stayed is None else duration_words(self.stayed)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What an attempt came to."""

    number: int
    worker: str
    waited: timedelta | None
    ran: timedelta | None
    end: str
    detail: str

    @property
    def waited_words(self) -> str:
        """Say how long it waited for a worker."""
        return duration_words(self.waited) if self.waited is not None else ""

    @property
    def ran_words(self) -> str:
        """Say how long it ran."""
        return duration_words(self.ran) if self.ran is not None else ""


def describe(job: Job) -> dict[str, Any]:
    """Return what the template needs."""
    transitions = list(job.transitions.select_related("actor").order_by("-id")[:SHOWN_TRANSITIONS])
    transitions.reverse()
    entries = timeline(transitions)
    text = job.whole_text()
    return {
        "job": job,
        "timeline": entries,
        "is_timeline_cut": len(transitions) == SHOWN_TRANSITIONS,
        "attempts": attempts(entries),
        "facts": facts(job),
        "text": text,
        "input": pretty(job.input),
        "result": pretty(job.result) if job.result is not None else "",
        "checkpoint": pretty(job.checkpoint["data"]) if job.checkpoint and job.checkpoint.get("attempt") else "",
        "checkpoint_row": job.checkpoint,
        "answers": pretty(job.checkpoint["answers"]) if job.checkpoint and job.checkpoint.get("answers") else "",
        "traceback": next((entry.transition.detail for entry in reversed(entries) if entry.transition.detail), ""),
    }


def facts(job: Job) -> list[tuple[str, Any]]:
    """Return what else the row says, by name."""
    ended = job.finished_at or timezone.now()
    ran = job.started_at and job.state != State.PAUSED and duration_words(ended - job.started_at)
    rows = [
        ("Type", job.type),
        ("Owner", job.owner.get_username()),
        ("Priority", job.priority),
        ("Attempt", job.attempt),
        ("Failures", f"{job.failures} of {job.max_attempts}"),
        ("Kills", job.kills),
        ("Position", f"{job.attempt}, closed after {job.last_seq}" if job.seq == CLOSED else str(job.position)),
        ("Time limit", duration_words(timedelta(seconds=job.timeout_seconds))),
        ("Worker", job.worker.name if job.worker else None),
        ("Lease until", job.lease_expires_at),
        ("Not before", job.run_at),
        ("Created", job.created_at),
        ("Started", job.started_at),
        ("Ended", job.finished_at if job.state in TERMINAL else None),
        ("Ran", ran or None),
        ("Changed", job.updated_at),
    ]
    return [(name, _fact(value)) for name, value in rows if value is not None]


def _fact(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC" if isinstance(value, datetime) else value


def timeline(transitions: list[JobTransition]) -> list[Entry]:
    """Return the changes of state with how long each state lasted."""
    stayed = [*(after.at - before.at for before, after in pairwise(transitions)), None]
    return [Entry(transition=row, stayed=time) for row, time in zip(transitions, stayed, strict=False)]


def attempts(entries: list[Entry]) -> list[Attempt]:
    """Return the attempts, the last one first."""
    found: dict[int, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.transition.attempt, []).append(entry)
    ends: dict[int, Entry] = {}
    for before, after in pairwise(entries):
        if after.transition.attempt != before.transition.attempt:
            ends[before.transition.attempt] = after  # what ended it is the change that began the next
    return [_attempt(number, found[number], ends.get(number)) for number in sorted(found, reverse=True)]


def _attempt(number: int, entries: list[Entry], ended_by: Entry | None) -> Attempt:
    by_state = {entry.transition.target: entry for entry in entries}
    queued, running = by_state.get(State.CREATED), by_state.get(State.RUNNING)
    last = entries[-1]
    is_closed = last.transition.target not in (State.CREATED, State.RUNNING)
    end = last if is_closed else ended_by
    words = " – ".join(filter(None, [end.transition.target if is_closed else "back in the queue", end.why])) if end else ""
    return Attempt(
        number=number,
        worker=running.transition.worker_name if running else "",
        waited=queued.stayed if queued else None,
        ran=running.stayed if running else None,
        end=words,
        detail=end.transition.detail if end else "",
    )


def pretty(value: Any) -> str:
    """Return JSON for people."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}\n… (the API has the rest)"


def duration_words(time: timedelta) -> str:
    """Say how long something took."""
    seconds = max(0.0, time.total_seconds())
    if seconds < 0.1:
        return "< 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min {int(seconds % 60)} s"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
