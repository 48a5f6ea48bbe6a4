"""How long it takes from a worker's `write` to the frame at a client: many jobs that stream, and one that is quiet.

Run `TEST_DATABASE=sqlite python -m tests.bench.latency` (or `postgres`). Real processes: one server, one worker, one Valkey;
one socket a job. The window of 50 ms in which a worker joins what it writes is included.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from typing import Any

from websockets.asyncio.client import connect

from tests import environment  # noqa: F401  before Django reads its settings
from tests.postgres import postgres_url
from tests.processes import Site

TARGETS_MS = {"streaming": {50: 80.0, 99: 200.0}, "lone": {50: 15.0}}


def percentile(values: list[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def follow(site: Site, token: str, job_id: str, latencies: list[float], ready: asyncio.Event) -> None:
    """Watch a job to its end and note how old each chunk is when it arrives."""
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(site.socket_url, additional_headers=headers, compression=None, max_size=2**22) as socket:
        await socket.send(json.dumps({"type": "subscribe", "topic": f"job:{job_id}"}))
        async for raw in socket:
            now = time.time_ns()
            frame = json.loads(raw)
            if frame["type"] == "subscribed":
                ready.set()
            for event in frame.get("events", ()):
                if event["type"] == "text":
                    latencies += [(now - int(stamp.rstrip("."))) / 1e6 for stamp in event["data"]["text"].split()]
                elif event["data"].get("state") in ("completed", "failed", "cancelled"):
                    return


async def measure(site: Site, token: str, *, jobs: int, chunks: int, seconds: float, pad: int) -> list[float]:
    """Run jobs and return the ages of all their chunks, in milliseconds."""
    latencies: list[float] = []
    start_at = time.time() + 2 + jobs * 0.15  # all are watched by then, on a busy machine too
    followers = []
    for index in range(jobs):
        values = {"startAt": start_at + random.random() * seconds, "chunks": chunks, "seconds": seconds, "pad": pad}
        body = {"type": "bench.clock", "jobId": f"{jobs}-{index}", "input": values}
        status, job = await asyncio.to_thread(site.call, "POST", "/api/jobs", body, token=token)
        assert status == 201, job
        ready = asyncio.Event()
        followers.append(asyncio.create_task(follow(site, token, job["jobId"], latencies, ready)))
        await ready.wait()
    await asyncio.gather(*followers)
    assert len(latencies) == jobs * chunks, f"{len(latencies)} of {jobs * chunks} chunks arrived"
    return latencies


def report(name: str, latencies: list[float]) -> bool:
    """Print a line of the table. Returns whether the targets were met."""
    targets = TARGETS_MS[name]
    misses = [f"p{percent} over {limit:g}" for percent, limit in targets.items() if percentile(latencies, percent) >= limit]
    figures = "  ".join(f"{percentile(latencies, percent):8.1f}" for percent in (50, 90, 99, 100))
    print(f"{name:<12}{len(latencies):>8}  {figures}  {'; '.join(misses) or 'met'}")
    return not misses


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=60, help="how many stream at once (60)")
    parser.add_argument("--chunks", type=int, default=150, help="how many chunks each of them writes, 10 a second (150)")
    parser.add_argument("--lone", type=int, default=30, help="how many chunks the quiet job writes, 2 a second (30)")
    options = parser.parse_args()
    database = os.environ.get("TEST_DATABASE", "sqlite")
    settings: dict[str, Any] = {"JOB_HANDLERS": "tests.bench.handlers", "SOCKETS_PER_USER": "1000", "API_RATE": "100000/min"}
    settings |= {"LEASE_SECONDS": "10", "FLUSH_SECONDS": "1"}
    if database == "postgres":
        settings["database_url"] = postgres_url()
    with Site(**settings) as site:
        site.serve()
        site.worker("--concurrency", str(options.jobs + 5))
        token = site.user("ann")
        print(f"{'':<12}{'chunks':>8}  {'p50 ms':>8}  {'p90 ms':>8}  {'p99 ms':>8}  {'max ms':>8}  ({database})")
        lone = asyncio.run(measure(site, token, jobs=1, chunks=options.lone, seconds=0.5, pad=0))
        met = report("lone", lone)
        streaming = asyncio.run(measure(site, token, jobs=options.jobs, chunks=options.chunks, seconds=0.1, pad=40))
        met = report("streaming", streaming) and met
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
