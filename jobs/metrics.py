"""What is counted about the work, wherever a transition is committed: in workers, in servers, in scripts that claim a job."""

import json
from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils import timezone

from jobs.lifecycle import State
from jobs.models import Job, to_ts
from realtime import tracing
from realtime.metrics import choose_values, making

WAITING_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
RUN_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
WRITE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)


class WorkMetrics:
    """All of them."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self.created = Counter("jobs_created", "Jobs that were created.", ["type"])
        self.waiting_seconds = Histogram("jobs_waiting_seconds", "From a job's being due to its claim.", ["type"], buckets=WAITING_BUCKETS)
        self.run_seconds = Histogram(
            "jobs_run_seconds",
            "From an attempt's claim to its end; the outcome is the state, or why it went back to the queue.",
            ["type", "outcome"],
            buckets=RUN_BUCKETS,
        )
        self.closed = Counter(
            "jobs_closed", "Attempts that were closed: completed, failed, cancelled or paused.", ["type", "state", "reason"]
        )
        self.requeued = Counter("jobs_requeued", "Jobs that went back to the queue, by why.", ["type", "reason"])
        self.kills = Counter("jobs_kills", "Attempts whose worker was lost.", ["type"])
        self.leases_lost = Counter("jobs_leases_lost", "Runs that were stopped because their lease was lost.", ["reason"])
        self.claim_seconds = Histogram("jobs_claim_seconds", "How long a worker's claim took.", buckets=WRITE_BUCKETS)
        self.flush_seconds = Histogram("jobs_flush_seconds", "How long it took to write all runs to their rows.", buckets=WRITE_BUCKETS)
        self.flush_failures = Counter("jobs_flush_failures", "Flushes that the database did not take.")
        self.publish_seconds = Histogram(
            "jobs_publish_seconds", "How long it took to append to the logs and to nudge.", buckets=WRITE_BUCKETS
        )
        self.publish_failures = Counter("jobs_publish_failures", "Calls that did not get news into the logs: the rows have them.")
        self.running = Gauge("jobs_worker_runs", "Jobs that the workers run now.", multiprocess_mode="livesum")
        self.places = Gauge("jobs_worker_places", "Jobs that the workers may run at once.", multiprocess_mode="livesum")


_metrics: WorkMetrics | None = None


def metrics() -> WorkMetrics:
    """Return this process's metrics."""
    global _metrics
    if _metrics is None:
        with making:
            if _metrics is None:
                choose_values()
                _metrics = WorkMetrics()
    return _metrics


def count_create(job: Job) -> None:
    """Count a new job once it is committed; as all of these do."""
    transaction.on_commit(lambda: metrics().created.labels(job.type).inc(), robust=True)


def count_claims(jobs: Sequence[Job]) -> None:
    """Count how long these have waited."""
    transaction.on_commit(partial(_count_claims, list(jobs)), robust=True)


def _count_claims(jobs: Sequence[Job]) -> None:
    for job in jobs:
        assert job.started_at is not None, "it was claimed"
        due_ts = max(json.loads(job.queued_event)["ts"], to_ts(job.run_at) if job.run_at else 0)
        metrics().waiting_seconds.labels(job.type).observe(max(0, to_ts(job.started_at) - due_ts) / 1000)
        told = {"job.id": job.pk, "job.type": job.type, "job.attempt": job.attempt}
        tracing.record("job.wait", parent=job.trace_parent, begun_ts=due_ts, attributes=told)


def count_close(job: Job, *, source: str, reason: str | None) -> None:
    """Count a closed attempt, and how long it ran."""
    ran_seconds = _ran_seconds(job, source)

    def count() -> None:
        metrics().closed.labels(job.type, State(job.state).value, reason or "").inc()
        if ran_seconds is not None:
            metrics().run_seconds.labels(job.type, State(job.state).value).observe(ran_seconds)

    transaction.on_commit(count, robust=True)


def count_requeue(job: Job, *, source: str, reason: str) -> None:
    """Count a job that goes back to the queue, and how long it ran; before what it ran is forgotten."""
    ran_seconds = _ran_seconds(job, source)

    def count() -> None:
        metrics().requeued.labels(job.type, str(reason)).inc()
        if ran_seconds is not None:
            metrics().run_seconds.labels(job.type, str(reason)).observe(ran_seconds)

    transaction.on_commit(count, robust=True)


def count_kill(job: Job) -> None:
    """Count an attempt whose worker was lost."""
    transaction.on_commit(lambda: metrics().kills.labels(job.type).inc(), robust=True)


def _ran_seconds(job: Job, source: str) -> float | None:
    if source != State.RUNNING or job.started_at is None:
        return None
    return max(0.0, (timezone.now() - job.started_at).total_seconds())
