"""`manage.py jobs`: the newest jobs, in a table."""

import asyncio
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console

from jobs.client import AsyncJobsClient
from jobs.client.tables import jobs_table
from jobs.lifecycle import State
from jobs.management.place import add_place, first_superuser, place_of


class Command(BaseCommand):
    """List jobs."""

    help = "List the newest jobs: of everybody for staff, else one's own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--state", default="", help=f"only in this state, or these: {','.join(State)}")
        parser.add_argument("--type", default="", help="only of this type, or these")
        parser.add_argument("--search", default="", help="only with these words")
        parser.add_argument("--limit", type=int, default=20, help="so many at most (20)")
        parser.add_argument("--json", action="store_true", help="a line of JSON for each, for programs")
        add_place(parser, user="the first superuser when left out")

    def handle(self, *args: Any, limit: int, **options: Any) -> None:
        """Ask the server and print."""
        filters = {name: options[name] for name in ("state", "type", "search") if options[name]}

        async def work(client: AsyncJobsClient) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            async for summary in client.list(**filters, pageSize=max(1, min(limit, 200))):
                found.append(summary)
                if len(found) >= limit:
                    break
            return found

        found = asyncio.run(place_of(options, default=first_superuser).ask(work))
        if options["json"]:
            for summary in found:
                self.stdout.write(json.dumps(summary))
        else:
            Console().print(jobs_table(found))
