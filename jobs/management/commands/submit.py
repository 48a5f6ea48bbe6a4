"""`manage.py submit TYPE [QUERY]`: a new job from the terminal."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from jobs.client import AsyncJobsClient
from jobs.client.view import show
from jobs.management.commands.watch import INTERRUPTED
from jobs.management.place import add_place, first_superuser, place_of


class Command(BaseCommand):
    """Create a job."""

    help = "Create a job and print its id; with --watch show it to its end, and end with 1 when it did not complete."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("type", help="the type of the job")
        parser.add_argument("query", nargs="?", default="", help="what it is about")
        parser.add_argument("--input", default="", help="a JSON object, as '{\"pages\": 3}'")
        parser.add_argument("--job-id", default="", help="the id that it is to have: again, it is the same job")
        parser.add_argument("--priority", type=int, default=0, help="the highest is taken first (0)")
        parser.add_argument("--watch", action="store_true", help="show it to its end")
        add_place(parser, user="the first superuser when left out")

    def handle(self, *args: Any, watch: bool, **options: Any) -> None:
        """Create it, and watch it."""
        body = {"type": options["type"], "query": options["query"], "priority": options["priority"], **_input(options["input"])}
        if options["job_id"]:
            body["jobId"] = options["job_id"]

        async def work(client: AsyncJobsClient) -> dict[str, Any]:
            job = await client.create(**body)
            self.stdout.write(job["jobId"])
            self.stdout.flush()
            return await show(client, job["jobId"], Console()) if watch else job

        try:
            job = asyncio.run(place_of(options, default=first_superuser).ask(work))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        if watch and job["state"] != "completed":
            sys.exit(1)


def _input(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else None
    except ValueError as error:
        raise CommandError(f"--input is not JSON: {error}") from error
    return {} if value is None else {"input": value}
