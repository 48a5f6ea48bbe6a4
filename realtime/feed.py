"""One watched topic in one process: the folded job, the ring of its last events, and what a reader at a position gets next."""

import json
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

from realtime.position import CLOSED, ORIGIN, Entry, Position, Verdict, judge
from realtime.protocol import Frame, encode, events_frame
from realtime.source import Watched

BATCH_LIMIT = 256 * 1024


class Held(NamedTuple):
    """An event in the ring: its place, its JSON to the letter, and the least that a reader must have to go on with it."""

    position: Position
    text: str
    needs: Position


class Feed:
    """Holds what all readers of a topic share. Each frame is encoded once, whoever asks for it.

    The ring is unbroken: each event in it follows the one before. A reader whose next event is not in it gets a snapshot.
    """

    def __init__(self, topic: str, job: Watched, *, ring_length: int) -> None:
        self.topic = topic
        self.job = job
        self.position: Position = job.position
        """Where the folded job is."""
        self.revision = 0
        """Rises when fields changed that no event carries: readers at the same position get a snapshot then."""
        self._ring: deque[Held] = deque(maxlen=ring_length)
        self._frames: dict[Position, tuple[Frame, Position]] = {}
        """By the position of those who ask, until there is more."""
        self._newest: tuple[Frame, Position] | None = None
        """What those get who lack the last event alone: most readers."""
        self._frame_start = events_frame(topic, [])[:-2]
        self._snapshot: Frame | None = None
        self.status: Frame | None = None
        """The frame that tells how the worker is, None as long as it is not known."""

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
            self._ring.append(_held(event, text))
            at = position
        if at != self.position:
            self._ring.clear()
        self._frames.clear()

    def take(self, event: dict[str, Any], text: str) -> Verdict:
        """Fold the event in when it follows. Raises ValueError when it should and does not fit: then something is damaged."""
        needs = self.position
        if event["seq"] != needs.seq + 1 or event["attempt"] != needs.attempt or event["seq"] == CLOSED:  # not simply the next one
            held = _held(event, text)
            if held.position <= self.position:
                return Verdict.OLD
            if not _goes_on(self.position, held):
                return Verdict.GAP
            needs = held.needs
        self.job.fold(event)
        self.position = self.job.position
        self._ring.append(Held(self.position, text, needs))
        self._snapshot = self._newest = None
        if self._frames:
            self._frames.clear()
        return Verdict.FOLLOWS

    def replace(self, job: Watched) -> None:
        """Go on from a row that the log does not reach: readers that are behind get a snapshot.

        A row below the feed comes from a restored database: then all readers get one.
        """
        if job.position < self.position:
            self.revision += 1
        self.job, self.position = job, job.position
        self._ring.clear()
        self._frames.clear()
        self._snapshot = None

    def edit(self, job: Watched) -> None:
        """Take over fields that no event carries from a row that was read again; all readers get a snapshot."""
        if job.position > self.position:
            self.replace(job)
        else:  # the row may be behind what the log has: then it is right about everything else
            self.job.adopt(job)
            self._snapshot = None
        self.revision += 1

    def refresh(self, job: Watched) -> None:
        """Take over what no event carries for the snapshots to come; readers are not told."""
        self.job.adopt(job)
        self._snapshot = None

    def reaches(self, position: Position) -> bool:
        """Tell whether a reader at `position` misses nothing when it gets the events of the ring from there on."""
        return position == self.position or self.following(position) is not None

    def batch(self, position: Position) -> tuple[Frame, Position] | None:
        """Return a frame of the events after `position`, and where it leads; None when the ring does not reach back to it."""
        if self._ring and self._ring[-1].needs is position:
            if self._newest is None:
                self._newest = self._frame([self._ring[-1]])
            return self._newest
        known = self._frames.get(position)
        if known is None:
            following = self.following(position)
            if following is None:
                return None
            known = self._frames[position] = self._frame(following)
        return known

    def following(self, position: Position) -> list[Held] | None:
        """Return the ring's events after `position`; None when the first of them leaves a gap, or there is none."""
        following: list[Held] = []
        for held in reversed(self._ring):  # most readers lack the last event or two
            if held.position <= position:
                break
            following.append(held)
        following.reverse()
        return following if following and _goes_on(position, following[0]) else None

    def _frame(self, following: list[Held]) -> tuple[Frame, Position]:
        if len(following) > 1:
            following = _that_fit(following, BATCH_LIMIT - len(self._frame_start) - 2)
        texts = following[0].text if len(following) == 1 else ",".join([held.text for held in following])
        return Frame(f"{self._frame_start}{texts}]}}"), following[-1].position

    def snapshot(self) -> Frame:
        """Return the frame of the job as a whole."""
        if self._snapshot is None:
            frame = {"type": "snapshot", "topic": self.topic, "position": str(self.position), "job": self.job.render()}
            self._snapshot = Frame(encode(frame))
        return self._snapshot


def _held(event: dict[str, Any], text: str) -> Held:
    attempt, seq = event["attempt"], event["seq"]
    if seq == 0:
        needs = Position(attempt - 1, event["data"]["keepSeq"] if attempt > 1 else 0)
    else:
        needs = Position(attempt, event["data"]["lastSeq"] if seq == CLOSED else seq - 1)
    return Held(Position(attempt, seq), text, needs)


def _goes_on(position: Position, held: Held) -> bool:
    """Tell whether a reader at `position`, which is below the event's, can go on with it."""
    return position.attempt == held.needs.attempt and position.seq >= held.needs.seq


def _that_fit(following: list[Held], limit: int) -> list[Held]:
    """Return as many as fit into `limit` bytes, at least one."""
    size = 0
    for count, held in enumerate(following):
        size += (len(held.text) if held.text.isascii() else len(held.text.encode())) + 1
        if count and size > limit:
            return following[:count]
    return following
