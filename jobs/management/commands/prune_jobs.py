"""`manage.py prune_jobs`: deletes what is old, as every worker does once an hour."""

from typing import Any

from django.core.management.base import BaseCommand

from jobs.conf import settings
from jobs.pruner import prune_once


class Command(BaseCommand):
    """Delete what is old."""

    help = "Delete jobs that ended RETENTION_DAYS ago, and workers and sign-ins that are over. Workers do it by themselves, once an hour."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, batch after batch, until nothing is left."""
        pruned = 0
        while count := prune_once():
            pruned += count
        self.stdout.write(f"{pruned} rows deleted; jobs are kept {settings.retention_days:g} days after their end.")
