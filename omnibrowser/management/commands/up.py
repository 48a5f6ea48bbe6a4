"""`manage.py up`: everything on one machine."""

import os
import secrets
import shlex
import signal
import subprocess
import sys
from argparse import ArgumentParser
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection
from rest_framework_simplejwt.tokens import AccessToken

from jobs.child_processes import end_with
from jobs.submit import submit
from omnibrowser.children import Children
from omnibrowser.server import PortUnavailableError, listening_socket
from realtime.errors import RedisUnavailable
from realtime.redis_client import breaker, client

USER = "admin"
FIRST_JOB = ("search", "How does the with statement work?")
HEALTHY_SECONDS = 30


class Command(BaseCommand):
    """Run everything on one machine."""

    help = "Run everything on one machine: database, Valkey, server, worker, and a first job to watch. Ctrl-C ends it all."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--no-job", action="store_true", help="run no first job")

    def handle(self, *args: Any, no_job: bool, **options: Any) -> None:
        """Check what is needed, start it all, show a job, and stay until Ctrl-C."""
        signal.signal(signal.SIGTERM, _interrupt)
        _check_port()
        _check_redis()
        _migrate()
        password = _first_user()
        log_dir = settings.STATE_DIR / "logs"
        with Children(log_dir, say=self.stderr.write) as children:
            try:
                children.start("server", "serve")
                children.start("worker", "worker")
                children.wait_until_healthy(f"{_address()}/health", seconds=HEALTHY_SECONDS)
                self._introduce(password, log_dir)
                if not no_job:
                    self._show_first_job(children)
                self.stdout.write("Everything runs. Ctrl-C ends it.")
                children.tend_until(lambda: False)
            except KeyboardInterrupt:
                self.stdout.write("\nEnding ...")

    def _introduce(self, password: str | None, log_dir: Path) -> None:
        user = get_user_model().objects.get(username=USER)
        token = AccessToken.for_user(user)
        body = '{"type": "search", "query": "context managers"}'
        minutes = token.lifetime.total_seconds() / 60
        known = password or f"(as printed at the first start; a new one: {_manage_py()} changepassword {USER})"
        self.stdout.write(
            f"\nOmnibrowser Jobs runs at {_address()}\n"
            f"  user: {USER}\n"
            f"  password: {known}\n"
            f"  logs: {log_dir}\n"
            f"\nCreate a job (this token is good for {minutes:g} minutes):\n"
            f"curl -sS {_address()}/api/jobs -H 'Authorization: Bearer {token}'"
            f" -H 'Content-Type: application/json' -d {shlex.quote(body)}\n"
        )

    def _show_first_job(self, children: Children) -> None:
        type, query = FIRST_JOB
        owner = get_user_model().objects.get(username=USER)
        job = submit(owner, type, query, input={"wordsPerSecond": 60})
        self.stdout.write(f"A first job; watch it at {_address()}/jobs/{job.pk}/\n")
        self.stdout.flush()
        manage = str(settings.BASE_DIR / "manage.py")
        command = [sys.executable, manage, "watch", job.pk, "--user", USER]
        view = subprocess.Popen(command, preexec_fn=partial(end_with, os.getpid()))  # noqa: S603  our own command
        try:
            children.tend_until(lambda: view.poll() is not None)
        finally:
            view.terminate()
            view.wait()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _address() -> str:
    host = settings.SOCKET_HOST
    return f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::1', '::') else host}:{settings.SOCKET_PORT}"  # noqa: S104


def _manage_py() -> str:
    """Return how a person calls manage.py with this Python."""
    python = Path(sys.executable)
    near = python.is_relative_to(settings.BASE_DIR)
    return f"{python.relative_to(settings.BASE_DIR) if near else python} manage.py"


def _check_port() -> None:
    try:
        listening_socket(settings.SOCKET_HOST, settings.SOCKET_PORT).close()
    except PortUnavailableError as error:
        raise CommandError(str(error)) from error


def _check_redis() -> None:
    try:
        with breaker.guard():
            client().ping()
    except RedisUnavailable as error:
        raise CommandError(f"{error}. Start the server that REDIS_URL names, or unset it: then one is started here.") from error
    except Exception as error:
        raise CommandError(f"REDIS_URL cannot be used: {error}") from error


def _migrate() -> None:
    try:
        if connection.vendor == "postgresql":  # without the pool, which tries for a while and says less of what is wrong
            known = connection.settings_dict
            names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
            given = {name: known[key] for name, key in names.items() if known[key]}
            psycopg.connect(**given, connect_timeout=5).close()
        connection.ensure_connection()
    except (DatabaseError, psycopg.Error, OSError) as error:
        why = str(error).strip().splitlines()[0]
        raise CommandError(
            f"The database cannot be reached: {why}. Check DATABASE_URL, or unset it: then SQLite is used; "
            "see docs/troubleshooting.md#database-not-reached"
        ) from error
    call_command("migrate", verbosity=0, interactive=False)
    call_command("staff_groups", verbosity=0)


def _first_user() -> str | None:
    """Make the first user and return the password; None when there are users already."""
    users = get_user_model().objects
    if users.filter(username=USER).exists():
        return None
    password = secrets.token_urlsafe(12)
    users.create_superuser(USER, password=password)
    return password
