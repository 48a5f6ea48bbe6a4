"""A job from code of the server: a view, a signal, a command, a nightly script."""

from typing import Any

from jobs import transitions
from jobs.errors import UnknownType
from jobs.handlers import registry
from jobs.models import Job


def submit(owner: Any, type: str, query: str = "", **values: Any) -> Job:
    """Create a job of `owner` and return it, or the job that is there when it is the same; in a transaction it begins with the commit.

    `values` are those of NewJob, as `input`, `job_id`, `priority`, `run_at`; what is left out is as the handler says.
    Raises UnknownType, and JobExists when the `job_id` is taken by another job.
    """
    handler = registry.find(type)
    if handler is None:
        raise UnknownType(f"No handler runs jobs of type {type!r}. There are: {', '.join(registry.types())}.")
    defaults = {"steps": handler.steps, "max_attempts": handler.max_attempts, "timeout_seconds": handler.timeout_seconds}
    left_out = frozenset(transitions.HANDLER_DEFAULTS) - values.keys()
    job, _ = transitions.create(owner, transitions.NewJob(type=type, query=query, left_out=left_out, **{**defaults, **values}))
    return job
