"""`manage.py workers`: who runs jobs in this deployment."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Q
from django.utils import timezone
from rich.console import Console

from jobs.client.tables import workers_table
from jobs.conf import settings
from jobs.lifecycle import State
from jobs.models import Worker, iso

FORGOTTEN = timedelta(hours=1)


class Command(BaseCommand):
    """List workers."""

    help = "List the workers of this deployment, remote ones too: those that run, and those of the last hour that do not any more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="a line of JSON for each, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the rows and print."""
        recent = Worker.objects.filter(heartbeat_at__gte=timezone.now() - FORGOTTEN)
        rows = recent.annotate(running=Count("jobs", filter=Q(jobs__state=State.RUNNING))).order_by("name", "started_at")
        found = [_described(row) for row in rows]
        if options["json"]:
            for worker in found:
                self.stdout.write(json.dumps(worker))
        else:
            Console().print(workers_table(found))


def _described(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "state": _state(row),
        "types": row.types,
        "running": row.running,
        "concurrency": row.concurrency,
        "kills": row.kills,
        "startedAt": iso(row.started_at),
        "heartbeatAt": iso(row.heartbeat_at),
    }


def _state(row: Worker) -> str:
    """Return `alive`, `lost` (silent for longer than a lease), `stopped`, or `resting` (told to take no jobs)."""
    if row.stopped_at is not None:
        return "stopped"
    if timezone.now() - row.heartbeat_at > timedelta(seconds=settings.lease_seconds):
        return "lost"
    return "alive" if row.takes_jobs else "resting"
