"""`manage.py restored`: to be run once after the database was restored from a backup, beside servers and workers or without them."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from jobs.transitions import skip_lost_attempts

BATCH = 100


class Command(BaseCommand):
    """Go on from a restored database."""

    help = (
        "Run this once after the database was restored from a backup. Every job goes on under attempts that nobody has seen, "
        "jobs that ran are put back, and the event logs are dropped, so that no position names two events. Again is harmless."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all jobs, batch after batch."""
        after, states = "", Counter[str]()
        while jobs := skip_lost_attempts(after=after, limit=BATCH):
            after = jobs[-1].pk
            states.update(job.state for job in jobs)
        found = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
        self.stdout.write(f"{states.total()} jobs go on from what the backup says: {found}.")
