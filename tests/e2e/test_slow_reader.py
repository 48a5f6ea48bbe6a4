"""Readers that are slow or do not read at all cost the others nothing, and the server little. FAULTS F21, F37."""

import asyncio
import json
import resource
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from tests.processes import Process, Site
from tests.proxy import Proxy
from tests.silent import open_and_never_read
from tests.viewers import Viewer, agree
from tests.waiting import until

PAD = "x" * 5000
"""So much that it does not fit into the buffers of a kernel, over a few seconds."""


@pytest.fixture
def site() -> Iterator[Site]:
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.site_settings",
        "TEST_REALTIME": json.dumps({"send_limit_seconds": 2, "heartbeat_seconds": 1}),
    }
    with Site(SOCKETS_PER_USER="5000", TEXT_LIMIT_BYTES="4000000", **settings) as site:
        yield site


def memory(process: Process) -> int:
    used: int = psutil.Process(process.popen.pid).memory_info().rss
    return used


def sockets(process: psutil.Process, site: Site) -> int:
    """Return how many connections the server has to its clients.

    Its open files say less: each thread that asks SQLite something for the first time opens three.
    """
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == site.port for one in process.net_connections("tcp"))


def create(site: Site, token: str, *, chunks: int) -> None:
    body = {"type": "test.stream", "jobId": "j", "input": {"chunks": chunks, "seconds": 0.05, "pad": PAD}}
    assert site.call("POST", "/api/jobs", body, token=token)[0] == 201


async def test_a_reader_at_1_kb_a_second_is_whole_at_the_end_and_nobody_waits_for_it(site: Site) -> None:
    server = site.serve()
    site.worker()
    token = site.user("ann")
    create(site, token, chunks=100)
    with Proxy("127.0.0.1", site.port) as proxy:
        fast = [Viewer([site.socket_url], token, "j", seed=index) for index in range(10)]
        slow = Viewer([f"ws://127.0.0.1:{proxy.port}/ws/"], token, "j")
        watching = asyncio.gather(*(viewer.watch() for viewer in [*fast, slow]))
        await until(lambda: slow.events > 0)
        before = memory(server)
        proxy.rate(1000)
        await until(lambda: all(viewer.is_over for viewer in fast))
        assert memory(server) - before < 10_000_000
        for viewer in fast:
            gaps = [later - earlier for earlier, later in zip(viewer.arrived_at, viewer.arrived_at[1:], strict=False)]
            assert sorted(gaps)[int(len(gaps) * 0.99)] < 0.1, "the fast ones waited"
        proxy.heal()
        await watching
    agree([*fast, slow], {"j": site.call("GET", "/api/jobs/j", token=token)[1]})


async def test_those_who_never_read_are_closed_and_hold_little(site: Site, request: pytest.FixtureRequest) -> None:
    server = site.serve()
    site.worker()
    token = site.user("ann")
    create(site, token, chunks=700)  # it writes until all have been closed, however long it took to open them
    viewer = Viewer([site.socket_url], token, "j")
    watching = asyncio.create_task(viewer.watch())
    await until(lambda: viewer.events > 0)
    process = psutil.Process(server.popen.pid)
    before = memory(server)
    silent = [await asyncio.to_thread(open_and_never_read, site, token) for _ in range(100)]
    for one in silent:
        request.addfinalizer(one.close)
    await until(lambda: sockets(process, site) > 100)
    most = 0

    def gone() -> bool:
        nonlocal most
        most = max(most, memory(server))
        return sockets(process, site) == 1

    await until(gone, seconds=20, what="sockets that are closed")
    assert (most - before) / 100 < 1_000_000
    await asyncio.to_thread(site.call, "POST", "/api/jobs/j/cancel", {}, token=token)
    await watching
    agree([viewer], {"j": site.call("GET", "/api/jobs/j", token=token)[1]})


async def test_a_server_without_free_files_refuses_and_recovers(site: Site) -> None:
    server = site.serve()
    site.worker()
    token = site.user("ann")
    create(site, token, chunks=60)
    viewer = Viewer([site.socket_url], token, "j")
    watching = asyncio.create_task(viewer.watch())
    await until(lambda: viewer.events > 0)
    process = psutil.Process(server.popen.pid)
    room = process.num_fds() + 20
    process.rlimit(resource.RLIMIT_NOFILE, (room, room))
    crowd: list[Any] = []
    for _ in range(60):
        try:
            crowd.append(await connect(site.socket_url, open_timeout=0.3, close_timeout=0.1).__aenter__())
        except (OSError, InvalidHandshake, TimeoutError):
            break
    assert len(crowd) <= 20
    length = viewer.job.text_length
    await until(lambda: viewer.job.text_length > length or viewer.is_over, what="news for those who are there")
    for one in crowd:
        await one.close()
    began = time.monotonic()
    async with connect(site.socket_url, open_timeout=10):
        assert time.monotonic() - began < 10
    await watching
    agree([viewer], {"j": site.call("GET", "/api/jobs/j", token=token)[1]})
