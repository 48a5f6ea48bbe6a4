"""`manage.py worker_token NAME --types search`: lets a remote worker take jobs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from jobs.models import WorkerToken
from jobs.remote import tokens


class Command(BaseCommand):
    """Make or revoke a worker token."""

    help = "Make a token with which a remote worker takes jobs of these types, and print it: it cannot be read again. --revoke ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("name", help="what the worker is called in the admin and the logs")
        parser.add_argument("--types", default="", help="comma-separated types of jobs that it may take")
        parser.add_argument("--revoke", action="store_true", help="make the token of this name worthless")

    def handle(self, *args: Any, name: str, types: str, revoke: bool, **options: Any) -> None:
        """Make it or revoke it."""
        if revoke:
            row = WorkerToken.objects.filter(name=name).first()
            if row is None:
                raise CommandError(f"There is no token {name}.")
            tokens.revoke(row)
            self.stdout.write(f"{name} is revoked.")
            return
        wanted = [part.strip() for part in types.split(",") if part.strip()]
        if not wanted or any(len(part) > tokens.TYPE_LIMIT for part in wanted):
            raise CommandError("--types names the types of jobs that the worker may take, as --types search,export.")
        if not 0 < len(name) <= tokens.NAME_LIMIT:
            raise CommandError(f"A name has 1 to {tokens.NAME_LIMIT} characters.")
        try:
            _, token = tokens.issue(name, wanted)
        except IntegrityError:
            raise CommandError(f"There is a token {name} already. Choose another name: a revoked one keeps its own.") from None
        self.stdout.write(token)
