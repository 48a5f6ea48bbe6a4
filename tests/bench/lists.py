"""`GET /api/jobs` and `GET /api/jobs/{id}` with 100,000 jobs, at 20 requests a second: how long an answer takes.

`TEST_DATABASE=sqlite python -m tests.bench.lists`, or postgres.
"""

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import islice
from typing import Any

import django

from tests import environment  # noqa: F401  before Django reads its settings
from tests.postgres import postgres_url
from tests.processes import Site

JOBS = int(os.environ.get("BENCH_JOBS", 100_000))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", 200))
PER_SECOND = 20
LIST_LIMIT_MS, JOB_LIMIT_MS = 60, 30
WORDS = ("agents", "search", "index", "lease", "worker", "stream", "event", "redis", "cursor", "snapshot", "retry", "cancel", "report")


def fill(name: str) -> None:
    """Give a user jobs, as a quarter of a year leaves them: all completed, with texts."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from jobs.events import pending_steps
    from jobs.models import Job, searchable
    from realtime.position import CLOSED

    random.seed(1)
    owner = get_user_model().objects.get(username=name)
    steps, first = pending_steps(["Analyzing", "Searching"]), datetime(2026, 1, 1, tzinfo=UTC)

    def rows() -> Iterator[Job]:
        for number in range(JOBS):
            job_id, query, at = f"job-{number:06}", f"{' '.join(random.choices(WORDS, k=8))} {number}", first + timedelta(minutes=number)
            yield Job(
                id=job_id, owner=owner, type="search", query=query, search_text=searchable(job_id, "search", query),
                max_attempts=3, timeout_seconds=600, state="completed", seq=CLOSED, progress=100, text=query * 20,
                text_length=len(query) * 20, steps=steps, queued_event="{}", closed_event='{"data":{"lastSeq":1}}',
                created_at=at, started_at=at, finished_at=at, updated_at=at,
            )  # fmt: skip

    source = rows()
    while batch := list(islice(source, 1000)):
        Job.objects.bulk_create(batch)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE jobs_job")


def timed(call: Callable[[], Any]) -> list[float]:
    """Return how long each of the requests took, in milliseconds, begun at an even pace."""
    took = []
    begin = time.perf_counter()
    for number in range(REQUESTS):
        time.sleep(max(0.0, begin + number / PER_SECOND - time.perf_counter()))
        at = time.perf_counter()
        call()
        took.append((time.perf_counter() - at) * 1000)
    return took


def main() -> None:
    """Fill a database, ask a server, and say what it took; ends with 1 when it took too long."""
    postgres = os.environ.get("TEST_DATABASE", "sqlite") == "postgres"
    with Site(database_url=postgres_url() if postgres else None, API_RATE="100000/min") as site:
        site.serve()
        token = site.user("bench")
        os.environ.update(site.environment)
        django.setup()
        fill("bench")
        connection = HTTPConnection("127.0.0.1", site.port, timeout=30)

        def get(path: str) -> Any:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            body = json.loads(answer.read())
            assert answer.status == 200, body
            return body

        last = get("/api/jobs?ordering=createdAt")["results"][-1]["createdAt"]
        questions: dict[str, tuple[float, Callable[[], str]]] = {
            "the first page": (LIST_LIMIT_MS, lambda: "/api/jobs"),
            "the last page": (LIST_LIMIT_MS, lambda: f"/api/jobs?createdBefore={last}"),
            "search, many": (LIST_LIMIT_MS, lambda: "/api/jobs?search=lease"),
            "search, one": (LIST_LIMIT_MS, lambda: f"/api/jobs?search=agents%20{random.randrange(JOBS)}"),
            "search, none": (LIST_LIMIT_MS, lambda: "/api/jobs?search=nowhere"),
            "by priority": (LIST_LIMIT_MS, lambda: "/api/jobs?ordering=-priority"),
            "one job": (JOB_LIMIT_MS, lambda: f"/api/jobs/job-{random.randrange(JOBS):06}"),
        }
        failed = False
        for name, (limit, path) in questions.items():
            took = timed(lambda path=path: get(path()))  # type: ignore[misc]
            p95 = statistics.quantiles(took, n=20)[-1]
            failed |= p95 > limit
            print(f"{name:<16} p50 {statistics.median(took):6.1f} ms   p95 {p95:6.1f} ms   limit {limit} ms", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
