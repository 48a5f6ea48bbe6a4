"""How jobs have gone: read piece by piece of the time, a few hundred rows each, so that a busy week costs little more than a quiet one."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from jobs.admin.remembered import remembered
from jobs.lifecycle import TERMINAL, State
from jobs.models import Job

SAMPLE = 300
"""Of so many jobs of a piece the times are looked at; beyond that they are a sample, and the rest is only counted."""
COUNT_LIMIT = 20_000
"""So many of a piece are counted."""
WAITING_LIMIT = 10_000
SHOWN_CODES = 8

_QUEUED_AT = re.compile(r'"ts":\s?(\d+)')


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time to look back on."""

    name: str
    words: str
    piece: timedelta
    pieces: int
    format: str
    good_for_seconds: float


SPANS = {
    span.name: span
    for span in (
        Span(name="hour", words="the last hour", piece=timedelta(minutes=2), pieces=30, format="%H:%M", good_for_seconds=5),
        Span(name="day", words="the last day", piece=timedelta(hours=1), pieces=24, format="%H:%M", good_for_seconds=30),
        Span(name="week", words="the last week", piece=timedelta(hours=6), pieces=28, format="%a %H:%M", good_for_seconds=120),
    )
}


@dataclass(kw_only=True)
class Piece:
    """The jobs that ended within one piece of the time."""

    begins: datetime
    ended: Counter[str] = field(default_factory=Counter)
    waited: list[float] = field(default_factory=list)
    """How long each waited for a worker before its last attempt, from when it could have begun, in seconds."""
    ran: list[tuple[str, float]] = field(default_factory=list)
    """The type of each, and how long its last attempt ran."""
    codes: Counter[str] = field(default_factory=Counter)
    is_sample: bool = False


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The jobs of a type that could begin now."""

    type: str
    count: int
    oldest_seconds: float


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """How jobs have gone in a span, the oldest piece first, and what waits now."""

    span: Span
    pieces: list[Piece]
    waiting: list[Waiting]
    is_waiting_cut: bool

    @property
    def is_sample(self) -> bool:
        """Whether the times are those of a sample."""
        return any(piece.is_sample for piece in self.pieces)


def statistics(name: str) -> Statistics:
    """Return the statistics of a span, fresh enough for it. Raises KeyError for one that there is not."""
    span = SPANS[name]
    return remembered(("statistics", name), span.good_for_seconds, lambda: _read(span, timezone.now()))


def _read(span: Span, now: datetime) -> Statistics:
    seconds = span.piece.total_seconds()
    last = datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)
    pieces = [_piece(last - span.piece * index, span.piece) for index in reversed(range(span.pieces))]
    rows = list(Job.objects.due().order_by("created_at").values_list("type", "created_at", "run_at")[:WAITING_LIMIT])
    return Statistics(span=span, pieces=pieces, waiting=_waiting(rows, now), is_waiting_cut=len(rows) == WAITING_LIMIT)


def _piece(begins: datetime, length: timedelta) -> Piece:
    ended = Job.with_deleted.filter(finished_at__gte=begins, finished_at__lt=begins + length)
    piece = Piece(begins=begins)
    names = ("state", "type", "run_at", "started_at", "finished_at", "queued_event")
    rows = list(ended.order_by("finished_at").annotate(code=KT("error__code")).values_list(*names, "code")[: SAMPLE + 1])
    piece.is_sample = len(rows) > SAMPLE
    for state, type_name, run_at, started_at, finished_at, queued_event, code in rows[:SAMPLE]:
        piece.ended[state] += 1
        if code:
            piece.codes[code] += 1
        if started_at is None:
            continue  # it ended before it began
        piece.ran.append((type_name, (finished_at - started_at).total_seconds()))
        if queued := _QUEUED_AT.search(queued_event):
            due_at = max(int(queued[1]) / 1000, run_at.timestamp() if run_at else 0)
            piece.waited.append(max(0.0, started_at.timestamp() - due_at))
    if piece.is_sample:
        piece.ended = _counted(ended)
        seen = piece.codes.total()
        piece.codes = Counter({code: round(count * piece.ended[State.FAILED] / seen) for code, count in piece.codes.items()})
    return piece


def _counted(ended: QuerySet[Job]) -> Counter[str]:
    """Return how many there are by state, from the index alone."""
    first = ended.order_by("finished_at").values("finished_at", "state")[:COUNT_LIMIT]
    return Counter(first.aggregate(**{state.value: Count("state", filter=Q(state=state)) for state in sorted(TERMINAL)}))


def _waiting(rows: list[tuple[str, datetime, datetime | None]], now: datetime) -> list[Waiting]:
    since: dict[str, list[datetime]] = {}
    for type_name, created_at, run_at in rows:
        since.setdefault(type_name, []).append(max(created_at, run_at or created_at))
    found = [
        Waiting(type=name, count=len(times), oldest_seconds=max(0.0, (now - min(times)).total_seconds())) for name, times in since.items()
    ]
    return sorted(found, key=lambda waiting: -waiting.oldest_seconds)


def percentile(values: list[float], percent: int) -> float | None:
    """Return the value that so many percent of the values do not exceed; None of no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
