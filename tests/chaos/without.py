"""Guards that a soak can do without, to show that it notices: `SOAK_WITHOUT` names one, in the processes under test."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any


def contiguity() -> None:
    """Feeds take any later event, whatever is missing before it."""
    from realtime import feed

    feed._goes_on = lambda position, held: True


def comparison() -> None:
    """Nobody compares feeds with log and row, and nobody proves that what is published arrives."""
    from realtime.job_watch import JobWatch
    from realtime.listener import Listener

    async def never(self: Listener) -> None:
        """Prove nothing."""

    JobWatch.compare = lambda self, row, logged, was: None  # type: ignore[method-assign]
    Listener.probe_once = never  # type: ignore[method-assign]


def fence() -> None:
    """A worker's flush writes to the row whatever attempt it is at."""
    from jobs.models import Job

    flusher: Any = import_module("jobs.flusher")
    flush = flusher.flush

    def unfenced(flushes: Sequence[Any]) -> Any:
        attempts = dict(Job.objects.filter(pk__in=[item.job_id for item in flushes]).values_list("pk", "attempt"))
        return flush([replace(item, attempt=attempts.get(item.job_id, item.attempt)) for item in flushes])

    flusher.flush = unfenced


GUARDS: dict[str, Callable[[], None]] = {guard.__name__: guard for guard in (contiguity, comparison, fence)}

if name := os.environ.get("SOAK_WITHOUT"):
    GUARDS[name]()
