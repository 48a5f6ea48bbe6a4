"""`manage.py watch JOB`: a job at the terminal, live."""

import asyncio
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from jobs.client.view import show
from jobs.management.place import add_place, place_of
from jobs.models import Job

INTERRUPTED = 130


class Command(BaseCommand):
    """Watch a job."""

    help = "Watch a job at the terminal. Ends with 0 when it completed, 1 when it did not; Ctrl-C leaves it running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("job", help="the job's id")
        add_place(parser, user="as the job's owner when left out")

    def handle(self, *args: Any, job: str, **options: Any) -> None:
        """Watch to the end."""
        place = place_of(options, default=lambda: _owner(job))
        try:
            ended = asyncio.run(place.ask(lambda client: show(client, job, Console())))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        if ended["state"] != "completed":
            sys.exit(1)


def _owner(job_id: str) -> Any:
    row = Job.objects.select_related("owner").filter(pk=job_id).first()
    if row is None:
        raise CommandError(f"There is no job {job_id}.")
    return row.owner
