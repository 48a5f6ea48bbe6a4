"""A watched job without a database, and events to fold into it: what a feed needs of a job and no more."""

import hashlib
import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from jobs.events import FoldedJob
from jobs.lifecycle import TERMINAL
from jobs.signs import SignsOfProgress
from realtime.errors import RequestRefused
from realtime.position import CLOSED, Position

Event = dict[str, Any]


class MadeUpJob:
    """Realtime's `Watched`, folded by the real fold. `priority` stands for all that no event carries."""

    def __init__(self, fields: dict[str, Any] | None = None) -> None:
        self.view = FoldedJob(fields)
        self.priority = 0
        self.edits = 0
        self.trace_parent: str | None = None
        self.signs = SignsOfProgress(0)

    @property
    def position(self) -> Position:
        return self.view.position

    @property
    def is_over(self) -> bool:
        return self.view.state in TERMINAL

    @property
    def text_sha256(self) -> str | None:
        return self.view.closed_sha256

    def is_certainly_for(self, user: Any) -> bool:
        return False

    def fold(self, event: dict[str, Any]) -> None:
        self.view.fold(event)

    def adopt(self, row: "MadeUpJob") -> None:
        self.priority, self.edits = row.priority, row.edits

    def render(self) -> dict[str, Any]:
        return {**self.view.fields(), "priority": self.priority}

    def copy(self) -> "MadeUpJob":
        copied = MadeUpJob(self.view.fields())
        copied.priority, copied.edits = self.priority, self.edits
        return copied


class MadeUpSource:
    """Realtime's `Source` without a database. What it is asked is counted; `hold` makes loads wait."""

    def __init__(self) -> None:
        self.jobs: dict[str, MadeUpJob] = {}
        self.asked: Counter[str] = Counter()
        self.hold = threading.Event()
        self.hold.set()
        self.error: Exception | None = None

    def add(self, job_id: str, *events: dict[str, Any]) -> MadeUpJob:
        """Add a job that is the fold of these events."""
        job = self.jobs[job_id] = MadeUpJob()
        for item in events:
            job.fold(item)
        return job

    def may_watch(self, user: Any, job_id: str) -> bool:
        return job_id in self.jobs

    def load(self, job_ids: Iterable[str]) -> dict[str, MadeUpJob]:
        self.asked["load"] += 1
        self.hold.wait(10)
        if self.error:
            raise self.error
        return {job_id: self.jobs[job_id].copy() for job_id in job_ids if job_id in self.jobs}

    def positions(self, job_ids: Iterable[str]) -> dict[str, tuple[Position, int]]:
        self.asked["positions"] += 1
        return {job_id: (self.jobs[job_id].position, self.jobs[job_id].edits) for job_id in job_ids if job_id in self.jobs}

    def statuses(self, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        self.asked["statuses"] += 1
        return {job_id: {"worker": "alive", "queuePosition": None, "eta": None} for job_id in job_ids if job_id in self.jobs}

    def newest(self, owner_id: Any, limit: int) -> list[dict[str, Any]]:
        self.asked["newest"] += 1
        return [self._summary(job_id) for job_id in sorted(self.jobs, reverse=True)[:limit]]

    def summaries(self, owner_id: Any, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        self.asked["summaries"] += 1
        return {job_id: self._summary(job_id) for job_id in job_ids if job_id in self.jobs}

    def _summary(self, job_id: str) -> dict[str, Any]:
        view = self.jobs[job_id].view
        return {"jobId": job_id, "state": view.state, "position": str(view.position), "progress": view.progress}

    def command(self, user: Any, job_id: str, action: str, if_attempt: int | None) -> dict[str, Any]:
        raise RequestRefused("conflict", "A made-up job takes no commands.")


def event(type: str, attempt: int, seq: int, data: dict[str, Any], *, job_id: str = "j") -> dict[str, Any]:
    return {"type": type, "jobId": job_id, "attempt": attempt, "seq": seq, "ts": 1763740000000 + seq % 1000, "data": data}


def queued(attempt: int, *, keep_text: int = 0, keep_seq: int = 0, job_id: str = "j") -> dict[str, Any]:
    shown: dict[str, Any] = {"progress": 0, "step": None, "steps": [], "message": None}
    data = {"state": "created", "reason": None, "keepText": keep_text, "keepSeq": keep_seq, **shown}
    return event("state", attempt, 0, data, job_id=job_id)


def running(attempt: int, *, job_id: str = "j") -> dict[str, Any]:
    return event("state", attempt, 1, {"state": "running", "reason": None}, job_id=job_id)


def text(attempt: int, seq: int, offset: int, chunk: str, *, job_id: str = "j") -> dict[str, Any]:
    return event("text", attempt, seq, {"offset": offset, "text": chunk}, job_id=job_id)


def closed(
    attempt: int, *, last_seq: int, length: int, text: str = "one two ", state: str = "completed", job_id: str = "j"
) -> dict[str, Any]:
    shown: dict[str, Any] = {"progress": 100, "step": None, "steps": [], "message": None, "result": None, "error": None}
    digest = hashlib.sha256(text[:length].encode()).hexdigest()
    data = {"state": state, "reason": None, "lastSeq": last_seq, "textLength": length, "textSha256": digest, **shown}
    return event("state", attempt, CLOSED, data, job_id=job_id)
