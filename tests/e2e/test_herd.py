"""All viewers lose their server at once and come back together. FAULTS F2, F35. `HERD` says how many they are."""

import asyncio
import os
import resource
import time
from collections.abc import Iterator

import pytest

from tests.processes import Site
from tests.scrape import scrape, total
from tests.viewers import Viewer, agree, percentile
from tests.waiting import until

VIEWERS = int(os.environ.get("HERD", "300"))
JOBS = 10


@pytest.fixture
def site() -> Iterator[Site]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * VIEWERS + 500)), hard))
    # Leases that last: an attempt that was lost because the machine is slow would be another row to read.
    with Site(SOCKETS_PER_USER="10000", API_RATE="100000/min", LEASE_SECONDS="60") as site:
        yield site


async def test_all_are_back_soon_after_the_server_is(site: Site) -> None:
    server = site.serve()
    site.worker("--concurrency", "20")
    token = site.user("ann")
    chunks = 150 + VIEWERS // 4
    for index in range(JOBS):
        body = {"type": "test.stream", "jobId": f"j{index}", "input": {"chunks": chunks, "seconds": 0.2}}
        assert site.call("POST", "/api/jobs", body, token=token)[0] == 201
    viewers = [Viewer([site.socket_url], token, f"j{index % JOBS}", seed=index) for index in range(VIEWERS)]
    tasks = []
    for index, viewer in enumerate(viewers):
        tasks.append(asyncio.create_task(viewer.watch()))
        if index % 20 == 19:
            await until(viewer.is_connected.is_set)
    await until(lambda: all(viewer.events for viewer in viewers), seconds=60)
    await asyncio.to_thread(server.kill)
    await until(lambda: not any(viewer.is_connected.is_set() for viewer in viewers))
    await asyncio.to_thread(site.serve)
    listening = time.monotonic()
    back: dict[Viewer, float] = {}

    def note() -> bool:
        for viewer in viewers:
            if viewer not in back and viewer.is_connected.is_set():
                back[viewer] = time.monotonic() - listening
        return len(back) == VIEWERS

    await until(note, seconds=60, what="viewers that are all back")
    took = list(back.values())
    rows_read = total(scrape(site.port), "realtime_rows_read_total", why="opened")
    print(
        f"{VIEWERS} viewers back: p50 {percentile(took, 50):.1f} s, p95 {percentile(took, 95):.1f} s, last {max(took):.1f} s; "
        f"{rows_read:g} rows read for {JOBS} topics"
    )
    assert percentile(took, 95) < 8
    assert rows_read == JOBS, "one row for each topic, however many came for it"
    for index in range(JOBS):
        await asyncio.to_thread(site.call, "POST", f"/api/jobs/j{index}/cancel", {}, token=token)
    await asyncio.gather(*tasks)
    agree(viewers, {f"j{index}": site.call("GET", f"/api/jobs/j{index}", token=token)[1] for index in range(JOBS)})
