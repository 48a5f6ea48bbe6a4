"""Jobs in the states that a test needs, and workers of this process that run them."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jobs import transitions
from jobs.handlers import registry
from jobs.models import Job, Worker, from_ts
from jobs.recorder import Recorder
from jobs.transitions import NewJob
from jobs.transitions.announce import now_ts
from jobs.worker import JobWorker
from tests.waiting import wait_until


def create(owner: Any, type: str = "test.wait", **values: Any) -> Job:
    """Create a job with its handler's defaults, as the API does."""
    handler = registry.find(type)
    if handler:
        values = {"steps": handler.steps, "max_attempts": handler.max_attempts, "timeout_seconds": handler.timeout_seconds, **values}
    return transitions.create(owner, NewJob(type=type, **values))[0]


def worker_row(name: str = "here:1") -> Worker:
    now = from_ts(now_ts())
    return Worker.objects.create(name=name, started_at=now, heartbeat_at=now)


def claim(type: str = "test.wait", *, worker: Worker | None = None) -> tuple[Job, Recorder]:
    """Claim the next job of `type` and return it with a recorder whose news nobody publishes."""
    (job,) = transitions.claim(worker or worker_row(), types=[type], limit=1)
    return job, Recorder(job, on_news=lambda recorder: None)


def running(owner: Any, type: str = "test.wait", **values: Any) -> tuple[Job, Recorder]:
    """Create a job and claim it."""
    create(owner, type, **values)
    return claim(type)


@contextmanager
def worker(*, concurrency: int = 10, types: list[str] | None = None) -> Iterator[JobWorker]:
    """Run a worker in a thread of this process, with a loop of its own; leaving asks it to stop at once."""
    started: list[tuple[JobWorker, asyncio.AbstractEventLoop]] = []

    async def work() -> None:
        made = JobWorker(types=types or registry.types(), concurrency=concurrency)
        started.append((made, asyncio.get_running_loop()))
        await made.run()

    thread = threading.Thread(target=lambda: asyncio.run(work()), name="worker under test")
    thread.start()
    made, loop = wait_until(lambda: started[0] if started else None, what="a worker")
    try:
        yield made
    finally:
        for _ in range(2):
            if thread.is_alive():
                loop.call_soon_threadsafe(made.stop)
        thread.join(30)
        assert not thread.is_alive(), "the worker does not end"


def ended(job_id: str, *, seconds: float = 15) -> Job:
    """Wait until the job is in a terminal state and return it."""
    return wait_until(
        lambda: Job.objects.filter(pk=job_id, state__in=("completed", "failed", "cancelled")).first(),
        seconds=seconds,
        what=f"the end of job {job_id}",
    )
