"""One watched topic in one process: the folded job, the ring of its last events, and what a reader at a position gets next."""

import json
from collections import deque
from collections.abc import Iterable
from typing import Any

from realtime.position import ORIGIN, Entry, Position, Verdict, judge
from realtime.protocol import encode, events_frame
from realtime.source import Watched

BATCH_LIMIT = 256 * 1024


class Feed:
    """Holds what all readers of a topic share. Each frame is encoded once, whoever asks for it.

    The ring is unbroken: each event in it follows the one before. A reader whose next event is not in it gets a snapshot.
    """

    def __init__(self, topic: str, job: Watched, *, ring_length: int) -> None:
        self.topic = topic
        self.job = job
        self.revision = 0
        """Rises when fields changed that no event carries: readers at the same position get a snapshot then."""
        self._ring: deque[tuple[dict[str, Any], str]] = deque(maxlen=ring_length)
        self._frames: dict[Position, tuple[str, Position]] = {}
        self._snapshot: str | None = None

    @property
    def position(self) -> Position:
        """Where the folded job is."""
        return self.job.position

    def remember(self, entries: Iterable[Entry]) -> None:
        """Fill the ring with what the log has up to the job's position, as far back as it is unbroken."""
        self._ring.clear()
        at = ORIGIN
        for position, text in entries:
            if position > self.position:
                break
            event = json.loads(text)
            if judge(at, event) is not Verdict.FOLLOWS:
                self._ring.clear()
            self._ring.append((event, text))
            at = position
        if at != self.position:
            self._ring.clear()
        self._frames.clear()

    def take(self, event: dict[str, Any], text: str) -> Verdict:
        """Fold the event in when it follows. Raises ValueError when it should and does not fit: then something is damaged."""
        verdict = judge(self.position, event)
        if verdict is Verdict.FOLLOWS:
            self.job.fold(event)
            self._ring.append((event, text))
            self._frames.clear()
            self._snapshot = None
        return verdict

    def replace(self, job: Watched) -> None:
        """Go on from a row that the log does not reach: readers that are behind get a snapshot.

        A row below the feed comes from a restored database: then all readers get one.
        """
        if job.position < self.position:
            self.revision += 1
        self.job = job
        self._ring.clear()
        self._frames.clear()
        self._snapshot = None

    def edit(self, job: Watched) -> None:
        """Take over fields that no event carries, from a row at this feed's position or above; all readers get a snapshot."""
        if job.position > self.position:
            self.replace(job)
        elif job.position == self.position:
            self.job = job
            self._snapshot = None
        else:
            return
        self.revision += 1

    def reaches(self, position: Position) -> bool:
        """Tell whether a reader at `position` misses nothing when it gets the events of the ring from there on."""
        if position == self.position:
            return True
        following = next((event for event, _ in self._ring if _at(event) > position), None)
        return following is not None and judge(position, following) is Verdict.FOLLOWS

    def batch(self, position: Position) -> tuple[str, Position] | None:
        """Return a frame of the events after `position`, and where it leads; None when the ring does not reach back to it."""
        known = self._frames.get(position)
        if known:
            return known
        if not self.reaches(position):
            return None
        texts: list[str] = []
        size, last = 0, position
        for event, text in self._ring:
            if _at(event) <= position:
                continue
            size += len(text) * 4 if not text.isascii() else len(text)
            if texts and size > BATCH_LIMIT:
                break
            texts.append(text)
            last = _at(event)
        self._frames[position] = events_frame(self.topic, texts), last
        return self._frames[position]

    def snapshot(self) -> str:
        """Return the frame of the job as a whole."""
        if self._snapshot is None:
            frame = {"type": "snapshot", "topic": self.topic, "position": str(self.position), "job": self.job.render()}
            self._snapshot = encode(frame)
        return self._snapshot


def _at(event: dict[str, Any]) -> Position:
    return Position(event["attempt"], event["seq"])
