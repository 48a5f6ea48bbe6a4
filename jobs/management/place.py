"""Where a command at the terminal finds the server, and in whose name: of this deployment, or of another with `--server` and `--token`."""

import os
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from jobs.client import AsyncJobsClient, ClientError
from jobs.client.connection import Token
from jobs.conf import settings
from realtime.tokens import sign_in

T = TypeVar("T")
TOKEN_VARIABLE = "JOBS_TOKEN"  # noqa: S105  # the name of a variable


@dataclass(frozen=True)
class Place:
    """A server, and a token for it."""

    url: str
    token: Token

    def client(self) -> AsyncJobsClient:
        """Return a client of the server."""
        return AsyncJobsClient(self.url, token=self.token, device_id="terminal")

    async def ask(self, work: Callable[[AsyncJobsClient], Awaitable[T]]) -> T:
        """Do something with a client. Raises CommandError, which says where the server was looked for."""
        try:
            async with self.client() as client:
                return await work(client)
        except ClientError as error:
            raise CommandError(
                f"{error} The server is looked for at {self.url}; --server names another; see docs/troubleshooting.md#socket-not-connected"
            ) from error


def add_place(parser: ArgumentParser, *, user: str) -> None:
    """Declare the options; `user` says who it is when nobody is named."""
    parser.add_argument("--server", "--url", default=settings.server_url, help=f"where the server is ({settings.server_url})")
    parser.add_argument("--token", default="", help=f"an access token for it; {TOKEN_VARIABLE} in the environment is safer")
    parser.add_argument("--user", default="", help=f"in the name of this user of this deployment; {user}")


def place_of(options: dict[str, Any], *, default: Callable[[], Any]) -> Place:
    """Return the place that the options name. Without a token it is a user of this deployment; `default` says who."""
    token = options["token"] or os.environ.get(TOKEN_VARIABLE, "")
    if token:
        return Place(options["server"], token)
    user = user_of(options["user"], default=default)
    return Place(options["server"], lambda: sign_in(user)["access"])


def user_of(name: str, *, default: Callable[[], Any]) -> Any:
    """Return the user of this deployment who has this name, or the one that `default` says. Raises CommandError."""
    user = get_user_model()._default_manager.filter(username=name, is_active=True).first() if name else default()
    if user is None:
        raise CommandError(f"There is no user {name}." if name else "There is no superuser here: name a user with --user.")
    return user


def first_superuser() -> Any:
    """Return the user in whose name things are done at the terminal when nobody is named."""
    return get_user_model()._default_manager.filter(is_superuser=True, is_active=True).order_by("pk").first()
