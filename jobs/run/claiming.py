"""A process of another engine (a Celery task, a script, a notebook) becomes the one that runs a job."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import Error as DatabaseError
from structlog.contextvars import bound_contextvars

from jobs import held, transitions
from jobs.checkpoints import Checkpoints
from jobs.conf import settings
from jobs.database import DatabaseThreads, checked
from jobs.errors import JobStopped, LeaseLost
from jobs.flusher import Flusher
from jobs.lifecycle import Reason
from jobs.models import Worker, from_ts
from jobs.outcomes import INTERRUPTED, Failed, Outcome, Stopped, classify, completed, describe, timed_out, write_end
from jobs.publishing import Publishing
from jobs.recorder import Recorder
from jobs.run.job_run import BlockingJobRun
from jobs.transitions.announce import now_ts

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2


class ClaimedRun(BlockingJobRun):
    """One attempt of a job, as the block of `claimed` sees it: the names of JobRun, blocking, and the result to set."""

    result: Any = None
    """What the job's result will be when the block is left; something that JSON can hold."""


@contextmanager
def claimed(job_id: str) -> Iterator[ClaimedRun]:
    """Claim a job that waits, and hold it for the block: lease, heartbeat thread, fence, as in a worker.

        with claimed(job_id) as run:
            run.write("Hello")
            run.result = {"words": 1}

    Leaving the block completes the job with `run.result`. An error fails it, JobFailed with its own code; it passes
    through. An interrupted block (Ctrl-C, `sys.exit`) puts the job back free of cost. When the process dies, the job goes
    back after its lease, and whoever claims it next starts from the last checkpoint. An attempt that takes longer than
    the job's timeoutSeconds is put back, or failed when it was the last, whatever the block does.

    Raises JobNotFound, and JobNotClaimable for a job that does not wait for a worker now. Inside the block every call
    of `run` raises JobStopped once the job is cancelled or paused, its time is over or the lease is lost; leaving the
    block normally raises it then, too: the job is not completed.
    """
    claim = _Claim(job_id)
    try:
        with bound_contextvars(job_id=claim.run.job_id, attempt=claim.run.attempt):
            yield claim.run
        claim.complete()
    except BaseException as error:
        claim.end(_outcome_of(error, claim.recorder))
        raise
    finally:
        claim.close()


class _Claim:
    """The hold on one attempt: its row of Worker, its heartbeat, its publishing thread and its time."""

    def __init__(self, job_id: str) -> None:
        now = from_ts(now_ts())
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._worker = Worker(name=name, takes_jobs=False, started_at=now, heartbeat_at=now)  # this one job, and no other
        self.job = checked(lambda: transitions.claim_one(self._worker, job_id))
        self._flusher = Flusher(self._worker, lambda: [] if self._ended else [self.recorder])
        self._publishing = Publishing(ask_for_flush=self._flusher.ask)
        self.recorder = Recorder(self.job, on_news=self._publishing.schedule)
        self._saving = DatabaseThreads(1, name="saving")
        self.run = ClaimedRun(
            self.job,
            self.recorder,
            deadline=time.monotonic() + self.job.timeout_seconds,
            checkpoints=Checkpoints(self.job, self.recorder, database=self._saving),
            wait_for_flush=self._flusher.wait,
        )
        self._ended = False
        self._ending = threading.Lock()
        self._timer = threading.Timer(self.job.timeout_seconds, self._time_is_over)
        self._timer.daemon = True
        self._flusher.start()
        self._timer.start()
        held.hold(self.job, self.recorder)

    def complete(self) -> None:
        """Record that the block was left. Raises what ended the run before, and JobFailed for a result that cannot be kept."""
        self.recorder.check()
        if not self.end(completed(self.run.result)):
            raise JobStopped("fenced")

    def end(self, outcome: Outcome) -> bool:
        """Record the end, once. Returns whether this call did, and the attempt still held the job."""
        with self._ending:
            if self._ended:
                return False
            log.info("job %s attempt %s: %s", self.job.pk, self.job.attempt, describe(outcome))
            self.recorder.finish()
            flush = replace(self.recorder.flush(), unpublished=self._publishing.finish(self.recorder))
            self._ended = True
            held.let_go(self.recorder)
            return self._write(flush, outcome)

    def _write(self, flush: transitions.Flush, outcome: Outcome) -> bool:
        """Write the end to the row. While the database is away it is tried again as long as the lease may last."""
        while True:
            try:
                checked(lambda: write_end(self.job, flush, outcome))
                return True
            except LeaseLost:
                log.info("fenced: job %s attempt %s is not ours any more", self.job.pk, self.job.attempt)
                return False
            except DatabaseError as error:
                if time.monotonic() - self.recorder.renewed_at > settings.lease_seconds:
                    log.error("the end of job %s could not be written, its lease is over: %s", self.job.pk, error)
                    raise
                log.warning("the end of job %s could not be written, trying again: %s", self.job.pk, error)
                time.sleep(RETRY_SECONDS)

    def _time_is_over(self) -> None:
        self.recorder.stop(Reason.TIMEOUT)
        self.end(timed_out(self.job))

    def close(self) -> None:
        """End the threads and say that this worker is gone."""
        self._timer.cancel()
        self._flusher.end()
        self._publishing.end()
        self._saving.end()
        checked(lambda: Worker.objects.filter(pk=self._worker.pk).update(stopped_at=from_ts(now_ts())))


def _outcome_of(error: BaseException, recorder: Recorder) -> Outcome:
    """Tell what an error that leaves the block means: an engine with retries of its own claims again, so none is final but here."""
    if not isinstance(error, Exception) and recorder.ended is None:
        return Stopped(INTERRUPTED)
    outcome = classify(error, recorder)
    return replace(outcome, final=True) if isinstance(outcome, Failed) else outcome
