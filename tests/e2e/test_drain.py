"""A server that is asked to end: `/health` first, then its readers, one after another. FAULTS F28."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from omnibrowser.valkey import free_port
from tests.processes import Site
from tests.silent import open_and_never_read
from tests.sockets import client
from tests.viewers import Viewer, agree, percentile
from tests.waiting import until

SOCKETS = 100


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(SOCKETS_PER_USER="5000", SHUTDOWN_GRACE_SECONDS="4") as site:
        yield site


async def test_readers_leave_one_after_another_and_health_says_so_first(site: Site) -> None:
    server = site.serve()
    token = site.user("ann")
    closed: list[tuple[float, int]] = []

    async def stay(opened: asyncio.Event) -> None:
        async with connect(site.socket_url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
            opened.set()
            try:
                while True:
                    await socket.recv()
            except ConnectionClosed as error:
                closed.append((time.monotonic(), error.rcvd.code if error.rcvd else 1006))

    staying = []
    for _ in range(SOCKETS):
        opened = asyncio.Event()
        staying.append(asyncio.create_task(stay(opened)))
        await opened.wait()
    server.signal(signal.SIGTERM)
    await until(lambda: bool(closed))
    status, health = await asyncio.to_thread(site.call, "GET", "/health")
    assert (status, health["status"]) == (503, "draining")
    assert len(closed) < SOCKETS, "health was late"
    assert await asyncio.to_thread(closed_with, site.socket_url, token) == 1012, "who comes now is sent on"
    await asyncio.gather(*staying)
    assert {code for _, code in closed} == {1012}
    spread = closed[-1][0] - closed[0][0]
    assert 1 < spread < 4
    assert await asyncio.to_thread(server.popen.wait, 10) == 0


def closed_with(url: str, token: str) -> int:
    """Open a socket and return the code with which the server closes it."""
    with client(url, Authorization=f"Bearer {token}") as made:
        return made.close_code(seconds=1)


async def test_one_that_does_not_read_holds_up_no_other(site: Site, request: pytest.FixtureRequest) -> None:
    server = site.serve()
    site.worker()
    token = site.user("ann")
    body = {"type": "test.stream", "jobId": "j", "input": {"chunks": 100, "seconds": 0.05, "pad": "x" * 2000}}
    assert site.call("POST", "/api/jobs", body, token=token)[0] == 201
    for _ in range(5):
        request.addfinalizer((await asyncio.to_thread(open_and_never_read, site, token)).close)
    viewer = Viewer([site.socket_url], token, "j")
    watching = asyncio.create_task(viewer.watch())
    await until(lambda: viewer.job.text_length > 60_000)
    server.signal(signal.SIGTERM)
    began = time.monotonic()
    await until(lambda: bool(viewer.codes))
    assert viewer.codes[0] == 1012
    assert time.monotonic() - began < 2
    watching.cancel()


async def test_a_stream_over_http_ends_too(site: Site) -> None:
    server = site.serve()
    token = site.user("ann")
    site.call("POST", "/api/jobs", {"type": "test.wait", "jobId": "j"}, token=token)

    def read() -> bytes:
        with closing(HTTPConnection("127.0.0.1", site.port, timeout=15)) as connection:
            connection.request("GET", "/api/jobs/j/events", headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"})
            with connection.getresponse() as response:
                first = response.readline()
                server.signal(signal.SIGTERM)
                response.read()
                return first

    assert await asyncio.to_thread(read) == b"event: snapshot\n"
    assert await asyncio.to_thread(server.popen.wait, 10) == 0


async def test_a_rolling_restart_is_hardly_seen(site: Site) -> None:
    ports = [site.port, free_port()]
    servers = [site.serve(port=port) for port in ports]
    site.worker("--concurrency", "5")
    token = site.user("ann")
    body = {"type": "test.stream", "jobId": "j", "input": {"chunks": 150, "seconds": 0.1}}
    assert site.call("POST", "/api/jobs", body, token=token)[0] == 201
    urls = [f"ws://127.0.0.1:{port}/ws/" for port in ports]
    viewers = [Viewer(urls, token, "j", seed=index) for index in range(30)]
    watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
    await until(lambda: all(viewer.events for viewer in viewers))
    for server, port in zip(servers, ports, strict=True):
        assert await asyncio.to_thread(server.terminate) == 0
        await asyncio.to_thread(lambda port=port: site.serve(port=port))  # type: ignore[misc]
        await until(lambda: all(viewer.is_connected.is_set() for viewer in viewers))
    await watching
    agree(viewers, {"j": site.call("GET", "/api/jobs/j", token=token)[1]})
    gaps = [later - earlier for viewer in viewers for earlier, later in zip(viewer.arrived_at, viewer.arrived_at[1:], strict=False)]
    assert percentile(gaps, 95) < 2
    assert {code for viewer in viewers for code in viewer.codes} <= {1012, 0}
