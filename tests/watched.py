"""A watched job without a database, and events to fold into it: what a feed needs of a job and no more."""

import hashlib
from typing import Any

from jobs.events import FoldedJob
from realtime.position import CLOSED, Position


class MadeUpJob:
    """Realtime's `Watched`, folded by the real fold. `priority` stands for all that no event carries."""

    def __init__(self, fields: dict[str, Any] | None = None) -> None:
        self.view = FoldedJob(fields)
        self.priority = 0
        self.edits = 0

    @property
    def position(self) -> Position:
        return self.view.position

    @property
    def text_sha256(self) -> str | None:
        return self.view.closed_sha256

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
