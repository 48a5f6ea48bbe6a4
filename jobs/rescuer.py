"""Brings orphans back: jobs whose lease is over go back to the queue. Every worker runs it; its twin is the pruner."""

import logging
import threading
import time
from collections.abc import Sequence

from jobs import transitions
from jobs.conf import settings
from jobs.models import Job

log = logging.getLogger(__name__)

BATCH = 100


def rescue_once() -> int:
    """Put back a batch of orphans and return how many there were; what others are rescuing is passed over."""
    jobs = transitions.rescue(limit=BATCH)
    for job in jobs:
        log.warning(
            "job %s lost its worker: %s, attempt %s; see docs/troubleshooting.md#job-not-updating", job.pk, job.state, job.attempt,
            extra={"job_id": job.pk, "attempt": job.attempt},
        )  # fmt: skip
    return len(jobs)


def suspects_wait(types: Sequence[str]) -> bool:
    """Tell whether a job waits that has to run alone, in a process of its own."""
    return Job.objects.due().suspected().filter(type__in=types).exists()


def rescue_when_due() -> None:
    """Rescue unless this process did within `rescue_seconds`: for remote workers, which have no loop of ours and claim often."""
    global _rescued_at
    now = time.monotonic()
    with _one_at_a_time:
        if now - _rescued_at < settings.rescue_seconds:
            return
        _rescued_at = now
    rescue_once()


_rescued_at = 0.0
_one_at_a_time = threading.Lock()
