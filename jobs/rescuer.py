"""Brings orphans back: jobs whose lease is over go back to the queue. Every worker runs it; its twin is the pruner."""

import logging
from collections.abc import Sequence

from jobs import transitions
from jobs.models import Job

log = logging.getLogger(__name__)

BATCH = 100


def rescue_once() -> int:
    """Put back a batch of orphans and return how many there were; what others are rescuing is passed over."""
    jobs = transitions.rescue(limit=BATCH)
    for job in jobs:
        log.warning("job %s lost its worker: %s, attempt %s", job.pk, job.state, job.attempt)
    return len(jobs)


def suspects_wait(types: Sequence[str]) -> bool:
    """Tell whether a job waits that has to run alone, in a process of its own."""
    return Job.objects.due().suspected().filter(type__in=types).exists()
