"""Limits and turns at full size: never one too many with eight processes, some of which die; and nobody waits for another's 10,000 jobs.

Run `TEST_DATABASE=sqlite python -m tests.bench.limits` (or `postgres`).
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import environment  # before Django reads its settings
from tests.bench.throughput import DURABLE
from tests.postgres import Cluster
from tests.processes import ROOT
from tests.waiting import wait_until

PROCESSES = 8
SLOTS = 4
NAP_SECONDS = 1.0
AT_ONCE = 500
WORST_RATIO = 2.0


def prepare(database: str) -> tuple[Any, Any]:
    """Make the database and return two users."""
    if database == "postgres":
        os.environ["DATABASE_URL"] = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")), options=DURABLE).url
    os.environ.update(STATE_DIR=str(environment.STATE_DIR), JOB_HANDLERS="tests.bench.handlers", WAITING_JOBS_PER_USER="0")
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    users = get_user_model().objects
    return users.create_user("ann"), users.create_user("bob")


def never_one_too_many(owner: Any, database: str, jobs: int) -> bool:
    """Let eight processes do the jobs, replace those that die, and look all the time how many run at once."""
    from jobs.models import Job
    from tests.bench.handlers import LIMIT

    Job.objects.all().delete()
    _fill(owner, jobs, type="bench.limited")
    began, most, deaths, seen = time.monotonic(), 0, 0, ""
    processes = [_claimer() for _ in range(PROCESSES)]
    while processes:
        most = max(most, Job.objects.filter(state="running").count())
        for process in [process for process in processes if process.poll() is not None]:
            processes.remove(process)
            seen += process.communicate()[0]
            if process.returncode == -signal.SIGKILL:
                deaths += 1
                processes.append(_claimer())
            elif process.returncode:
                sys.exit(f"a process failed with {process.returncode}")
    done = Job.objects.filter(type="bench.limited", state__in=("completed", "failed")).count()
    met = most <= LIMIT and not seen and done == jobs
    print(
        f"{database}: {PROCESSES} processes did {done} of {jobs} jobs in {time.monotonic() - began:.0f} s, {deaths} died of one; "
        f"at most {most} ran at once of {LIMIT} that may{seen and ', and ' + seen}: {_said(met)}"
    )
    return met


def _claimer() -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "tests.bench.limited"], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def nobody_waits_for_another(ann: Any, bob: Any, database: str, jobs: int, rounds: int) -> bool:
    """Have all slots busy, and see how long the first job of another user waits: when nothing else waits, and behind so many jobs."""
    from jobs.models import Job

    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker", "--processes", "1", "--types", "bench.nap", "--concurrency", str(SLOTS)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        alone = []
        for _ in range(rounds):
            alone.append(_first_wait(bob, beside=ann))
            wait_until(lambda: not Job.objects.filter(state__in=("created", "running")).exists(), seconds=300)
        _fill(ann, jobs)
        behind = [_first_wait(bob, beside=ann) for _ in range(rounds)]
        waiting = Job.objects.filter(owner=ann, state="created").count()
    finally:
        worker.terminate()
        worker.wait()
    ratio = statistics.mean(behind) / statistics.mean(alone)
    met = ratio <= WORST_RATIO and waiting > 0
    print(
        f"{database}: the first job of a user waits {statistics.mean(alone):.2f} s when all slots are busy and nothing waits, "
        f"{statistics.mean(behind):.2f} s (at most {max(behind):.2f}) behind {waiting} jobs of another: {ratio:.2f} times, "
        f"target {WORST_RATIO:g}: {_said(met)}"
    )
    return met


def _fill(owner: Any, count: int, *, type: str = "bench.nap") -> None:
    from django.db import transaction

    from jobs.transitions import NewJob, create

    for start in range(0, count, AT_ONCE):
        with transaction.atomic():
            for _ in range(min(AT_ONCE, count - start)):
                create(owner, NewJob(type=type, input={"seconds": NAP_SECONDS}))


def _first_wait(user: Any, *, beside: Any) -> float:
    """Create a job at any time of a nap, when all slots are busy, and return for how many seconds it waited."""
    from jobs.models import Job
    from jobs.transitions import NewJob, create

    def all_are_busy() -> bool:
        missing = SLOTS - Job.objects.filter(state__in=("created", "running")).count()
        _fill(beside, max(0, missing))
        return Job.objects.filter(state="running").count() == SLOTS

    wait_until(all_are_busy, seconds=300)
    time.sleep(random.uniform(0, 0.8 * NAP_SECONDS))
    job, _ = create(user, NewJob(type="bench.nap", input={"seconds": 0}))

    def started() -> Job | None:
        return Job.objects.filter(pk=job.pk, state="completed").first()

    found: Job = wait_until(started, seconds=300)
    assert found.started_at is not None
    return (found.started_at - found.created_at).total_seconds()


def _said(met: bool) -> str:
    return "met" if met else "missed"


def main() -> None:
    """Measure and print; ends with 1 when something was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000 * PROCESSES, help="how many jobs eight processes do (16000)")
    parser.add_argument("--waiting", type=int, default=10_000, help="how many jobs of another user wait (10000)")
    parser.add_argument("--rounds", type=int, default=20, help="how often a user comes with a first job (20)")
    options = parser.parse_args()
    database = os.environ.get("TEST_DATABASE", "sqlite")
    ann, bob = prepare(database)
    met = nobody_waits_for_another(ann, bob, database, options.waiting, options.rounds)
    met = never_one_too_many(ann, database, options.jobs) and met
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
