"""Lives of jobs: what may happen to one, as a Hypothesis strategy, and all its events from the first to the last."""

from typing import Any

from hypothesis import strategies as st

from jobs.events import FoldedJob, text_sha256
from jobs.lifecycle import TERMINAL
from jobs.text import cut
from realtime.position import CLOSED, Position
from tests.watched import Event, event, queued

CHUNKS = ("a", "two ", "ü", "漢字", "👍", "e\u0301 ", "👩‍👩‍👧‍👦", '"\\\n', "</script>", "x" * 300)
REASONS = {"completed": None, "failed": "error", "cancelled": "user", "paused": "user"}


class Life:
    """A job and what is written about it, in the order in which it counts."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.snapshots: list[dict[str, Any]] = []
        """After each event: the fold of all up to it."""
        self.job = FoldedJob()
        self._lengths = {0: 0, 1: 0}
        self._kept = 0, 0
        self._add(
            {
                **queued(1),
                "data": {**queued(1)["data"], "steps": [{"name": "A", "state": "pending", "startedAt": None, "finishedAt": None}]},
            }
        )
        self._run()

    @property
    def position(self) -> Position:
        return self.job.position

    def write(self, chunk: str) -> None:
        self._next("text", {"offset": self.job.text_length, "text": chunk})

    def progress(self, percent: int, step: str | None) -> None:
        self._next("progress", {"progress": max(percent, int(self.job.progress)), "step": step, "message": f"at {percent}"})

    def log(self) -> None:
        self._next("log", {"level": "info", "message": "a line"})

    def checkpoint(self) -> None:
        self._kept = self.job.text_length, self.position.seq

    def lose_worker(self) -> None:
        """Back to the checkpoint, as the next attempt."""
        self._requeue("worker_lost", *self._kept)
        self._run()

    def close(self, state: str, slipped: int) -> None:
        """End the attempt; `slipped`: so many of its last events are in the log, and the row closed without them."""
        last_seq = max(1, self.position.seq - slipped)
        length = self._lengths[last_seq]
        shown = {"progress": self.job.progress, "step": self.job.step, "steps": self.job.steps, "message": self.job.message}
        digest = text_sha256([cut(self.job.text, length)])
        ends: dict[str, Any] = {"result": {"n": length} if state == "completed" else None, "error": None}
        data = {"state": state, "reason": REASONS[state], "lastSeq": last_seq, "textLength": length, "textSha256": digest, **shown, **ends}
        attempt = self.position.attempt
        self._add(event("state", attempt, CLOSED, data))
        self._closed_at = last_seq

    def go_on(self) -> None:
        """Resume what is paused, keeping all; retry what has ended, from the checkpoint."""
        if self.job.state == "paused":
            self._kept = self.job.text_length, self._closed_at
            self._requeue("resume", *self._kept)
        else:
            keep_text, keep_seq = self._kept
            self._requeue("retry", min(keep_text, self.job.text_length), min(keep_seq, self._closed_at))
        self._run()

    def _requeue(self, reason: str, keep_text: int, keep_seq: int) -> None:
        attempt = self.position.attempt + 1
        shown: dict[str, Any] = {"progress": 0, "step": None, "steps": [], "message": None}
        data = {"state": "created", "reason": reason, "keepText": keep_text, "keepSeq": keep_seq, **shown}
        self._add(event("state", attempt, 0, data))
        self._lengths = {0: keep_text, 1: keep_text}
        self._kept = keep_text, 0  # no checkpoint of this attempt yet: the text is whole from its beginning on

    def _run(self) -> None:
        self._next("state", {"state": "running", "reason": None})

    def _next(self, type: str, data: dict[str, Any]) -> None:
        self._add(event(type, self.position.attempt, self.position.seq + 1, data))

    def _add(self, item: Event) -> None:
        self.events.append(item)
        self.job.fold(item)
        self.snapshots.append(self.job.fields())
        if self.position.seq != CLOSED:
            self._lengths[self.position.seq] = self.job.text_length

    _closed_at = 0


@st.composite
def lives(draw: st.DrawFn, *, happenings: int = 30) -> Life:
    """Draw a life that has come to its end."""
    life = Life()
    for kind in draw(st.lists(st.sampled_from("wwwwwwpplccxse"), max_size=happenings)):
        happen(life, kind, draw)
    if life.job.state not in TERMINAL:
        if life.position.seq == CLOSED:
            life.go_on()
        life.close("completed", 0)
    return life


def happen(life: Life, kind: str, draw: st.DrawFn) -> None:
    """Have something happen, if it can."""
    if life.position.seq == CLOSED:
        life.go_on()
    match kind:
        case "w":
            life.write(draw(st.sampled_from(CHUNKS)))
        case "p":
            life.progress(draw(st.integers(0, 100)), draw(st.sampled_from([None, "A", "B", "C"])))
        case "l":
            life.log()
        case "c":
            life.checkpoint()
        case "x":
            life.lose_worker()
        case "s":
            life.close("paused", 0)
        case "e":
            life.close(draw(st.sampled_from(["failed", "cancelled"])), draw(st.integers(0, 2)))
