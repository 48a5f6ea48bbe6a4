"""When a waiting job's turn comes, and when a job will probably have ended: from its place in line, and from how long others took."""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db import connection
from django.utils import timezone

from jobs.lifecycle import State
from jobs.models import Job, iso

LINE_LIMIT = 1000
"""Further behind a job's place is not counted."""
PAST_JOBS = 30
"""So many of a type's last completed jobs say how long the next one takes."""
FEWEST = 3
"""With fewer nothing is usual yet."""
TYPES_LIMIT = 100
"""The outlook of jobs of more types is not asked for at once: SQLite takes up to 500 parts of a query."""
PAST_SECONDS = 10
"""How long what is known of a type's past is taken for true."""

_LINE = (
    "SELECT 'line' AS kind, id AS name, place, '' AS began, '' AS ended, '' AS steps FROM ("
    "SELECT id, row_number() OVER (ORDER BY priority DESC, turn, created_at, id) AS place FROM jobs_job "
    "WHERE state = 'created' AND type = %s AND (run_at IS NULL OR run_at <= %s) ORDER BY priority DESC, turn, created_at, id LIMIT %s"
    ") AS line WHERE id IN ({ids})"
)
_RUNNING = "SELECT 'running', type, count(*), '', '', '' FROM jobs_job WHERE state = 'running' AND type = %s GROUP BY type"
_PAST = (
    "SELECT 'past', type, 0, CAST(started_at AS TEXT), CAST(finished_at AS TEXT), CAST(steps AS TEXT) FROM ("
    "SELECT type, started_at, finished_at, steps FROM jobs_job WHERE state = 'completed' AND type = %s AND started_at IS NOT NULL "
    "ORDER BY finished_at DESC LIMIT %s) AS past"
)


@dataclass(frozen=True)
class Outlook:
    """What is to be expected of a job; None where that is not known."""

    queue_position: int | None = None
    eta: datetime | None = None

    def fields(self) -> dict[str, Any]:
        """Return it by its names on the wire."""
        return {"queuePosition": self.queue_position, "eta": iso(self.eta)}


UNKNOWN = Outlook()


@dataclass(frozen=True)
class Past:
    """How long the last jobs of a type took, and each of their steps, in seconds."""

    run: float
    steps: dict[str, float]


_past: dict[str, tuple[float, Past | None]] = {}
"""By type, with the monotonic time until which it counts."""


def outlooks(jobs: Sequence[Job]) -> dict[str, Outlook]:
    """Return the outlook of each of these jobs that waits or runs, by id: in one query, whatever their number."""
    now = timezone.now()
    open_jobs = [job for job in jobs if job.state in (State.CREATED, State.RUNNING)]
    types = set(sorted({job.type for job in open_jobs})[:TYPES_LIMIT])
    open_jobs = [job for job in open_jobs if job.type in types]
    if not open_jobs:
        return {}
    places, running = _ask(open_jobs, now)
    return {job.pk: _outlook(job, places.get(job.pk), running[job.type], now) for job in open_jobs}


def _outlook(job: Job, place: int | None, running: int, now: datetime) -> Outlook:
    past = _past[job.type][1]
    if past is None:
        return Outlook(place)
    if job.state == State.RUNNING:
        return Outlook(None, _rounded(now, _seconds_left(job, past, now)))
    if job.run_at is not None and job.run_at > now:
        return Outlook(None, _rounded(job.run_at, past.run))
    if place is None:
        return UNKNOWN
    turns = place / running if running else place - 1  # while none runs, the first one waits for nobody
    return Outlook(place, _rounded(now, past.run * (turns + 1)))


def _seconds_left(job: Job, past: Past, now: datetime) -> float:
    """Return how long a running job still takes: by its steps where their times are known, else by the whole."""
    current = next((step for step in job.steps if step["state"] == "running"), None)
    left = [step["name"] for step in job.steps if step["state"] == "pending"]
    if current is None or not all(name in past.steps for name in [current["name"], *left]):
        assert job.started_at is not None, "a running job has started"
        return max(0, past.run - (now - job.started_at).total_seconds())
    passed = (now - _moment(current["startedAt"])).total_seconds() if current["startedAt"] else 0
    return max(0, past.steps[current["name"]] - passed) + sum(past.steps[name] for name in left)


def _rounded(begin: datetime, seconds: float) -> datetime:
    """Return the moment in whole seconds: nobody knows it better."""
    return (begin + timedelta(seconds=seconds + 0.5)).replace(microsecond=0)


def _ask(jobs: Sequence[Job], now: datetime) -> tuple[dict[str, int], dict[str, int]]:
    """Return the places of those that wait and how many of each type run, and bring what is known of the past up to date."""
    waiting: dict[str, list[str]] = defaultdict(list)
    for job in jobs:
        if job.state == State.CREATED:
            waiting[job.type].append(job.pk)
    types = sorted({job.type for job in jobs})
    stale = [name for name in types if _past.get(name, (0.0, None))[0] < time.monotonic()]
    parts, values = [], []
    for name, ids in waiting.items():
        parts.append(_LINE.format(ids=", ".join(["%s"] * len(ids))))
        values += [name, connection.ops.adapt_datetimefield_value(now), LINE_LIMIT, *ids]
    for name in waiting:
        parts.append(_RUNNING)
        values += [name]
    for name in stale:
        parts.append(_PAST)
        values += [name, PAST_JOBS]
    found = _rows(" UNION ALL ".join(parts), values) if parts else []
    _remember(stale, [row for row in found if row[0] == "past"])
    places = {name: place for kind, name, place, *_ in found if kind == "line"}
    running = defaultdict(int, {name: count for kind, name, count, *_ in found if kind == "running"})
    return places, running


def _rows(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _remember(types: Iterable[str], rows: Sequence[tuple[Any, ...]]) -> None:
    until = time.monotonic() + PAST_SECONDS
    for name in types:
        runs = [row for row in rows if row[1] == name]
        _past[name] = until, _past_of(runs) if len(runs) >= FEWEST else None


def _past_of(rows: Sequence[tuple[Any, ...]]) -> Past:
    steps: dict[str, list[float]] = defaultdict(list)
    for *_, text in rows:
        for step in json.loads(text):
            if step["startedAt"] and step["finishedAt"]:
                steps[step["name"]].append((_moment(step["finishedAt"]) - _moment(step["startedAt"])).total_seconds())
    runs = [(_moment(ended) - _moment(began)).total_seconds() for _, _, _, began, ended, _ in rows]
    return Past(median(runs), {name: median(taken) for name, taken in steps.items() if len(taken) >= FEWEST})


def _moment(text: str) -> datetime:
    """Return a time as a database or an event has it; one without a zone is in UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.get_default_timezone())
