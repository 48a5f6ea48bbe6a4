"""`manage.py serve`: one process, several, and another server."""

import asyncio
import json
import signal
from collections.abc import Iterator

import httpx
import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from jobs.events import FoldedJob
from tests.processes import Site
from tests.proxy import Proxy
from tests.viewers import Viewer, agree
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


WAYS = {
    "uvicorn": ["serve", "--port", "{port}"],
    "two processes": ["serve", "--processes", "2", "--port", "{port}"],
    "daphne": ["serve", "--server", "daphne", "--port", "{port}"],
    "two processes of daphne": ["serve", "--server", "daphne", "--processes", "2", "--port", "{port}"],
    "runserver": ["runserver", "--noreload", "127.0.0.1:{port}"],
}


@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
async def test_streams_are_whole_though_connections_break(site: Site, command: list[str]) -> None:
    server = site.serve(command=[word.format(port=site.port) for word in command])
    worker = site.worker()
    token = site.user(f"user{len(site.processes)}")
    status, job = site.call("POST", "/api/jobs", {"type": "test.stream", "input": {"chunks": 30, "seconds": 0.05}}, token=token)
    assert status == 201
    with Proxy("127.0.0.1", site.port, seed=7) as proxy:
        viewers = [Viewer([f"ws://127.0.0.1:{proxy.port}/ws/"], token, job["jobId"], seed=index) for index in range(6)]
        watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
        reading = asyncio.create_task(asyncio.to_thread(read_stream, site, token, job["jobId"]))
        while not watching.done():
            await asyncio.to_thread(proxy.cut_one)
            await asyncio.wait([watching], timeout=0.1)
    row = site.call("GET", f"/api/jobs/{job['jobId']}", token=token)[1]
    assert row["streamingText"] == "".join(f"[{job['jobId']}:1:{index}]" for index in range(30))
    agree(viewers, {job["jobId"]: row})
    assert sum(viewer.connections for viewer in viewers) > 6
    assert await reading == row["streamingText"]
    server.kill()
    worker.kill()


def read_stream(site: Site, token: str, job_id: str) -> str:
    """Read a job's events over HTTP to their end and return the text that they make."""
    job, kind = FoldedJob(), ""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    with httpx.stream("GET", f"{site.url}/api/jobs/{job_id}/events", headers=headers, timeout=15) as response:
        for line in response.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "snapshot":
                job = FoldedJob(json.loads(value)["job"])
            elif name == "data":
                job.fold(json.loads(value))
    return job.text


def test_a_server_process_that_dies_is_replaced_and_none_outlives_the_parent(site: Site) -> None:
    server = site.serve("--processes", "2")
    parent = psutil.Process(server.popen.pid)
    wait_until(lambda: len(parent.children()) == 2)
    victim = parent.children()[0]
    victim.kill()
    wait_until(lambda: len([child for child in parent.children() if child.pid != victim.pid]) == 2)
    assert site.call("GET", "/health/live")[0] == 200
    children = parent.children()
    parent.kill()
    assert not psutil.wait_procs(children, timeout=10)[1]


@pytest.mark.parametrize("name", ["uvicorn", "daphne"])
def test_on_sigterm_health_says_draining_and_readers_are_sent_away_with_1012(site: Site, name: str) -> None:
    server = site.serve("--server", name)
    token = site.user(f"drained-by-{name}")
    with connect(site.socket_url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "welcome"
        server.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert server.popen.wait(timeout=10) == 0


@pytest.mark.parametrize("name", ["uvicorn", "daphne"])
def test_behind_a_proxy_sign_ins_are_limited_by_the_address_that_it_names(site: Site, name: str) -> None:
    server = site.serve("--server", name, TOKEN_RATE="2/hour")
    mine, others = f"{name}-a.invalid", f"{name}-b.invalid"

    assert [sign_in_from(site, mine) for _ in range(3)] == [401, 401, 429]
    assert sign_in_from(site, others) == 401
    server.kill()


def test_daphne_believes_only_proxies_that_are_named(site: Site) -> None:
    server = site.serve("--server", "daphne", TOKEN_RATE="2/hour", FORWARDED_ALLOW_IPS="192.0.2.1")
    assert [sign_in_from(site, f"{number}.invalid") for number in range(3)][-1] == 429
    server.kill()


def sign_in_from(site: Site, address: str) -> int:
    body = {"username": "nobody", "password": "not-the-password"}
    return httpx.post(f"{site.url}/api/auth/token", json=body, headers={"X-Forwarded-For": address}, timeout=30).status_code
