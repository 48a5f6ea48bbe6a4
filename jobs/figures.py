"""How the queue is: read from the rows once in a while for all processes, which hand it to one another through Redis."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db.models import Count, DateTimeField, ExpressionWrapper, Min, Q, Value
from django.db.models.functions import Now
from django.utils import timezone

from jobs.conf import settings
from jobs.lifecycle import State
from jobs.models import Job, Worker
from realtime.errors import RedisUnavailable
from realtime.redis_client import breaker, client

KEEP_SECONDS = 5.0
KEY = "jobs:figures"
TAKEN_KEY = "jobs:figures:taken"
LIVE = (State.CREATED, State.RUNNING, State.PAUSED)
"""States of jobs that are not over: few of them, whatever the table has seen."""


@dataclass(frozen=True, kw_only=True)
class QueueFigures:
    """The queue at one moment."""

    at: float
    """Unix time."""
    states: dict[str, dict[str, int]]
    """Jobs that are not over, by type and state."""
    due: dict[str, int]
    """Jobs by type that wait and may start now."""
    oldest_at: dict[str, float]
    """By type, since when the job waits that has waited longest of those that may start; Unix time."""
    workers: dict[str, int]
    """Workers that are alive and may take jobs, by the types that they take."""


_lock = threading.Lock()
_latest: QueueFigures | None = None


def queue_figures() -> QueueFigures:
    """Return figures of the last seconds. Raises the database's errors."""
    global _latest
    with _lock:  # who asks at the same time waits for the same answer
        if _latest is None or time.time() - _latest.at > KEEP_SECONDS:
            _latest = _of_others() or _read()
        return _latest


def _of_others() -> QueueFigures | None:
    """Return what another process has read a moment ago; None when it is our turn to read."""
    try:
        with breaker.guard():
            redis = client()
            if redis.set(TAKEN_KEY, b"1", nx=True, px=int(KEEP_SECONDS * 1000)):
                return None
            text = redis.get(KEY)
    except RedisUnavailable:
        return None
    return QueueFigures(**json.loads(text)) if text else None


def _read() -> QueueFigures:
    now = timezone.now()
    may_start = Q(state=State.CREATED) & (Q(run_at=None) | Q(run_at__lte=now))
    rows = (
        Job.objects.filter(state__in=LIVE)
        .order_by()
        .values_list("type", "state")
        .annotate(count=Count("pk"), due=Count("pk", filter=may_start), oldest=Min("updated_at", filter=may_start))
    )
    states: dict[str, dict[str, int]] = {}
    due, oldest_at = {}, {}
    for type, state, count, may, oldest in rows:
        states.setdefault(type, {})[state] = count
        if state == State.CREATED:
            due[type] = may
            if oldest is not None:
                oldest_at[type] = oldest.timestamp()
    figures = QueueFigures(at=now.timestamp(), states=states, due=due, oldest_at=oldest_at, workers=by_type(taking_workers()))
    _tell_others(figures)
    return figures


def taking_workers() -> list[list[str]]:
    """Return the types of each worker that is alive, by the database's clock, and may take jobs."""
    since = ExpressionWrapper(Now() - Value(timedelta(seconds=settings.lease_seconds)), output_field=DateTimeField())
    return list(Worker.objects.filter(heartbeat_at__gte=since, stopped_at=None, takes_jobs=True).values_list("types", flat=True))


def by_type(workers: Iterable[Iterable[str]]) -> dict[str, int]:
    """Return how many workers there are for each type."""
    return dict(Counter(type for types in workers for type in types))


def _tell_others(figures: QueueFigures) -> None:
    try:
        with breaker.guard():
            client().set(KEY, json.dumps(asdict(figures)), px=int(2 * KEEP_SECONDS * 1000))
    except RedisUnavailable:
        return
