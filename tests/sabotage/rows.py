"""What keeps the rows true."""

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.sabotage.mechanisms import mechanism, put


@mechanism
def fence() -> None:
    """A worker takes whatever row has the job's id for its own."""
    from django.db import transaction

    from jobs.models import Job
    from jobs.transitions import Flush, FlushResult
    from jobs.transitions.claim import lease_end
    from jobs.transitions.flush import write_new

    def flush(flushes: Sequence[Flush]) -> FlushResult:
        with transaction.atomic():
            rows = Job.objects.filter(state="running").select_for_update().in_bulk([item.job_id for item in flushes])
            Job.objects.filter(pk__in=rows).update(lease_expires_at=lease_end())
            write_new([item for item in flushes if item.job_id in rows], rows)
        return FlushResult(frozenset(item.job_id for item in flushes), frozenset())

    def lock_held(flush: Flush) -> Job:
        return Job.objects.select_for_update().get(pk=flush.job_id)

    put("jobs.flusher", flush=flush)
    put("jobs.transitions.close", lock_held=lock_held)
    put("jobs.publishing", _still_held=lambda append: True)


@mechanism
def row_locks() -> None:
    """Nobody locks a row, and everybody takes his time between reading and writing."""
    from jobs.models import Job, JobQuerySet

    save = Job.save

    def save_later(self: Job, *arguments: Any, **options: Any) -> None:
        time.sleep(0.02)
        save(self, *arguments, **options)

    put(JobQuerySet, select_for_update=lambda self, *arguments, **options: self.all())
    put(Job, save=save_later)


@mechanism
def one_row_at_a_time() -> None:
    """Who changes a job holds all of them, from whichever end of the line he comes."""
    from jobs.models import Job
    from jobs.transitions.close import lock
    from jobs.transitions.report import lock_remote

    def lock_all(order: str) -> None:
        for pk in list(Job.objects.filter(state="running").order_by(order).values_list("pk", flat=True)):
            Job.objects.select_for_update().only("pk").filter(pk=pk).first()

    def lock_upwards(job_id: str) -> Job:
        lock_all("pk")
        return lock(job_id)

    def lock_downwards(*arguments: Any) -> Job:
        lock_all("-pk")
        return lock_remote(*arguments)

    put("jobs.transitions.commands", lock=lock_upwards)
    put("jobs.remote.attempts", lock_remote=lock_downwards)


@mechanism
def chosen_ids() -> None:
    """The id that a client chose is not the job's."""
    from jobs import transitions

    create = transitions.create
    put(transitions, create=lambda owner, new: create(owner, replace(new, job_id=None)))


@mechanism
def durability() -> None:
    """A create is answered first, and written a moment later."""
    from django.db import connections, transaction

    from jobs import transitions
    from jobs.models import new_job_id

    create = transitions.create

    def write(owner: Any, new: transitions.NewJob) -> None:
        try:
            create(owner, new)
        finally:
            connections.close_all()

    def create_later(owner: Any, new: transitions.NewJob) -> Any:
        new = replace(new, job_id=new.job_id or new_job_id())
        with transaction.atomic():
            answer = create(owner, new)
            transaction.set_rollback(True)
        threading.Timer(0.3, write, [owner, new]).start()
        return answer

    put(transitions, create=create_later)


@mechanism
def skipping() -> None:
    """Who finds a row locked waits for it."""
    from jobs.models import JobQuerySet

    lock = JobQuerySet.select_for_update

    def wait(self: JobQuerySet, *arguments: Any, **options: Any) -> JobQuerySet:
        return lock(self, *arguments, **{**options, "skip_locked": False})

    put(JobQuerySet, select_for_update=wait)


@mechanism
def dropped_logs() -> None:
    """A log is never dropped."""
    put("realtime.event_log", drop=lambda job_ids: None)


@mechanism
def rows_own_length() -> None:
    """A flush adds what its worker has not heard to be written, whatever the row has."""
    from django.db import transaction

    from jobs.transitions.flush import write_new

    heard: dict[tuple[str, int], tuple[int, int]] = {}

    def write_all(flushes: Any, rows: Any, **options: Any) -> None:
        for item in flushes:
            row = rows[item.job_id]
            row.seq, row.text_length = heard.get((item.job_id, item.attempt), (row.seq, row.text_length))
            known = {(item.job_id, item.attempt): (item.seq, item.text_length)}
            transaction.on_commit(lambda known=known: heard.update(known))  # type: ignore[misc]
        write_new(flushes, rows, **options)

    put("jobs.transitions.flush", write_new=write_all)
    put("jobs.transitions.checkpoint", write_new=write_all)


@mechanism
def checkpoint() -> None:
    """A checkpoint saves nothing."""
    put("jobs.transitions.checkpoint", _save=lambda row, saved: None)


@mechanism
def cutting() -> None:
    """The next attempt goes on after all that was written, not after the checkpoint."""
    put("jobs.transitions.requeue", cut=lambda text, length: text)


@mechanism
def skipped_attempts() -> None:
    """After a restore the attempts go on where the backup has them."""
    put("jobs.transitions.restore", ATTEMPTS_SKIPPED=1)


@mechanism
def database_clock() -> None:
    """A lease ends by the clock of whoever holds it."""
    from django.db.models import Value
    from django.utils import timezone

    from jobs.conf import settings

    def lease_end() -> Value:
        return Value(timezone.now() + timedelta(seconds=settings.lease_seconds))

    for name in ("jobs.transitions.claim", "jobs.transitions.checkpoint", "jobs.transitions.flush", "jobs.publishing"):
        put(name, lease_end=lease_end)
