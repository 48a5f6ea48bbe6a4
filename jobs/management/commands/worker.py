"""`manage.py worker`: runs jobs until SIGTERM or Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from jobs import metrics_port
from jobs.conf import settings
from jobs.supervisor import Supervisor
from jobs.worker_process import Work


class Command(BaseCommand):
    """Run jobs."""

    help = "Run jobs. SIGTERM: claim no more, let runs end within the grace; again: put them back at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--processes", type=int, default=1, help="how many processes run jobs (1)")
        parser.add_argument("--concurrency", type=int, default=10, help="how many jobs each of them runs at once (10)")
        parser.add_argument("--types", default="", help="comma-separated types of jobs; all that have a handler when left out")

    def handle(self, *args: Any, processes: int, concurrency: int, types: str, **options: Any) -> None:
        """Check the options, then work."""
        if processes < 1:
            raise CommandError("--processes is at least 1.")
        if concurrency < 1:
            raise CommandError("--concurrency is at least 1.")
        wanted = tuple(name.strip() for name in types.split(",") if name.strip())
        try:
            metrics_port.open_port()
        except OSError as error:
            port = settings.worker_metrics_port
            raise CommandError(f"WORKER_METRICS_PORT={port} cannot be listened on: {error.strerror or error}. Choose another.") from error
        try:
            Supervisor(Work(types=wanted, concurrency=concurrency), processes=processes).run()
        finally:
            metrics_port.close_port()
