"""PostgreSQL that restarts, is gone for longer than a lease, or does not answer: FAULTS F13, F17 and the answers meanwhile."""

import asyncio
import json
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.postgres import Cluster
from tests.processes import PASSWORD, Process, Site
from tests.proxy import Proxy
from tests.viewers import Viewer, agree
from tests.waiting import until

JOBS = 4
LEASE_SECONDS = 3


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # A crash of PostgreSQL loses nothing that it has acknowledged, as in production.
    made = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")), options={"synchronous_commit": "on"})
    yield made
    made.remove()


class Rig:
    """A server and a worker that reach their database through a proxy, and jobs that write until they are let go."""

    def __init__(self, site: Site, cluster: Cluster, proxy: Proxy) -> None:
        self.site, self.cluster, self.proxy = site, cluster, proxy
        self.processes: list[Process] = [site.serve(), site.worker()]
        self.token = site.user("ann")
        self.viewers: list[Viewer] = []
        self.session = ""

    async def begin(self, name: str) -> None:
        """Start jobs and wait until their viewers see text."""
        self.gate = self.site.folder / f"{name}-may-end"
        for index in range(JOBS):
            body = {"type": "test.until", "jobId": f"{name}{index}", "input": {"until": str(self.gate)}}
            assert (await asyncio.to_thread(self.site.call, "POST", "/api/jobs", body, token=self.token))[0] == 201
        self.viewers = [Viewer([self.site.socket_url], self.token, f"{name}{index}") for index in range(JOBS)]
        self.watching = asyncio.gather(*(viewer.watch() for viewer in self.viewers))
        await self.see_text()

    async def see_text(self) -> None:
        """Wait until every viewer sees more text than now."""
        lengths = [viewer.job.text_length for viewer in self.viewers]
        attempts = [viewer.job.position.attempt for viewer in self.viewers]

        def moved() -> bool:
            now = [(viewer.job.position.attempt, viewer.job.text_length) for viewer in self.viewers]
            return all(new > old for new, old in zip(now, zip(attempts, lengths, strict=True), strict=True))

        await until(moved, what="more text")

    async def end(self) -> list[dict[str, Any]]:
        """Let the jobs end, assert that rows and viewers are whole, and return the rows."""
        self.gate.touch()
        async with asyncio.timeout(20):
            await self.watching
        rows = {
            viewer.job_id: (await asyncio.to_thread(self.site.call, "GET", f"/api/jobs/{viewer.job_id}", token=self.token))[1]
            for viewer in self.viewers
        }
        agree(self.viewers, rows)
        for job_id, row in rows.items():
            written = [f"[{job_id}:{row['attempt']}:{index}]" for index in range(row["result"]["chunks"])]
            assert (row["state"], row["streamingText"]) == ("completed", "".join(written))
        assert all(process.is_alive for process in self.processes)
        return list(rows.values())

    def answers(self) -> list[tuple[str, int, str | None, str]]:
        """Ask at every door and return path, status, Retry-After and content type of what is answered."""
        body = json.dumps({"type": "test.echo"}).encode()
        sign_in = json.dumps({"username": "ann", "password": PASSWORD}).encode()
        doors: list[tuple[str, bytes | None, str]] = [
            ("/api/jobs", None, self.token),
            ("/api/jobs", body, self.token),
            ("/api/jobs/x/events", None, self.token),
            ("/api/auth/token", sign_in, ""),
            ("/", None, ""),
        ]
        return [self._ask(*door) for door in doors]

    def _ask(self, path: str, body: bytes | None, token: str) -> tuple[str, int, str | None, str]:
        request = urllib.request.Request(self.site.url + path, data=body, headers={"Content-Type": "application/json"})
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Cookie", f"sessionid={'a' * 32}")
        try:
            response = urllib.request.urlopen(request, timeout=15)
        except HTTPError as error:
            response = error
        with response:
            return path, response.status, response.headers["Retry-After"], response.headers["Content-Type"].partition(";")[0]

    async def is_away(self) -> None:
        """Assert that every door says 503 and when to come back."""
        for path, status, retry_after, kind in await asyncio.to_thread(self.answers):
            assert (path, status, retry_after) == (path, 503, "2")
            assert kind == ("application/problem+json" if path.startswith("/api/") else "text/html")

    async def is_back(self) -> float:
        """Wait until every door works again, and return how long that took."""
        began = time.monotonic()

        async def well() -> bool:
            return all(status < 500 for _, status, _, _ in await asyncio.to_thread(self.answers))

        await until(well, what="a server that works again")
        return time.monotonic() - began


async def rig_with(cluster: Cluster, **settings: str) -> AsyncIterator[Rig]:
    with (
        Proxy.before(cluster.url) as proxy,
        Site(
            database_url=proxy.url_through(cluster.url),
            LEASE_SECONDS=str(LEASE_SECONDS),
            API_RATE="9999/min",
            TOKEN_RATE="999/min",
            **settings,
        ) as site,
    ):
        yield await asyncio.to_thread(Rig, site, cluster, proxy)


@pytest.fixture
async def rig(cluster: Cluster) -> AsyncIterator[Rig]:
    async for made in rig_with(cluster):
        yield made


async def restarted(rig: Rig) -> None:
    """Crash the database three times, for less than a lease: nobody loses a job by it."""
    await rig.begin("restarted")
    for _ in range(3):
        await asyncio.to_thread(rig.cluster.stop, "immediate")
        await asyncio.to_thread(rig.cluster.start)
        await rig.see_text()
    assert await rig.is_back() < 6
    assert {row["attempt"] for row in await rig.end()} == {1}  # it was back within the lease


async def test_a_database_that_comes_and_goes(rig: Rig) -> None:
    """One site for all, one fault after another: none of them needs a hand."""
    await restarted(rig)

    await rig.begin("away")
    await asyncio.to_thread(rig.cluster.stop, "immediate")
    stopped_at = time.monotonic()
    await rig.is_away()
    await until(lambda: time.monotonic() - stopped_at > LEASE_SECONDS + 1, what="leases that are over")
    await asyncio.to_thread(rig.cluster.start)
    assert await rig.is_back() < 6
    await rig.see_text()
    rows = await rig.end()
    assert max(row["attempt"] for row in rows) == 2
    assert {row["failures"] for row in rows} == {0}

    await rig.begin("silent")
    rig.proxy.blackhole()
    silent_at = time.monotonic()
    await until(lambda: time.monotonic() - silent_at > LEASE_SECONDS + 1, what="leases that are over")
    rig.proxy.heal()
    assert await rig.is_back() < 6
    await rig.see_text()
    await rig.end()
