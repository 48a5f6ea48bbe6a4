"""A worker writes its runs to their rows: the heartbeat, and what is new of each run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from jobs.lifecycle import State
from jobs.models import Job, JobText, from_ts
from jobs.text import TextLog
from jobs.transitions.claim import lease_end
from realtime.publisher import Entry


@dataclass(frozen=True, kw_only=True)
class Flush:
    """A run as its events up to `seq` make it."""

    job_id: str
    attempt: int
    seq: int
    ts: int
    """When the event at `seq` happened, in Unix milliseconds."""
    progress: float
    step: str | None
    steps: list[dict[str, Any]]
    message: str | None
    text: TextLog
    text_length: int
    unpublished: Sequence[Entry] = ()
    """At the end of a run: its events that are not in the log yet; they are published with the event that ends it."""

    def new_text(self, known_length: int) -> str:
        """Return the text after what the row has."""
        return self.text.between(known_length, self.text_length)


@dataclass(frozen=True)
class FlushResult:
    """Which jobs are still held, which are lost; the others were locked by somebody and are taken at the next flush."""

    held: frozenset[str]
    fenced: frozenset[str]


_NARROW_UPDATE = (
    "UPDATE jobs_job SET seq = %s, progress = %s, step = %s, steps = %s, message = %s, text_length = %s, updated_at = %s, "
    "lease_expires_at = COALESCE(%s, lease_expires_at) "
    "WHERE id = %s AND attempt = %s AND state = 'running' AND seq < %s"
)
_NARROW_UPDATE_OF_ALL = (
    "UPDATE jobs_job SET seq = new.seq, progress = new.progress, step = new.step, steps = new.steps::jsonb, message = new.message, "
    "text_length = new.text_length, updated_at = new.updated_at, lease_expires_at = COALESCE(%s, lease_expires_at) "
    "FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::text[], %s::text[], %s::text[], %s::int[], %s::timestamptz[]) "
    "AS new (id, attempt, seq, progress, step, steps, message, text_length, updated_at) "
    "WHERE jobs_job.id = new.id AND jobs_job.attempt = new.attempt AND jobs_job.state = 'running' AND jobs_job.seq < new.seq"
)
"""The same in one statement: a thousand of them take PostgreSQL five times as long."""


def flush(flushes: Sequence[Flush]) -> FlushResult:
    """Renew the leases of all runs and write what is new of each, in one transaction.

    A locked row is passed over, so that it stops nobody else's heartbeat; a job is lost only when a read says so.
    """
    by_id = {item.job_id: item for item in flushes}
    with transaction.atomic():
        rows = {
            job.pk: job
            for job in Job.objects.filter(pk__in=by_id, state=State.RUNNING)
            .select_for_update(skip_locked=True)
            .annotate(leased_until=lease_end())
            .only("id", "attempt", "seq", "text_length")
            if job.attempt == by_id[job.pk].attempt
        }
        if rows:
            first: Any = next(iter(rows.values()))
            # One new version of a row a second, not two: that is what a heartbeat costs.
            still = [job.pk for job in rows.values() if job.seq >= by_id[job.pk].seq]
            Job.objects.filter(pk__in=still).update(lease_expires_at=lease_end())
            write_new([by_id[job_id] for job_id in rows], rows, leased_until=first.leased_until)
    missing = [item for item in flushes if item.job_id not in rows]
    return FlushResult(frozenset(rows), _fenced(missing) if missing else frozenset())


def write_new(flushes: Sequence[Flush], rows: Mapping[str, Job], *, leased_until: datetime | None = None) -> None:
    """Write what the locked `rows` do not have yet, and until when they are leased. A flush that another one has overtaken adds nothing."""
    moved = [item for item in flushes if rows[item.job_id].seq < item.seq]
    texts = [
        JobText(job_id=item.job_id, offset=rows[item.job_id].text_length, text=item.new_text(rows[item.job_id].text_length))
        for item in moved
        if item.text_length > rows[item.job_id].text_length
    ]
    JobText.objects.bulk_create(texts)
    if moved:
        _update(moved, leased_until)


def _update(moved: Sequence[Flush], leased_until: datetime | None) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = zip(*((item.job_id, item.attempt, *_values(item), from_ts(item.ts)) for item in moved), strict=True)
            cursor.execute(_NARROW_UPDATE_OF_ALL, [leased_until, *map(list, columns)])
            return
        adapt = connection.ops.adapt_datetimefield_value
        until = adapt(leased_until)
        cursor.executemany(
            _NARROW_UPDATE, [(*_values(item), adapt(from_ts(item.ts)), until, item.job_id, item.attempt, item.seq) for item in moved]
        )


def _values(item: Flush) -> tuple[Any, ...]:
    return item.seq, item.progress, item.step, json.dumps(item.steps), item.message, item.text_length


def _fenced(missing: list[Flush]) -> frozenset[str]:
    """Return the jobs among `missing` that this attempt does not hold any more."""
    holders = dict(Job.objects.filter(pk__in=[item.job_id for item in missing], state=State.RUNNING).values_list("pk", "attempt"))
    return frozenset(item.job_id for item in missing if holders.get(item.job_id) != item.attempt)
