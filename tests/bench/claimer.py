"""One of many processes that claim the same jobs: claims until nothing is left, and prints the ids."""

import os
import sys

import django


def main() -> None:
    """Claim all."""
    django.setup()
    from jobs import transitions
    from jobs.models import Worker, from_ts
    from jobs.transitions.announce import now_ts

    now = from_ts(now_ts())
    worker = Worker.objects.create(name=f"bench:{os.getpid()}", started_at=now, heartbeat_at=now)
    while jobs := transitions.claim(worker, types=["bench.empty"], limit=10):
        for job in jobs:
            sys.stdout.write(f"{job.pk}\n")


if __name__ == "__main__":
    main()
