"""Three ways to do an empty job, each with one worker process and results in the database: this service, Celery, procrastinate."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 120


class Rival(ABC):
    """Somebody who does jobs. A worker runs only while it is measured."""

    name: str
    command: Sequence[str]

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = {**os.environ, **environment}

    @abstractmethod
    def create(self, count: int) -> None:
        """Ask for so many jobs, one after another."""

    @abstractmethod
    def done(self) -> int:
        """Return how many jobs have been done in all."""

    def round(self, count: int) -> tuple[float, tuple[float, float]]:
        """Return how many jobs a second went from their creation to their end, and the CPU milliseconds a job, here and in the worker."""
        with tempfile.TemporaryFile() as log:
            worker = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            try:
                self._until_done(self.done() + 1, lambda: self.create(1))
                return self._measure(count, worker)
            finally:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()

    def _measure(self, count: int, worker: "subprocess.Popen[bytes]") -> tuple[float, tuple[float, float]]:
        here, there, began = time.thread_time(), _cpu_seconds(worker), time.monotonic()
        self._until_done(self.done() + count, lambda: self.create(count))
        took = time.monotonic() - began
        return count / took, (1000 * (self._created_at - here) / count, 1000 * (_cpu_seconds(worker) - there) / count)

    def _until_done(self, count: int, create: Any) -> None:
        create()
        self._created_at = time.thread_time()
        wait_until(lambda: self.done() >= count, seconds=PATIENCE_SECONDS, what=f"{count} jobs done by {self.name}")


def _cpu_seconds(worker: "subprocess.Popen[bytes]") -> float:
    parent = psutil.Process(worker.pid)
    times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    return sum(item.user + item.system for item in times)


def count_rows(url: str, query: str) -> int:
    """Return the number that a query on a database of its own connection gives; 0 while there is no such table."""
    try:
        if url.startswith("sqlite"):
            connection = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)
            try:
                return int(connection.execute(query).fetchone()[0])
            finally:
                connection.close()
        with psycopg.connect(url.replace("postgres://", "postgresql://")) as postgres:
            return int(postgres.execute(query).fetchone()[0])  # type: ignore[index]
    except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
        return 0


class Ours(Rival):
    """`transitions.create`, and `manage.py worker`."""

    name = "omnibrowser"
    command = (sys.executable, "manage.py", "worker", "--concurrency", "20", "--types", "bench.empty")

    def __init__(self, environment: dict[str, str], owner: Any) -> None:
        super().__init__({**environment, "JOB_HANDLERS": "tests.bench.handlers"})
        self._owner = owner

    def create(self, count: int) -> None:
        """Create jobs as the API does."""
        from jobs.transitions import NewJob, create

        for _ in range(count):
            create(self._owner, NewJob(type="bench.empty"))

    def done(self) -> int:
        """Count the rows."""
        return count_rows(self.environment["DATABASE_URL"], "SELECT count(*) FROM jobs_job WHERE state = 'completed'")


class CeleryRival(Rival):
    """Celery."""

    name = "celery"
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")
    command = (sys.executable, "-m", "celery", "-A", "tests.bench.celery_app", "worker", "--concurrency", "1", *quiet)

    def __init__(self, environment: dict[str, str]) -> None:
        url = environment["DATABASE_URL"]
        if url.startswith("sqlite"):
            url = url.replace("jobs.sqlite3", "celery.sqlite3")
        self._results = url
        results = f"db+{url.replace('postgres://', 'postgresql+psycopg://')}"
        super().__init__({**environment, "BENCH_RESULTS_URL": results})
        os.environ["BENCH_RESULTS_URL"] = results

    def create(self, count: int) -> None:
        """Send tasks."""
        from tests.bench.celery_app import empty

        for _ in range(count):
            empty.delay()

    def done(self) -> int:
        """Count the results."""
        return count_rows(self._results, "SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'")


class ProcrastinateRival(Rival):
    """procrastinate."""

    name = "procrastinate"
    command = (sys.executable, "-m", "procrastinate", "--app", "tests.bench.procrastinate_app.app", "worker", "--concurrency", "20")

    def __init__(self, environment: dict[str, str]) -> None:
        url = environment["DATABASE_URL"].replace("postgres://", "postgresql://")
        super().__init__({**environment, "BENCH_POSTGRES_URL": url})
        os.environ["BENCH_POSTGRES_URL"] = url
        schema = (sys.executable, "-m", "procrastinate", "--app", "tests.bench.procrastinate_app.app", "schema", "--apply")
        subprocess.run(schema, cwd=ROOT, env=self.environment, check=True, capture_output=True)

    def create(self, count: int) -> None:
        """Defer tasks."""
        from tests.bench.procrastinate_app import sync_app

        with sync_app.open():
            deferrer = sync_app.configure_task("bench.empty")
            for _ in range(count):
                deferrer.defer()

    def done(self) -> int:
        """Count the rows."""
        url = self.environment["BENCH_POSTGRES_URL"]
        return count_rows(url, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")
