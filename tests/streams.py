"""Jobs that stream on a site and viewers that watch them: what most faults are tried on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.processes import Site
from tests.viewers import Viewer, agree
from tests.waiting import until

JOBS = 8
CHUNKS = 80
"""Written in 8 s: the fault falls into the middle."""


class Streams:
    """The jobs of one user and two viewers of each."""

    def __init__(self, site: Site, *, chunks: int = CHUNKS) -> None:
        self.site = site
        self._chunks = chunks
        self.token = ""
        self.viewers: list[Viewer] = []
        self.watching: asyncio.Future[Any] | None = None

    async def begin(self) -> None:
        """Start the jobs and wait until all viewers see text."""
        self.token = await asyncio.to_thread(self.site.user, "ann")
        for index in range(JOBS):
            body = {"type": "test.stream", "jobId": f"j{index}", "input": {"chunks": self._chunks, "seconds": 0.1}}
            assert (await self.call("POST", "/api/jobs", body))[0] == 201
        self.viewers = [Viewer([self.site.socket_url], self.token, f"j{index % JOBS}", seed=index) for index in range(2 * JOBS)]
        self.watching = asyncio.gather(*(viewer.watch() for viewer in self.viewers))
        await until(lambda: all(viewer.job.text_length for viewer in self.viewers))

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await asyncio.to_thread(lambda: self.site.call(method, path, body, token=self.token))

    async def rows(self) -> dict[str, Any]:
        return {f"j{index}": (await self.call("GET", f"/api/jobs/j{index}"))[1] for index in range(JOBS)}

    async def creates(self, count: int = 10) -> list[float]:
        """Create jobs of a type that no worker of this site takes now, and return how long each took."""
        took = []
        for index in range(count):
            began = time.monotonic()
            body = {"type": "test.stream", "jobId": f"c{index}-{time.monotonic_ns()}", "runAt": "2099-01-01T00:00:00Z"}
            status, _ = await self.call("POST", "/api/jobs", body)
            assert status == 201
            took.append(time.monotonic() - began)
        return took

    async def end(self, *, seconds: float = 30) -> float:
        """Wait until all viewers have the end, and return how long after the last row's end that was."""
        assert self.watching is not None
        async with asyncio.timeout(seconds):
            while any(row["state"] != "completed" for row in (await self.rows()).values()):
                await asyncio.sleep(0.1)
        ended = time.monotonic()
        await until(lambda: all(viewer.is_over for viewer in self.viewers), seconds=5, what="viewers that have the end")
        agree(self.viewers, await self.rows())
        return time.monotonic() - ended

    async def stop(self) -> None:
        """Watch no more."""
        if self.watching:
            self.watching.cancel()
            await asyncio.wait([self.watching])


SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.site_settings",
    "TEST_REALTIME": json.dumps({"heartbeat_seconds": 1, "position_check_seconds": 60}),
    "API_RATE": "100000/min",
}


@asynccontextmanager
async def streams_on(redis_url: str, *, chunks: int = 80, **settings: str) -> AsyncIterator[Streams]:
    """Run a site on this Redis, with jobs that stream and their viewers."""
    with Site(redis_url=redis_url, **SETTINGS, **settings) as site:
        await asyncio.to_thread(site.serve)
        await asyncio.to_thread(site.worker, "--concurrency", "20")
        streams = Streams(site, chunks=chunks)
        await streams.begin()
        yield streams
        await streams.stop()


async def seen_by_all(streams: Streams, degraded: bool, *, seconds: float) -> None:
    what = f"heartbeats that say degraded: {degraded}"
    await until(lambda: all(viewer.degraded and viewer.degraded[-1] is degraded for viewer in streams.viewers), seconds=seconds, what=what)
