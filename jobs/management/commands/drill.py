"""`manage.py drill`: faults on purpose, on this deployment."""

import asyncio
import json
import sys
from argparse import ArgumentParser
from typing import Any

import httpx
from django.core.management.base import BaseCommand, CommandError

from jobs.client import ClientError
from jobs.conf import settings
from jobs.drill.drill import Plan, Report, drill
from jobs.drill.handler import TYPE
from jobs.figures import taking_workers
from jobs.management.place import first_superuser, user_of
from realtime.conf import settings as wire_settings

WHAT_IT_DOES = (
    "A drill kills one worker process, with what else it runs: its jobs go on from their last checkpoints, in another process. "
    "All other faults are made to jobs and connections of the drill's own."
)
LOOK_SECONDS = 5


class Command(BaseCommand):
    """Try the faults."""

    help = f"Make faults and see that nothing is lost; ends with 1 when something is. {WHAT_IT_DOES}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--yes", action="store_true", help="do it in production, too")
        parser.add_argument("--server", action="append", help=f"where a server is, more than once for several ({settings.server_url})")
        parser.add_argument("--user", default="", help="the drill's jobs are this user's; the first superuser's when left out")
        parser.add_argument("--pieces", type=int, default=60, help="so many pieces each job writes, one each 50 ms (60)")
        parser.add_argument("--patience", type=float, default=0, help="the most seconds that a fault may take to be over")
        parser.add_argument("--json", action="store_true", help="say it in one line of JSON, for programs")

    def handle(self, *args: Any, yes: bool, server: list[str] | None, user: str, pieces: int, patience: float, **options: Any) -> None:
        """Check that this may be done, do it, and say what came of it."""
        if settings.is_production and not yes:
            raise CommandError(f"This is production. {WHAT_IT_DOES} Say --yes to do it.")
        servers = server or [settings.server_url]
        owner = user_of(user, default=first_superuser)
        for address in servers:
            _check_server(address)
        _check_workers()
        longest = patience or 30 + 3 * max(settings.lease_seconds, wire_settings.position_check_seconds)
        say = self.stderr.write if options["json"] else self.stdout.write
        plan = Plan(servers=servers, owner=owner, pieces=pieces, patience_seconds=longest)
        say(f"A drill at {', '.join(servers)}:")
        try:
            report = asyncio.run(drill(plan, say=say))
        except ClientError as error:
            raise CommandError(f"{error} See docs/troubleshooting.md#socket-not-connected") from error
        self.stdout.write(json.dumps(_plain(report)) if options["json"] else _in_words(report))
        if not report.is_well:
            sys.exit(1)


def _check_server(address: str) -> None:
    try:
        answer = httpx.get(f"{address.rstrip('/')}/health", timeout=LOOK_SECONDS)
        status = answer.json().get("status")
    except (httpx.HTTPError, ValueError) as error:
        raise CommandError(f"{address} does not say how it is: {error}. --server names another.") from error
    if answer.status_code != httpx.codes.OK:
        raise CommandError(f"{address} is {status} before any fault: see {address}/health, and mend that first.")


def _check_workers() -> None:
    if not any(TYPE in types for types in taking_workers()):
        raise CommandError(f"No worker takes jobs of type {TYPE}. Start one: manage.py worker --types {TYPE}")


def _slowest(report: Report) -> float:
    return max(report.recovered_seconds.values(), default=0)


def _in_words(report: Report) -> str:
    equal = "text equal" if report.is_equal else "text not equal"
    within = f"recovered in {_slowest(report):.1f} s" if not report.problems else "not recovered"
    return f"lost {report.lost}, doubled {report.doubled}, {within}, {equal}"


def _plain(report: Report) -> dict[str, Any]:
    return {
        "ok": report.is_well,
        "lost": report.lost,
        "doubled": report.doubled,
        "textEqual": report.is_equal,
        "recoveredSeconds": {name: round(seconds, 3) for name, seconds in report.recovered_seconds.items()},
        "problems": report.problems,
    }
