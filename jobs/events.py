"""Events and what they do to a job: `fold`. The browser's `fold.js` is its twin; both pass `tests/fold_cases.json`."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from jobs.lifecycle import TERMINAL
from jobs.text import cut, utf16_length
from realtime.position import CLOSED, ORIGIN, Position

Event = dict[str, Any]
"""`{"type", "jobId", "attempt", "seq", "ts", "data"}`; `ts` in Unix milliseconds."""

MAX_STEPS = 64
STEP_NAME_LIMIT = 100
MESSAGE_LIMIT_BYTES = 8 * 1024
RESULT_IN_EVENT_BYTES = 32 * 1024
"""A larger result is null with `"more": true` everywhere but in REST."""


class Damaged(ValueError):
    """An event is next by its position and does not fit what the reader has: one of the two is damaged."""


def encode(value: Any) -> str:
    """Return `value` as the JSON that goes over the wire: compact, not escaped, no NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def iso_time(ts: int | None) -> str | None:
    """Return Unix milliseconds as ISO 8601 UTC with three decimals and `Z`."""
    if ts is None:
        return None
    seconds, milliseconds = divmod(ts, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{milliseconds:03d}Z"


def plain_number(value: float) -> int | float:
    """Return a whole number without its `.0`."""
    return int(value) if value == int(value) else value


def text_sha256(chunks: Iterable[str]) -> str:
    """Return the lower-case hex SHA-256 of the UTF-8 bytes of the joined chunks."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk.encode())
    return digest.hexdigest()


def pending_steps(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the step list of a job that has not begun: all `pending`."""
    return [{"name": name, "state": "pending", "startedAt": None, "finishedAt": None} for name in names]


def enter_step(steps: list[dict[str, Any]], name: str, at: str | None) -> list[dict[str, Any]]:
    """Return `steps` with `name` running and the one before it done; a 65th name is not listed."""
    if any(step["name"] == name and step["state"] == "running" for step in steps):
        return steps
    entered = [{**step, "state": "done", "finishedAt": at} if step["state"] == "running" else step for step in steps]
    for index, step in enumerate(entered):
        if step["name"] == name:
            entered[index] = {**step, "state": "running", "startedAt": step["startedAt"] or at, "finishedAt": None}
            return entered
    if len(entered) < MAX_STEPS:
        entered.append({"name": name, "state": "running", "startedAt": at, "finishedAt": None})
    return entered


def end_steps(steps: list[dict[str, Any]], *, completed: bool, at: str | None) -> list[dict[str, Any]]:
    """Return `steps` as they are at the close: the running one `done` when completed, else `stopped`."""
    ended = "done" if completed else "stopped"
    return [{**step, "state": ended, "finishedAt": at} if step["state"] == "running" else step for step in steps]


class FoldedJob:
    """What the events up to `position` make of a job: the part of it that a row, a feed and a reader have in common.

    The text is a list of chunks, joined when asked for: appending stays cheap however long it grows.
    """

    __slots__ = (
        "chunks",
        "error",
        "finished_at",
        "message",
        "more",
        "position",
        "progress",
        "result",
        "started_at",
        "state",
        "step",
        "steps",
        "text_length",
    )  # fmt: skip

    def __init__(self, fields: dict[str, Any] | None = None) -> None:
        """Begin with nothing, or with a job as it is on the wire."""
        fields = fields or {}
        self.position = Position.parse(fields["position"]) if "position" in fields else ORIGIN
        self.state: str | None = fields.get("state")
        self.progress: float = fields.get("progress", 0)
        self.step: str | None = fields.get("step")
        self.steps: list[dict[str, Any]] = fields.get("steps", [])
        self.message: str | None = fields.get("message")
        self.chunks: list[str] = []
        self.set_text(fields.get("streamingText", ""))
        self.result: Any = fields.get("result")
        self.more: bool = fields.get("more", False)
        self.error: dict[str, str] | None = fields.get("error")
        self.started_at: str | None = fields.get("startedAt")
        self.finished_at: str | None = fields.get("finishedAt")

    @property
    def closed_sha256(self) -> str | None:
        """The SHA-256 of the text of a closed attempt, None while it is not closed."""
        return text_sha256(self.chunks) if self.position.seq == CLOSED else None

    @property
    def text(self) -> str:
        """The streaming text as one string."""
        if len(self.chunks) > 1:
            self.chunks = ["".join(self.chunks)]
        return self.chunks[0] if self.chunks else ""

    def set_text(self, text: str) -> None:
        """Replace the text."""
        self.chunks = [text] if text else []
        self.text_length = utf16_length(text)

    def fields(self) -> dict[str, Any]:
        """Return the folded fields by their names on the wire."""
        fields = {
            "position": str(self.position), "attempt": self.position.attempt, "state": self.state,
            "progress": self.progress, "step": self.step, "steps": self.steps, "message": self.message,
            "streamingText": self.text, "result": self.result, "error": self.error,
            "startedAt": self.started_at, "finishedAt": self.finished_at,
        }  # fmt: skip
        return {**fields, "more": True} if self.more else fields

    def fold(self, event: Event) -> None:
        """Apply `event`, which must be the next one by its position. Raises Damaged when it does not fit; nothing is changed then."""
        data: dict[str, Any] = event["data"]
        match event["type"]:
            case "text":  # most events are
                if data["offset"] != self.text_length:
                    raise Damaged(f"A chunk begins at {data['offset']}, the text ends at {self.text_length}.")
                self.chunks.append(data["text"])
                self.text_length += utf16_length(data["text"])
            case "progress":
                self._fold_progress(event, data)
            case "state":
                self._fold_state(event, data)
        self.position = Position(event["attempt"], event["seq"])

    def _fold_progress(self, event: Event, data: dict[str, Any]) -> None:
        if data.get("progress") is not None:
            self.progress = data["progress"]
        if data.get("step") is not None:
            self.step = data["step"]
            self.steps = enter_step(self.steps, data["step"], iso_time(event["ts"]))
        if "message" in data:
            self.message = data["message"]

    def _fold_state(self, event: Event, data: dict[str, Any]) -> None:
        at = iso_time(event["ts"])
        if event["seq"] == 0:
            self._cut(data["keepText"])
            self._replace(data)
            self.started_at = self.finished_at = self.result = self.error = None
            self.more = False
        elif event["seq"] == CLOSED:
            self._close(data)
            if data["state"] in TERMINAL:
                self.finished_at = at
        if data["state"] == "running":
            self.started_at = at
        self.state = data["state"]

    def _close(self, data: dict[str, Any]) -> None:
        before = self.chunks, self.text_length
        self._cut(data["textLength"])
        if text_sha256(self.chunks) != data["textSha256"]:
            self.chunks, self.text_length = before
            raise Damaged("The text differs from the one that was closed.")
        self._replace(data)
        self.result, self.error, self.more = data.get("result"), data.get("error"), data.get("more", False)

    def _replace(self, data: dict[str, Any]) -> None:
        self.progress, self.step = data["progress"], data["step"]
        self.steps, self.message = data["steps"], data["message"]

    def _cut(self, length: int) -> None:
        if length == self.text_length:
            return
        try:
            self.set_text(cut(self.text, length))
        except ValueError as error:
            raise Damaged(f"The text has {self.text_length} units and cannot be cut to {length}.") from error


def fold(job: dict[str, Any], event: Event) -> dict[str, Any]:
    """Return the folded fields of `job` (as on the wire) after `event`; raises Damaged when the event does not fit."""
    folded = FoldedJob(job)
    folded.fold(event)
    return {**{key: value for key, value in job.items() if key != "more"}, **folded.fields()}
