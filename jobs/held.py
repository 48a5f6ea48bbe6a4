"""The runs whose attempt this process holds, so that code without a `run` at hand can find its own."""

from dataclasses import dataclass

from jobs.models import Job
from jobs.recorder import Recorder


@dataclass(frozen=True)
class HeldRun:
    """A run of this process, and whose job it is."""

    owner_id: str
    recorder: Recorder


_held: dict[str, HeldRun] = {}


def hold(job: Job, recorder: Recorder) -> None:
    """Note that this process holds the attempt."""
    _held[job.pk] = HeldRun(str(job.owner_id), recorder)


def let_go(recorder: Recorder) -> None:
    """Note that this process does not hold the attempt any more; a later attempt that it holds stays."""
    if (known := _held.get(recorder.job_id)) and known.recorder is recorder:
        del _held[recorder.job_id]


def find(job_id: str) -> HeldRun | None:
    """Return the run of a job that this process holds, or None."""
    return _held.get(job_id)
