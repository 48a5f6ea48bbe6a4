"""One of many processes that do jobs of a type of which few may run at once: counts them after each claim, and may die of one.

It prints a line for each time that it saw too many, and ends when nothing is left.
"""

import os
import random
import signal
import sys
import time
from contextlib import suppress

import django

DEATHS = 0.004
"""How often it dies right after a claim, of all claims that found something."""


def main() -> None:
    """Do all."""
    django.setup()
    from jobs import transitions
    from jobs.errors import Fenced
    from jobs.models import Job, Worker, from_ts
    from jobs.remote import attempts
    from jobs.transitions.announce import now_ts
    from tests.bench.handlers import LIMIT

    now = from_ts(now_ts())
    worker = Worker.objects.create(name=f"bench:{os.getpid()}", started_at=now, heartbeat_at=now)
    while Job.objects.filter(state__in=("created", "running")).exists():
        jobs = transitions.claim(worker, types=["bench.limited"], limit=random.choice((1, 2, LIMIT)))
        running = Job.objects.filter(type="bench.limited", state="running").count()
        if running > LIMIT:
            sys.stdout.write(f"{running} ran at once\n")
            sys.stdout.flush()
        if jobs and random.random() < DEATHS:
            os.kill(os.getpid(), signal.SIGKILL)
        for job in jobs:
            with suppress(Fenced):  # it took a lease to come here
                attempts.complete(worker, job.pk, job.attempt, 1, None)
        if not jobs:
            transitions.rescue(limit=10)
            time.sleep(random.uniform(0, 0.02))


if __name__ == "__main__":
    main()
