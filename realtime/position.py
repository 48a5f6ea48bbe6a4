"""Where an event stands: attempt and seq; and whether it follows what a reader has."""

import re
from enum import Enum
from operator import itemgetter
from typing import Any, NamedTuple, TypeGuard

CLOSED = 9007199254740991
"""The seq that closes an attempt: 2^53-1, the highest integer that JavaScript holds exactly."""

_PARTS = itemgetter("type", "jobId", "attempt", "seq", "ts", "data")
_POSITION = re.compile(r"(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})")


class Position(NamedTuple):
    """The place of an event, `"<attempt>-<seq>"` on the wire; ordered by attempt, then seq."""

    attempt: int
    seq: int

    def __str__(self) -> str:
        return f"{self.attempt}-{self.seq}"

    @classmethod
    def parse(cls, text: object) -> "Position":
        """Return the position that `text` names; raises ValueError when it names none."""
        match = _POSITION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError("A position is <attempt>-<seq>, as 2-57.")
        position = cls(int(match[1]), int(match[2]))
        if position.seq > CLOSED or position.attempt > CLOSED:
            raise ValueError("A position's numbers are at most 9007199254740991.")
        return position


ORIGIN = Position(0, 0)
"""Before everything: what a reader has that has nothing."""


class Verdict(Enum):
    """What an event is to a reader at a position."""

    FOLLOWS = "follows"
    OLD = "old"
    GAP = "gap"


class Entry(NamedTuple):
    """An event as it is in the log: its place and its JSON, to the letter."""

    position: Position
    json: str


def is_event(value: Any) -> TypeGuard[dict[str, Any]]:
    """Tell whether `value` has what the order of events hangs on; what came through Redis may be anybody's."""
    try:
        kind, job_id, attempt, seq, ts, data = _PARTS(value)
    except (KeyError, TypeError, IndexError):
        return False
    if not (type(data) is dict and type(kind) is str and type(job_id) is str):
        return False
    if not (type(attempt) is int and type(seq) is int and type(ts) is int and 0 < attempt <= CLOSED and 0 <= seq <= CLOSED):
        return False
    if 0 < seq < CLOSED:
        return True
    return kind == "state" and type(data.get("keepSeq" if seq == 0 else "lastSeq")) is int


def judge(have: Position, event: dict[str, Any]) -> Verdict:
    """Tell whether `event` follows `have`, is known already, or leaves a gap; by positions alone (PROTOCOL, "A reader applies")."""
    at = Position(event["attempt"], event["seq"])
    if at <= have:
        return Verdict.OLD
    if at.seq == CLOSED:
        follows = at.attempt == have.attempt and have.seq >= event["data"]["lastSeq"]
    elif at.seq == 0:
        follows = at.attempt == have.attempt + 1 and (have.attempt == 0 or have.seq >= event["data"]["keepSeq"])
    else:
        follows = at.attempt == have.attempt and at.seq == have.seq + 1
    return Verdict.FOLLOWS if follows else Verdict.GAP
