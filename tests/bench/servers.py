"""uvicorn and daphne side by side: what a socket weighs, what a frame costs, how long it takes.

Run `python -m tests.bench.servers`. Real processes: one server, one worker, one Valkey, SQLite; `tests.bench.latency` for the ages of
chunks. What a frame costs is time of the server's processor, which other work on the machine disturbs least.
"""

import argparse
import asyncio
import json
from typing import Any

import psutil

from tests import environment  # noqa: F401  before Django reads its settings
from tests.bench.latency import measure, percentile
from tests.bench.viewers import Viewer
from tests.processes import Site
from tests.waiting import until

SERVERS = ("uvicorn", "daphne")
CHUNKS, PAUSE_SECONDS = 100, 0.06
"""What the watched job writes: slower than the window in which a worker joins what it writes, so that each chunk is a frame."""


async def crowd(site: Site, process: psutil.Process, token: str, *, sockets: int) -> tuple[float, float]:
    """Have `sockets` watch one job, then start a worker that runs it. Returns the KB of a socket and the microseconds of a frame."""
    body = {"type": "bench.clock", "jobId": "crowd", "input": {"startAt": 0, "chunks": CHUNKS, "seconds": PAUSE_SECONDS}}
    await asyncio.to_thread(site.call, "POST", "/api/jobs", body, token=token)
    viewers = [await join(site, token, "crowd") for _ in range(20)]  # what the first ones load is not theirs alone
    before = process.memory_info().rss
    viewers += [await join(site, token, "crowd") for _ in range(sockets)]
    grown = process.memory_info().rss - before
    await asyncio.to_thread(site.worker, "--concurrency", "100")
    await until(lambda: viewers[0].events > 2, seconds=60)
    began, seen = sum(process.cpu_times()[:2]), sum(viewer.events for viewer in viewers)
    await until(lambda: viewers[0].events > CHUNKS - 5, seconds=60)
    spent, frames = sum(process.cpu_times()[:2]) - began, sum(viewer.events for viewer in viewers) - seen
    for viewer in viewers:
        viewer.close()
    return grown / sockets / 1024, spent / frames * 1e6


async def join(site: Site, token: str, job_id: str) -> Viewer:
    """Open a socket, subscribe, and wait for the snapshot."""
    snapshot = asyncio.get_running_loop().create_future()

    def take(viewer: Viewer, frame: bytes) -> None:
        if b'"type":"snapshot"' in frame and not snapshot.done():
            snapshot.set_result(None)

    headers = {"Authorization": f"Bearer {token}"}
    loop = asyncio.get_running_loop()
    _, viewer = await loop.create_connection(lambda: Viewer(site.port, "/ws/", headers, take), "127.0.0.1", site.port)
    await viewer.opened
    viewer.send(json.dumps({"type": "subscribe", "topic": f"job:{job_id}"}))
    await snapshot
    return viewer


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=300, help="how many watch one job (300)")
    parser.add_argument("--jobs", type=int, default=20, help="how many stream at once for the ages of chunks (20)")
    options = parser.parse_args()
    settings: dict[str, Any] = {
        "JOB_HANDLERS": "tests.bench.handlers",
        "SOCKETS_PER_USER": "5000",
        "LEASE_SECONDS": "10",
        "FLUSH_SECONDS": "1",
    }
    print(f"{'':<9}{'KB/socket':>10}{'µs/frame':>10}{'lone p50 ms':>13}{'p50 ms':>8}{'p99 ms':>8}")
    for server in SERVERS:
        with Site(**settings) as site:
            process = psutil.Process(site.serve("--server", server).popen.pid)
            token = site.user("ann")
            weight, cost = asyncio.run(crowd(site, process, token, sockets=options.sockets))
            lone = asyncio.run(measure(site, token, jobs=1, chunks=30, seconds=0.5, pad=0))
            many = asyncio.run(measure(site, token, jobs=options.jobs, chunks=100, seconds=0.1, pad=40))
            ages = f"{percentile(lone, 50):13.1f}{percentile(many, 50):8.1f}{percentile(many, 99):8.1f}"
            print(f"{server:<9}{weight:10.1f}{cost:10.1f}{ages}", flush=True)


if __name__ == "__main__":
    main()
