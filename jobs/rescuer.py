"""Brings orphans back: jobs whose lease is over go back to the queue. Every worker runs it; its twin is the pruner."""

import logging

from jobs import transitions

log = logging.getLogger(__name__)

BATCH = 100


def rescue_once() -> int:
    """Put back a batch of orphans and return how many there were; what others are rescuing is passed over."""
    jobs = transitions.rescue(limit=BATCH)
    for job in jobs:
        log.warning("job %s lost its worker: %s, attempt %s", job.pk, job.state, job.attempt)
    return len(jobs)
