"""Jobs as CSV, for spreadsheets: what a job says is text there, never a formula."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KT

from jobs.admin.change_list import cursor_of, older_than
from jobs.models import Job, iso

EXPORT_LIMIT = 50_000
BATCH = 2000
HEADS = (
    "jobId", "type", "owner", "state", "progress", "attempt", "failures", "kills", "priority",
    "createdAt", "startedAt", "finishedAt", "errorCode", "errorMessage", "query",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # also as the wide signs of East Asian keyboards


def as_csv(rows: QuerySet[Job]) -> tuple[str, int]:
    """Return the newest jobs of `rows` as CSV, and how many they are."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADS)
    count = 0
    for job in _read(rows):
        writer.writerow(_row(job))
        count += 1
    return out.getvalue(), count


def _read(rows: QuerySet[Job]) -> Iterator[Any]:
    """Yield the jobs, newest first, batch by batch."""
    rows = rows.annotate(error_code=KT("error__code"), error_message=KT("error__message"))
    left, cursor = EXPORT_LIMIT, None
    while left > 0:
        batch = list((older_than(rows, cursor) if cursor else rows)[: min(BATCH, left)])
        yield from batch
        if len(batch) < BATCH:
            return
        left, cursor = left - len(batch), cursor_of(batch[-1])


def _row(job: Any) -> list[Any]:
    texts = (job.error_code, job.error_message, job.query)
    return [
        safe(job.pk), safe(job.type), safe(job.owner.get_username()), job.state,
        job.progress, job.attempt, job.failures, job.kills, job.priority,
        iso(job.created_at), iso(job.started_at), iso(job.finished_at), *(safe(text or "") for text in texts),
    ]  # fmt: skip


def safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    text = text.replace("\0", "")
    return f"'{text}" if text.startswith(_FORMULA) else text
