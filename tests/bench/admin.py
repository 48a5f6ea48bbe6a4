"""The admin with a million jobs, asked over HTTP: how long each page takes, and by which plan the list is read.

`TEST_DATABASE=postgres python -m tests.bench.admin`, or sqlite. `BENCH_JOBS` and `BENCH_REQUESTS` make it smaller.
"""

import json
import os
import statistics
import sys
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import django
import psutil

from tests import environment  # noqa: F401  before Django reads its settings
from tests.postgres import postgres_url
from tests.processes import Site

JOBS = int(os.environ.get("BENCH_JOBS", 1_000_000))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", 40))
LIST_LIMIT_MS, JOB_LIMIT_MS = 200, 150
USERS, DAYS, WAITING = 200, 30, 10_000

AT = {
    "postgresql": "now() - make_interval(secs => (n::float8 / {jobs}) * {days} * 86400 + {shift})",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ((n * 1.0 / {jobs}) * {days} * 86400 + {shift}) || ' seconds') || '000'",
}
NUMBERS = {
    "postgresql": "generate_series(1, {jobs}) AS n",
    "sqlite": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {jobs}) SELECT n FROM c)",
}
STATE = f"CASE WHEN n <= {WAITING} THEN 'created' WHEN n % 100 < 90 THEN 'completed' WHEN n % 100 < 97 THEN 'failed' ELSE 'cancelled' END"


def fill() -> None:
    """Put a month of jobs of many users into the database, in one statement."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    users = get_user_model().objects
    users.bulk_create(users.model(username=f"user-{number}") for number in range(USERS))
    first = users.get(username="user-0").pk

    def at(shift: float) -> str:
        return AT[connection.vendor].format(jobs=JOBS, days=DAYS, shift=shift)

    over = f"n > {WAITING}"
    values = {
        "id": "'bulk-' || n", "owner_id": f"{first} + n % {USERS}", "query": "'What is said about item ' || n || ' of the archive?'",
        "type": "CASE n % 3 WHEN 0 THEN 'search' WHEN 1 THEN 'export' ELSE 'report' END", "input": "'{}'", "priority": "0",
        "max_attempts": "3", "timeout_seconds": "600", "body_digest": "''",
        "search_text": "'bulk-' || n || ' item ' || n || ' of the archive'", "state": STATE, "attempt": "1",
        "seq": f"CASE WHEN {over} THEN 9007199254740991 ELSE 0 END", "failures": "0", "kills": "0", "progress": "n % 100", "steps": "'[]'",
        "text": "'A text that was written for item ' || n", "text_length": "40", "edits": "0",
        "error": f"CASE WHEN {over} AND n % 100 BETWEEN 90 AND 96 THEN '{{\"code\": \"broken\", \"message\": \"It broke.\"}}' END",
        "queued_event": "'{\"ts\":1,\"data\":{\"reason\":null}}'", "created_at": at(60), "updated_at": at(30),
        "started_at": f"CASE WHEN {over} THEN {at(55)} END", "finished_at": f"CASE WHEN {over} THEN {at(30)} END",
    }  # fmt: skip
    if connection.vendor == "postgresql":
        values |= {name: f"({values[name]})::jsonb" for name in ("input", "steps", "error")}
    source = NUMBERS[connection.vendor].format(jobs=JOBS)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"INSERT INTO jobs_job ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {source}")
        cursor.execute("VACUUM ANALYZE jobs_job" if connection.vendor == "postgresql" else "ANALYZE")


def signed_in() -> dict[str, str]:
    """Return the headers of a member of staff."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.create_superuser("staff", password="a-long-password"))
    return {"Cookie": f"sessionid={client.cookies['sessionid'].value}"}


