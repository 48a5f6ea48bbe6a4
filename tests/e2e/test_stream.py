"""Streams through connections that break: nothing is lost, nothing comes twice. FAULTS F2, F20, F36."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from omnibrowser.valkey import free_port
from tests.processes import Site
from tests.proxy import Proxy
from tests.viewers import Viewer, agree, percentile
from tests.waiting import until

CHUNKS = 60


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(SOCKETS_PER_USER="5000", JOB_HANDLERS="tests.handlers", API_RATE="100000/min") as site:
        yield site


def create(site: Site, token: str, job_id: str, *, seconds: float = 0.1, chunks: int = CHUNKS) -> None:
    body = {"type": "test.stream", "jobId": job_id, "input": {"chunks": chunks, "seconds": seconds}}
    assert site.call("POST", "/api/jobs", body, token=token)[0] == 201


def rows(site: Site, token: str, job_ids: list[str]) -> dict[str, Any]:
    return {job_id: site.call("GET", f"/api/jobs/{job_id}", token=token)[1] for job_id in job_ids}


async def test_connections_that_are_killed_all_the_time_lose_nothing(site: Site) -> None:
    site.serve()
    site.worker("--concurrency", "10")
    token = site.user("ann")
    jobs = [f"j{index}" for index in range(4)]
    for job_id in jobs:
        create(site, token, job_id)
    with Proxy("127.0.0.1", site.port, seed=7) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}/ws/"
        viewers = [Viewer([url], token, jobs[index % 4], seed=index) for index in range(40)]
        watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
        while not watching.done():
            await asyncio.to_thread(proxy.cut_one)
            await asyncio.wait([watching], timeout=0.03)
        await watching
    agree(viewers, rows(site, token, jobs))
    connections = sum(viewer.connections for viewer in viewers)
    assert connections > 3 * len(viewers), "too few were killed to show anything"
    assert percentile([seconds for viewer in viewers for seconds in viewer.caught_up_seconds], 95) < 1


async def test_a_server_that_is_killed_is_replaced_by_another(site: Site) -> None:
    first = site.serve()
    second_port = free_port()
    site.serve(port=second_port)
    site.worker()
    token = site.user("ann")
    create(site, token, "j")
    urls = [site.socket_url, f"ws://127.0.0.1:{second_port}/ws/"]
    viewers = [Viewer(urls, token, "j", seed=index) for index in range(30)]
    watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
    await until(lambda: all(viewer.events > 3 for viewer in viewers))
    await asyncio.to_thread(first.kill)
    await watching
    row = site.call("GET", "/api/jobs/j", token=token, port=second_port)[1]
    agree(viewers, {"j": row})
    assert any(viewer.connections > 1 for viewer in viewers)


async def test_many_viewers_of_one_job_and_one_viewer_of_many(site: Site) -> None:
    site.serve()
    site.worker("--concurrency", "40")
    token = site.user("ann")
    jobs = ["hot", *(f"j{index}" for index in range(30))]
    for job_id in jobs:
        create(site, token, job_id, seconds=0.05, chunks=40)
    viewers = [Viewer([site.socket_url], token, "hot", seed=index) for index in range(150)]
    viewers += [Viewer([site.socket_url], token, job_id) for job_id in jobs[1:]]
    await asyncio.gather(*(viewer.watch() for viewer in viewers))
    agree(viewers, rows(site, token, jobs))
    assert {viewer.connections for viewer in viewers} == {1}
