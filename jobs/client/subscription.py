"""One watched job: where this reader stands, and what to ask for when something is missing. The browser's `subscription.js` is its twin."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobs.client.backoff import Backoff
from jobs.client.errors import JobsError
from jobs.events import Damaged, Event, FoldedJob, text_sha256
from realtime.position import Position, Verdict, judge

Frame = dict[str, Any]

LOG_LINES = 200
DAMAGE_FORGOTTEN_SECONDS = 60
RETRY_SECONDS = 2
TRANSIENT = frozenset({"rate_limited", "unavailable"})


@dataclass(frozen=True, kw_only=True)
class Door:
    """What a subscription does to the world around it."""

    send: Callable[[Frame], bool]
    next_ref: Callable[[], int]
    changed: Callable[[], None]
    call_later: Callable[[float, Callable[[], None]], Any]
    """Call a function after some seconds; returns something to `cancel()`."""


class Subscription:
    """What a client holds of one job, and its conversation with the server about it. Does no I/O of its own."""

    def __init__(self, job_id: str, door: Door) -> None:
        self.topic = f"job:{job_id}"
        self.logs: deque[Event] = deque(maxlen=LOG_LINES)
        """The log events heard since the subscription began, oldest first."""
        self.logged = 0
        """How many log events there were, those that are forgotten included."""
        self.status: Frame | None = None
        """How the worker is, as the last `status` frame had it."""
        self.error: JobsError | None = None
        """Why there is nothing to watch."""
        self._door = door
        self._folded: FoldedJob | None = None
        self._other_fields: dict[str, Any] = {}
        self._ref: int | None = None
        self._awaiting = True  # frames of the topic are dropped until `subscribed`
        self._needs_snapshot = False
        self._gap_at: Position | None = None
        self._timer: Any = None
        self._damage = Backoff(min_seconds=1, max_seconds=30)
        self._damaged_at = 0.0

    @property
    def job(self) -> dict[str, Any] | None:
        """The job as of its position; None until the first snapshot."""
        return None if self._folded is None else {**self._other_fields, **self._folded.fields()}

    @property
    def is_live(self) -> bool:
        """Whether what happens to the job arrives here now."""
        return not self._awaiting and self._folded is not None and not self._needs_snapshot

    def begin(self) -> None:
        """Ask for what comes after the position that is here, or for a snapshot."""
        self._leave_timer()
        self._awaiting = True
        self._ref = self._door.next_ref()
        frame: Frame = {"type": "subscribe", "ref": self._ref, "topic": self.topic}
        if self._folded is not None and not self._needs_snapshot:
            frame["after"] = str(self._folded.position)
        self._door.send(frame)

    def suspend(self) -> None:
        """Note that the connection is gone."""
        self._awaiting = True
        self._ref = None
        self._leave_timer()

    def end(self) -> None:
        """Take leave of the server."""
        self.suspend()
        self._door.send({"type": "unsubscribe", "ref": self._door.next_ref(), "topic": self.topic})

    def is_waiting_for(self, ref: object) -> bool:
        """Tell whether the frame with this ref answers the subscribe that is under way."""
        return ref is not None and ref == self._ref

    def take(self, frame: Frame) -> None:
        """Take a frame of this topic, or the answer to its `subscribe`."""
        match frame["type"]:
            case "subscribed":
                self._take_subscribed(frame)
            case "error":
                self._take_error(frame)
            case "unsubscribed":
                if frame.get("reason"):
                    self._fail(JobsError(frame["reason"], "This job was deleted." if frame["reason"] == "deleted" else frame["reason"]))
            case "snapshot" if not self._awaiting:
                self._take_snapshot(frame)
            case "events" if not self._awaiting:
                self._take_events(frame["events"])
            case "status" if not self._awaiting:
                self.status = frame
                self._door.changed()

    def _take_subscribed(self, frame: Frame) -> None:
        if not self.is_waiting_for(frame.get("ref")):
            return
        self._awaiting = False
        self.error = None
        known, digest = self._folded, frame.get("textSha256")
        is_same = known is not None and str(known.position) == frame["position"]
        if known and is_same and not self._needs_snapshot and digest and digest != text_sha256(known.chunks):
            self._repair()
        else:
            self._door.changed()

    def _take_snapshot(self, frame: Frame) -> None:
        self._needs_snapshot = False
        self._gap_at = None
        self._folded = FoldedJob({**frame["job"], "position": frame["position"]})
        # A field that is folded comes from the fold alone: `more` is there only while it is true.
        self._other_fields = {key: value for key, value in frame["job"].items() if key != "more"}
        self._door.changed()

    def _take_events(self, events: list[Event]) -> None:
        if self._folded is None or self._needs_snapshot:
            return  # a snapshot is on its way
        for event in events:
            verdict = judge(self._folded.position, event)
            if verdict is Verdict.GAP:
                self._close_gap()
                break
            if verdict is Verdict.OLD:
                continue
            try:
                self._folded.fold(event)
            except (Damaged, KeyError, TypeError):
                self._repair()
                break
            if event["type"] == "log":
                self.logs.append(event)
                self.logged += 1
        self._door.changed()

    def _close_gap(self) -> None:
        assert self._folded is not None, "a gap is seen from a position"
        # Twice the same gap: what is missing cannot be had as events.
        if self._gap_at == self._folded.position:
            self._repair()
        else:
            self._gap_at = self._folded.position
            self.begin()

    def _repair(self) -> None:
        """What is here is damaged, or cannot be brought up to date: have the job whole, and not too often."""
        now = time.monotonic()
        if now - self._damaged_at > DAMAGE_FORGOTTEN_SECONDS:
            self._damage.reset()
        self._damaged_at = now
        self._gap_at = None
        self._needs_snapshot = True
        self._begin_later(self._damage.next())

    def _take_error(self, frame: Frame) -> None:
        self._ref = None
        if frame["code"] in TRANSIENT:
            self._begin_later(RETRY_SECONDS)
        else:
            self._fail(JobsError(frame["code"], frame["message"]))

    def _fail(self, error: JobsError) -> None:
        self.error = error
        self._folded = self.status = None
        self._awaiting = True
        self._door.changed()

    def _begin_later(self, seconds: float) -> None:
        self._awaiting = True
        self._ref = None
        if seconds == 0:
            self.begin()
        else:
            self._leave_timer()
            self._timer = self._door.call_later(seconds, self.begin)

    def _leave_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
