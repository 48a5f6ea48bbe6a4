"""`manage.py watch JOB`: a job at the terminal, live."""

import asyncio
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from jobs.client import AsyncJobsClient, ClientError
from jobs.client.view import show
from jobs.conf import settings
from jobs.models import Job
from realtime.tokens import sign_in

INTERRUPTED = 130


class Command(BaseCommand):
    """Watch a job."""

    help = "Watch a job of this deployment at the terminal. Ends with 0 when it completed, 1 when it did not; Ctrl-C leaves it running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("job", help="the job's id")
        parser.add_argument("--url", default=settings.server_url, help=f"where the server is ({settings.server_url})")
        parser.add_argument("--user", default="", help="watch as this user; as the job's owner when left out")

    def handle(self, *args: Any, job: str, url: str, user: str, **options: Any) -> None:
        """Watch to the end."""
        row = Job.objects.select_related("owner").filter(pk=job).first()
        if row is None:
            raise CommandError(f"There is no job {job}.")
        viewer = get_user_model().objects.filter(username=user).first() if user else row.owner
        if viewer is None:
            raise CommandError(f"There is no user {user}.")
        try:
            ended = asyncio.run(_watch(url, viewer, job))
        except ClientError as error:
            raise CommandError(
                f"{error} The server is looked for at {url}; --url names another; see docs/troubleshooting.md#socket-not-connected"
            ) from error
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        if ended["state"] != "completed":
            sys.exit(1)


async def _watch(url: str, viewer: Any, job_id: str) -> dict[str, Any]:
    async with AsyncJobsClient(url, token=lambda: sign_in(viewer)["access"], device_id="terminal") as client:
        return await show(client, job_id, Console())
