"""W6: what an event costs the worker that publishes it, coalescing, row and lease included; and how many a second one process publishes."""

import time
from typing import Any

import psutil

from tests.bench.cpu import cpu_seconds
from tests.bench.sides import Ours
from tests.waiting import wait_until

JOBS = 250
WRITES_PER_SECOND = 40
"""Of each job: twice as many as there are windows of 50 ms in which a worker joins what is written."""
MEASURED_SECONDS = 5


def published(side: Ours, name: str) -> dict[str, float]:
    """Have one worker process run jobs that write all the time, and return what an event cost it."""
    from jobs.transitions import NewJob, create

    ids = [f"{name}-{index}" for index in range(JOBS)]
    start_at = time.time() + 4
    values: dict[str, Any] = {"startAt": start_at, "chunks": WRITES_PER_SECOND * 60, "seconds": 1 / WRITES_PER_SECOND, "pad": 40}
    for job_id in ids:
        create(side.owner, NewJob(type="bench.clock", job_id=job_id, input=values))
    worker = side.site.worker("--processes", "1", "--concurrency", str(JOBS + 10))
    try:
        (process,) = psutil.Process(worker.popen.pid).children()
        wait_until(lambda: _seqs(ids) > 20 * JOBS, seconds=60, what="jobs that write")
        before, began, seqs = cpu_seconds([process.pid]), time.monotonic(), _seqs(ids)
        time.sleep(MEASURED_SECONDS)
        used, took, events = cpu_seconds([process.pid]) - before, time.monotonic() - began, _seqs(ids) - seqs
    finally:
        worker.kill()
    return {"us": used / events * 1e6, "events_per_second": events / took, "worker_busy": used / took}


def _seqs(ids: list[str]) -> int:
    from realtime import event_log

    return sum(position.seq for position in event_log.last_positions(ids) if position)