def pages() -> dict[str, tuple[str, float]]:
    """Return what is asked for, with what it may take at the 95th percentile in milliseconds."""
    from jobs.admin.change_list import cursor_of
    from jobs.models import Job

    jobs, middle = "/admin/jobs/job/", Job.objects.get(pk=f"bulk-{JOBS // 2}")
    return {
        "the newest page": (jobs, LIST_LIMIT_MS),
        "a page in the middle": (f"{jobs}?older={cursor_of(middle).replace('+', '%2B')}", LIST_LIMIT_MS),
        "failed jobs": (f"{jobs}?state=failed", LIST_LIMIT_MS),
        "paused jobs: none": (f"{jobs}?state=paused", LIST_LIMIT_MS),
        "failed of a type": (f"{jobs}?state=failed&type=export", LIST_LIMIT_MS),
        "of an owner": (f"{jobs}?owner=user-7", LIST_LIMIT_MS),
        "older than a day": (f"{jobs}?age=over1d", LIST_LIMIT_MS),
        "search an id": (f"{jobs}?q=bulk-{JOBS // 2}", LIST_LIMIT_MS),
        "search a user": (f"{jobs}?q=user-77", LIST_LIMIT_MS),
        "search words": (f"{jobs}?q=item+archive", LIST_LIMIT_MS),
        "search: none": (f"{jobs}?q=nowhere+at+all", LIST_LIMIT_MS),
        "counts": (f"{jobs}live/", LIST_LIMIT_MS),
        "a job": (f"{jobs}bulk-{JOBS // 3}/change/", JOB_LIMIT_MS),
        "dashboard, hour": (f"{jobs}dashboard/?span=hour", LIST_LIMIT_MS),
        "dashboard, week": (f"{jobs}dashboard/?span=week", LIST_LIMIT_MS),
    }


def main() -> None:
    """Fill a database, ask a server, and say what it took; ends with 1 when it took too long."""
    postgres = os.environ.get("TEST_DATABASE", "sqlite") == "postgres"
    with Site(database_url=postgres_url() if postgres else None) as site:
        os.environ.update(site.environment)
        django.setup()
        began = time.perf_counter()
        fill()
        print(f"{JOBS:,} jobs on {'PostgreSQL' if postgres else 'SQLite'}, put there in {time.perf_counter() - began:.0f} s", flush=True)
        headers = signed_in()
        asked = pages()
        server, database = psutil.Process(site.serve().popen.pid), _database()
        connection = HTTPConnection("127.0.0.1", site.port, timeout=60)
        failed = False
        for name, (path, limit) in asked.items():
            took, cpu, database_cpu = [], _cpu_seconds(server), _cpu_seconds(database)
            for _ in range(REQUESTS):
                at = time.perf_counter()
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                took.append((time.perf_counter() - at) * 1000)
                assert answer.status == 200, (path, answer.status)
            first, p95 = took.pop(0), statistics.quantiles(took, n=20)[-1]
            failed |= p95 > limit
            cpu_ms = [(_cpu_seconds(process) - before) * 1000 / REQUESTS for process, before in ((server, cpu), (database, database_cpu))]
            words = f"first {first:7.1f} ms, then p50 {statistics.median(took):6.1f}, p95 {p95:6.1f} of {limit}"
            words += f", CPU {cpu_ms[0]:5.1f} and {cpu_ms[1]:4.1f} of the database"
            print(f"{name:<22} {words}{' MISSED' if p95 > limit else ''}", flush=True)
        _cancel_all(connection, headers)
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        _explain()
    sys.exit(failed)


def _database() -> psutil.Process | None:
    """Return the process that has started those of the database; None where the database is a file."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(cursor.fetchone()[0]).parent()


def _cpu_seconds(process: psutil.Process | None) -> float:
    """Return the time that a process and those that it has started have computed: a busy machine makes that no longer."""
    if process is None:
        return 0.0
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children()))


def _cancel_all(connection: HTTPConnection, headers: dict[str, str]) -> None:
    """Cancel all that waits, as the page of a bulk action does: one request after another, each about a second."""
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from jobs.admin.bulk import BulkRun

    token = "x" * 32
    run = BulkRun(action="cancel", filters="state=created", until=timezone.now().isoformat(), total=WAITING)
    fields = {"csrfmiddlewaretoken": token, "token": run.token(get_user_model().objects.get(username="staff"))}
    cookies = f"{headers['Cookie']}; csrftoken={token}"
    headers = {"Cookie": cookies, "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    took: list[float] = []
    answer: dict[str, Any] = {}
    while "next" not in answer:
        at = time.perf_counter()
        connection.request("POST", "/admin/jobs/job/bulk/", urlencode(fields), headers)
        answer = json.loads(connection.getresponse().read())
        fields["token"] = answer.get("token", "")
        took.append(time.perf_counter() - at)
    print(f"{WAITING:,} jobs cancelled in {sum(took):.0f} s, in {len(took)} requests of at most {max(took):.1f} s")


def _explain() -> None:
    """Print by which plan the list is read."""
    from jobs.models import Job

    newest = Job.objects.select_related("owner").order_by("-created_at", "-id")
    for name, rows in {"all": newest, "failed": newest.filter(state="failed"), "of a type": newest.filter(type="export")}.items():
        print(f"\nThe list, {name}:\n{rows.only('id', 'owner__username')[:51].explain()}")


if __name__ == "__main__":
    main()
