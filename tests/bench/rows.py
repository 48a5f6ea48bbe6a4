"""What the rows bear: claims by many processes at once, a claim out of a long queue, and the heartbeat of a thousand long texts.

Run `TEST_DATABASE=sqlite python -m tests.bench.rows` (or `postgres`). The queue and the heartbeat are measured on PostgreSQL alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import environment  # before Django reads its settings
from tests.bench.throughput import DURABLE
from tests.postgres import Cluster
from tests.viewers import percentile

PROCESSES = 8
CLAIM_P99_MS, FLUSH_P95_MS, WAL_MB_PER_SECOND = 50.0, 150.0, 10.0
CHUNK = "a word or two of text "
"""What a job writes ten times a second."""


def prepare(database: str) -> Any:
    """Make the database and return a user."""
    if database == "postgres":
        os.environ["DATABASE_URL"] = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")), options=DURABLE).url
    os.environ.update(LEASE_SECONDS="3600", STATE_DIR=str(environment.STATE_DIR), JOB_HANDLERS="tests.bench.handlers")
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return get_user_model().objects.create_user("ann")


def fill(owner: Any, count: int) -> None:
    """Put so many created jobs into the queue: one as the API does it, the others as its copies."""
    from django.db import connection, transaction

    from jobs.models import Job
    from jobs.transitions import NewJob, create

    first, _ = create(owner, NewJob(type="bench.empty"))
    names = [connection.ops.quote_name(str(field.column)) for field in Job._meta.concrete_fields if field.column != "id"]
    if connection.vendor == "postgresql":
        numbers, random_id = f"generate_series(2, {count})", "md5(random()::text || clock_timestamp()::text)"
    else:
        many = f"WITH RECURSIVE many(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM many WHERE n < {count}) SELECT n FROM many"
        numbers, random_id = f"({many})", "lower(hex(randomblob(16)))"
    columns = ", ".join(names)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(
            f"INSERT INTO jobs_job (id, {columns}) SELECT {random_id}, {columns} FROM jobs_job, {numbers} AS numbers WHERE id = %s",
            [first.pk],
        )
        cursor.execute("ANALYZE jobs_job")


def doubles(owner: Any, database: str, jobs: int) -> bool:
    """Let eight processes claim the same jobs, and count those that were claimed by two."""
    fill(owner, jobs)
    began = time.monotonic()
    processes = [
        subprocess.Popen([sys.executable, "-m", "tests.bench.claimer"], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
        for _ in range(PROCESSES)
    ]
    claimed = [line for process in processes for line in process.communicate()[0].split()]
    took, twice = time.monotonic() - began, len(claimed) - len(set(claimed))
    met = twice == 0 and len(set(claimed)) == jobs
    print(f"{database}: {PROCESSES} processes claimed {len(claimed)} of {jobs} jobs in {took:.1f} s, {twice} of them twice: {_said(met)}")
    return met


def long_queue(owner: Any, jobs: int, claims: int) -> bool:
    """Claim out of a long queue, one job after another."""
    from jobs import transitions
    from jobs.models import Worker, from_ts
    from jobs.transitions.announce import now_ts

    fill(owner, jobs)
    now = from_ts(now_ts())
    worker = Worker.objects.create(name="bench", started_at=now, heartbeat_at=now)
    took = []
    for _ in range(claims):
        began = time.perf_counter()
        assert len(transitions.claim(worker, types=["bench.empty"], limit=1)) == 1
        took.append((time.perf_counter() - began) * 1000)
    p99 = percentile(took, 99)
    met = p99 < CLAIM_P99_MS
    print(
        f"postgres: a claim out of {jobs} jobs: p50 {percentile(took, 50):.1f} ms, p99 {p99:.1f} ms, target {CLAIM_P99_MS:g}: {_said(met)}"
    )
    return met


def heartbeat(owner: Any, runs: int, text_bytes: int, rounds: int) -> bool:
    """Flush as one worker does that has so many runs, each with a long text to which ten chunks a second are added."""
    from django.db import connection

    from jobs import transitions
    from jobs.models import Job, Worker, from_ts
    from jobs.recorder import Recorder
    from jobs.transitions.announce import now_ts

    Job.objects.all().delete()
    fill(owner, runs)
    Job.objects.update(text="x" * text_bytes, text_length=text_bytes)
    now = from_ts(now_ts())
    worker = Worker.objects.create(name="bench", started_at=now, heartbeat_at=now)
    recorders = [Recorder(job, on_news=lambda recorder: None) for job in transitions.claim(worker, types=["bench.empty"], limit=runs)]
    took, wal = [], []
    for _ in range(rounds):
        for recorder in recorders:
            for _ in range(10):
                recorder.write(CHUNK)
                recorder.take()
        flushes = [recorder.flush() for recorder in recorders]
        before, began = _wal_bytes(connection), time.perf_counter()
        assert len(transitions.flush(flushes).held) == runs
        took.append((time.perf_counter() - began) * 1000)
        wal.append((_wal_bytes(connection) - before) / 1e6)
    p95, mb = percentile(took, 95), sum(wal) / len(wal)
    met = p95 < FLUSH_P95_MS and mb < WAL_MB_PER_SECOND
    print(
        f"postgres: a heartbeat of {runs} runs of {text_bytes // 1000} KB: p50 {percentile(took, 50):.0f} ms, p95 {p95:.0f} ms, "
        f"target {FLUSH_P95_MS:g}; {mb:.1f} MB of WAL a second, target {WAL_MB_PER_SECOND:g}: {_said(met)}"
    )
    return met


def _wal_bytes(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
        return int(cursor.fetchone()[0])


def _said(met: bool) -> str:
    return "met" if met else "missed"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000 * PROCESSES, help="how many jobs eight processes claim (16000)")
    parser.add_argument("--queue", type=int, default=100_000, help="how many jobs wait in the long queue (100000)")
    parser.add_argument("--runs", type=int, default=1000, help="how many runs a heartbeat has (1000)")
    options = parser.parse_args()
    database = os.environ.get("TEST_DATABASE", "sqlite")
    owner = prepare(database)
    met = doubles(owner, database, options.jobs)
    if database == "postgres":
        met = long_queue(owner, options.queue, 1000) and met
        met = heartbeat(owner, options.runs, 200_000, 30) and met
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
