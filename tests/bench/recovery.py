"""How long a job waits when its worker dies: a process of a supervisor killed, and a whole worker killed beside another one.

Run `TEST_DATABASE=sqlite python -m tests.bench.recovery` (or `postgres`), with the times of production. The clock starts at the
kill -9 and ends when the row says that the next attempt runs.
"""

import argparse
import os
import sys
import time
from typing import Any

import psutil

from tests import environment  # noqa: F401  before Django reads its settings
from tests.owner import Owner
from tests.postgres import postgres_url
from tests.processes import Process, Site
from tests.viewers import percentile
from tests.waiting import wait_until

PRODUCTION = {"LEASE_SECONDS": "10", "FLUSH_SECONDS": "1", "RESCUE_SECONDS": "2", "POLL_SECONDS": "1"}
TARGETS_SECONDS = {"process killed": (95, 1.5), "worker killed": (100, 10 + 2 + 1.0)}
ROUNDS_A_SUPERVISOR = 3
"""Whoever kills the same process again and again measures the back-off of its restarts."""


def until_running(owner: Owner, job_id: str, attempt: int, *, seconds: float = 30) -> float:
    """Wait until the row says that this attempt runs, and return the time."""
    wait_until(lambda: owner.running_attempt(job_id) == attempt, seconds=seconds, what=f"{job_id} at attempt {attempt}")
    return time.monotonic()


def until_complete(worker: Process, count: int) -> None:
    """Wait until the worker has so many processes, and all of them take jobs."""
    parent = psutil.Process(worker.popen.pid)

    def is_complete() -> bool:
        children, log = parent.children(), worker.log
        return len(children) == count and all(f":{child.pid} takes jobs" in log for child in children)

    wait_until(is_complete, seconds=30, what=f"{count} processes that take jobs")


def kill_processes(owner: Owner, rounds: int) -> list[float]:
    """Kill the process that runs a job, beside another process of the same supervisor; returns how long the job waited, each time."""
    waited: list[float] = []
    while len(waited) < rounds:
        worker = owner.site.worker("--processes", "2")
        for _ in range(min(ROUNDS_A_SUPERVISOR, rounds - len(waited))):
            until_complete(worker, 2)
            job_id = owner.create(f"process-{len(waited)}", "test.wait")
            until_running(owner, job_id, 1)
            victim = owner.process_of(job_id)
            began = time.monotonic()
            victim.kill()
            waited.append(until_running(owner, job_id, 2) - began)
            owner.cancel_all()
        worker.kill()
    return waited


def kill_workers(owner: Owner, rounds: int) -> list[float]:
    """Kill a whole worker, beside another worker; returns how long the job waited, each time."""
    waited: list[float] = []
    for index in range(rounds):
        victim = owner.site.worker()
        job_id = owner.create(f"worker-{index}", "test.wait")
        until_running(owner, job_id, 1)
        heir = owner.site.worker()
        began = time.monotonic()
        victim.kill()
        waited.append(until_running(owner, job_id, 2) - began)
        owner.cancel_all()
        heir.kill()
    return waited


def report(name: str, waited: list[float]) -> bool:
    """Print a line of the table. Returns whether the target was met."""
    percent, limit = TARGETS_SECONDS[name]
    is_met = percentile(waited, percent) < limit
    figures = "  ".join(f"{percentile(waited, each):8.3f}" for each in (50, 95, 100))
    print(f"{name:<16}{len(waited):>6}  {figures}  p{percent} < {limit:g} s: {'met' if is_met else 'missed'}", flush=True)
    return is_met


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=30, help="how many processes are killed (30)")
    parser.add_argument("--workers", type=int, default=5, help="how many workers are killed (5)")
    options = parser.parse_args()
    database = os.environ.get("TEST_DATABASE", "sqlite")
    settings: dict[str, Any] = {"API_RATE": "100000/min", "JOB_HANDLERS": "tests.handlers", **PRODUCTION}
    if database == "postgres":
        settings["database_url"] = postgres_url()
    with Site(**settings) as site:
        site.serve()
        owner = Owner(site)
        print(f"{'':<16}{'kills':>6}  {'p50 s':>8}  {'p95 s':>8}  {'max s':>8}  ({database})", flush=True)
        met = [report("process killed", kill_processes(owner, options.processes))]
        met.append(report("worker killed", kill_workers(owner, options.workers)))
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
