"""How an attempt ended, and what that does to its row."""

import logging
import traceback
from dataclasses import dataclass
from typing import Any

from jobs import transitions
from jobs.backoff import retry_delay_seconds
from jobs.errors import EngineLost, JobFailed, JobStopped
from jobs.json_values import kept
from jobs.lifecycle import Reason
from jobs.models import Job
from jobs.recorder import Recorder
from jobs.text import clean

log = logging.getLogger(__name__)

RESULT_LIMIT_BYTES = 1024 * 1024
DETAIL_LIMIT = 20_000
"""So many last characters of a traceback are kept for staff."""
INTERRUPTED = "interrupted"
"""The reason with which a worker that ends stops its runs."""
LEASE_LOST = "lease_lost"
"""The reason with which a worker stops a run whose lease it could not renew. If nobody else has it by then, the job goes back at once."""


@dataclass(frozen=True)
class Completed:
    """The handler returned."""

    result: Any


@dataclass(frozen=True)
class Failed:
    """The attempt ended by an error; `final` when a retry would not help."""

    code: str
    message: str
    reason: Reason
    final: bool
    detail: str = ""


@dataclass(frozen=True)
class Stopped:
    """Somebody ended the run."""

    reason: str


@dataclass(frozen=True)
class Lost:
    """The process that ran it in another engine is lost: that counts as a lost worker does."""


Outcome = Completed | Failed | Stopped | Lost


def completed(result: Any) -> Completed:
    """Return a normal end. Raises JobFailed for a result that JSON cannot hold, or a too large one."""
    return Completed(kept(result, name="result", limit_bytes=RESULT_LIMIT_BYTES))


def timed_out(job: Job) -> Failed:
    """Return the end of an attempt that took too long."""
    return Failed("timeout", f"The attempt took longer than {job.timeout_seconds:g} s.", Reason.TIMEOUT, final=False)


def stalled(stall_seconds: float) -> Failed:
    """Return the end of an attempt that reported nothing for too long."""
    return Failed("timeout", f"The attempt reported nothing for {stall_seconds:g} s.", Reason.TIMEOUT, final=False)


def write_end(job: Job, flush: transitions.Flush, outcome: Outcome) -> None:
    """Write the end to the row. Raises LeaseLost when the attempt does not hold the job any more."""
    match outcome:
        case Completed(result):
            transitions.complete(flush, result)
        case Stopped(reason) if reason in (INTERRUPTED, LEASE_LOST):
            transitions.interrupt(flush)
        case Lost():
            transitions.lose_worker(flush.job_id, attempt=flush.attempt)
        case Failed():
            _write_failure(job, flush, outcome)


def _write_failure(job: Job, flush: transitions.Flush, failed: Failed) -> None:
    if failed.final or job.failures + 1 >= job.max_attempts:
        counted = 0 if failed.final else 1
        transitions.fail(flush, code=failed.code, message=failed.message, reason=failed.reason, detail=failed.detail, failures=counted)
        return
    delay = retry_delay_seconds(failures=job.failures + 1)
    transitions.retry_later(flush, reason=failed.reason, delay_seconds=delay, detail=failed.detail)


def classify(error: BaseException, recorder: Recorder) -> Outcome:
    """Tell what an error that came out of the handler means for the attempt."""
    ended = recorder.ended
    if isinstance(ended, JobFailed):  # it counts even when the handler swallowed it
        error = ended
    if isinstance(error, JobFailed):
        return Failed(clean(error.code), clean(error.message), Reason.ERROR, final=True)
    if isinstance(ended, JobStopped):
        return Stopped(ended.reason)
    if isinstance(error, JobStopped):
        return Stopped(error.reason)
    if isinstance(error, EngineLost):
        return Lost()
    detail = "".join(traceback.format_exception(error))
    # Its message may hold what the job is about: staff find it at the job.
    log.warning("a handler raised %s", type(error).__name__, extra={"exception": "".join(traceback.format_tb(error.__traceback__))})
    message = f"The handler raised {type(error).__name__}."
    return Failed("handler_error", message, Reason.ERROR, final=False, detail=clean(detail)[-DETAIL_LIMIT:])


def describe(outcome: Outcome) -> str:
    """Say it in two or three words, for the log."""
    match outcome:
        case Completed():
            return "completed"
        case Lost():
            return "lost by its engine"
        case Failed():
            return f"failed with {outcome.code}"
        case Stopped(reason):
            return f"stopped, {reason}"
