"""`manage.py service_token NAME`: lets a program of the host create jobs in the name of users."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError

from jobs import service_tokens


class Command(BaseCommand):
    """Make or revoke a service token."""

    help = "Make a token with which a program acts for users (On-Behalf-Of), and print it: it cannot be read again. --revoke ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("name", help="what the program is called in the logs")
        parser.add_argument("--revoke", action="store_true", help="make the token of this name worthless")

    def handle(self, *args: Any, name: str, revoke: bool, **options: Any) -> None:
        """Make it or revoke it."""
        if revoke:
            if not service_tokens.revoke(name):
                raise CommandError(f"There is no token {name}.")
            self.stdout.write(f"{name} is revoked.")
            return
        if not 0 < len(name) <= service_tokens.NAME_LIMIT:
            raise CommandError(f"A name has 1 to {service_tokens.NAME_LIMIT} characters.")
        try:
            self.stdout.write(service_tokens.issue(name))
        except IntegrityError:
            raise CommandError(f"There is a token {name} already. Choose another name: a revoked one keeps its own.") from None
