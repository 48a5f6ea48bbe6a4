"""A remote worker reports events of its run: numbered by the worker, written to the row, then published."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import IntegerField, Sum, Transform

from jobs.conf import settings
from jobs.errors import Fenced, Gap
from jobs.lifecycle import State
from jobs.models import Job, Worker, folded, to_ts
from jobs.text import TextLog
from jobs.transitions.announce import announce_report, encoded_entry, now_ts
from jobs.transitions.claim import lease_end
from jobs.transitions.flush import Flush, write_new
from realtime.position import Position
from realtime.publisher import Append, Entry


@dataclass(frozen=True, kw_only=True)
class Reported:
    """An event as a remote worker sent it, cleaned."""

    seq: int
    type: str
    data: dict[str, Any]


class TextTooLong(Exception):
    """A report would make the text of the job longer than one may be. What came before is written."""


def report(worker: Worker, job_id: str, attempt: int, events: Sequence[Reported]) -> Position:
    """Write the events that the row does not have yet, renew the lease, and return the position that is accepted now.

    Events that are there already are passed over, so that a report whose answer got lost can be sent again. Raises Fenced
    and Gap, and TextTooLong when the attempt is to fail because of that.
    """
    too_long = False
    with transaction.atomic():
        job = lock_remote(worker, job_id, attempt)
        new = [event for event in events if event.seq > job.seq]
        if new and new[0].seq != job.seq + 1:
            raise gap(job, f"The next event has seq {job.seq + 1}, not {new[0].seq}.")
        run = _Run(job)
        for event in new:
            if too_long := not run.take(event):
                break
        write_new([run.flush()], {job.pk: job})
        Job.objects.filter(pk=job.pk, attempt=attempt, state=State.RUNNING).update(lease_expires_at=lease_end())
        if run.entries:
            announce_report(Append(job.pk, run.entries))
    if too_long:
        raise TextTooLong
    return Position(attempt, run.seq)


def lock_remote(worker: Worker, job_id: str, attempt: int) -> Job:
    """Return the row of a remote run, locked and without its text. Raises Fenced."""
    held = Job.objects.filter(pk=job_id, attempt=attempt, state=State.RUNNING, worker=worker)
    job = held.select_for_update().defer("text", "input", "query", "closed_event").first()
    if job is None:
        raise Fenced(why_fenced(job_id, attempt))
    return job


def why_fenced(job_id: str, attempt: int) -> str:
    """Return why the attempt is not held any more: the state in which somebody closed it, else `fenced`."""
    closed = Job.objects.filter(pk=job_id, attempt=attempt, state__in=(State.CANCELLED, State.PAUSED))
    return closed.values_list("state", flat=True).first() or "fenced"


def gap(job: Job, message: str) -> Gap:
    """Return the error that says where the job is."""
    return Gap(message, position=str(job.position), text_length=job.text_length)


def standing(job: Job) -> Flush:
    """Return the run as its row has it, to be ended or saved as it is."""
    return _Run(job).flush()


def renewal(job_id: str, attempt: int) -> Flush:
    """Return a flush that brings nothing: it renews the lease."""
    return Flush(
        job_id=job_id, attempt=attempt, seq=0, ts=0, progress=0, step=None, steps=[], message=None, text=TextLog(), text_length=0
    )  # fmt: skip


class _Run:
    """A remote run: the row, and what a report adds to it."""

    def __init__(self, job: Job) -> None:
        self.seq = job.seq
        self.entries: list[Entry] = []
        self._job = job
        self._ts = to_ts(job.updated_at)
        self._view = folded(job, "")
        self._text = TextLog(start=job.text_length)
        self._text_bytes: int | None = None

    def take(self, event: Reported) -> bool:
        """Add the next event. Returns False when the text would become too long; raises Gap when it does not fit."""
        data = event.data
        if event.type == "text":
            if data["offset"] != self._text.length:
                message = f"The text ends at {self._text.length}, the event at seq {event.seq} begins at {data['offset']}."
                raise gap(self._job, message)
            if not self._fits(data["text"]):
                return False
            self._text.append(data["text"])
        elif "progress" in data:
            data = {**data, "progress": max(data["progress"], self._view.progress)}
        self.seq = event.seq
        self._ts = max(self._ts, now_ts())
        entry = {
            "type": event.type, "jobId": self._job.pk, "attempt": self._job.attempt, "seq": event.seq, "ts": self._ts, "data": data,
        }  # fmt: skip
        if event.type == "progress":
            self._view.fold(entry)
        self.entries.append(encoded_entry(entry))
        return True

    def flush(self) -> Flush:
        """Return the run as it is with what was added."""
        view = self._view
        return Flush(
            job_id=self._job.pk, attempt=self._job.attempt, seq=self.seq, ts=self._ts, progress=view.progress, step=view.step,
            steps=view.steps, message=view.message, text=self._text, text_length=self._text.length,
        )  # fmt: skip

    def _fits(self, text: str) -> bool:
        """Tell whether the text may become that much longer. A UTF-16 unit has at most three bytes of UTF-8: mostly no count is needed."""
        if self._text_bytes is None and (self._text.length + len(text) * 2) * 3 <= settings.text_limit_bytes:
            return True
        if self._text_bytes is None:
            self._text_bytes = _written_bytes(self._job) + len(self._text.between(self._job.text_length, self._text.length).encode())
        self._text_bytes += len(text.encode())
        return self._text_bytes <= settings.text_limit_bytes


class _Bytes(Transform):
    """The bytes of a text as UTF-8."""

    output_field = IntegerField()
    function = "OCTET_LENGTH"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Count what SQLite calls a blob: its `octet_length` came late."""
        return self.as_sql(compiler, connection, function="LENGTH", template="%(function)s(CAST(%(expressions)s AS BLOB))", **context)


def _written_bytes(job: Job) -> int:
    """Return the bytes of the text that the row has, counted by the database."""
    kept: int = Job.objects.filter(pk=job.pk).values_list(_Bytes("text"), flat=True)[0]
    return kept + (job.texts.aggregate(bytes=Sum(_Bytes("text")))["bytes"] or 0)
