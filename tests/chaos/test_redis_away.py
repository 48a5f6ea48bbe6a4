"""Redis gone, and hanging, for half a minute under 50 jobs and their readers. FAULTS F8, at its literal times."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet import IN_URL, Server
from tests.owner import Owner
from tests.processes import Site
from tests.proxy import Proxy
from tests.viewers import Viewer, agree, percentile
from tests.waiting import until

JOBS = 50
AWAY_SECONDS = 30
CHUNKS = 400
"""Written in 40 s and a little: the jobs begin before the fault and go on after it."""


class Rig:
    """A server and a worker that reach their Redis through a proxy."""

    def __init__(self, owner: Owner, memory: Server, proxy: Proxy) -> None:
        self.owner, self.memory, self.proxy = owner, memory, proxy
        self.viewers = [Viewer([owner.site.socket_url], owner.token, f"j{index}", seed=index) for index in range(JOBS)]
        self.created: list[float] = []

    async def create_for_a_while(self) -> None:
        """Create jobs that wait for the end of time, five a second, and note how long each of it took."""
        until_then = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < until_then:
            began = time.monotonic()
            body = {"type": "test.stream", "jobId": f"c{len(self.created)}", "runAt": "2099-01-01T00:00:00Z"}
            status, _ = await asyncio.to_thread(self.owner.site.call, "POST", "/api/jobs", body, token=self.owner.token)
            assert status == 201
            self.created.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, began + 0.2 - time.monotonic()))

    async def take_away(self, fault: str) -> None:
        """Make the fault, and end it after its time."""
        if fault == "killed":
            await asyncio.to_thread(self.memory.kill)
        else:
            self.proxy.blackhole()
        await self.create_for_a_while()
        if fault == "killed":
            await asyncio.to_thread(self.memory.start)
        self.proxy.heal()

    def at_the_rows(self) -> dict[str, int]:
        """Return how much text each row has now."""
        return {viewer.job_id: len(self.owner.job(viewer.job_id)["streamingText"]) for viewer in self.viewers}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    memory = Server(tmp_path)
    with Proxy("127.0.0.1", memory.port) as proxy:
        times = {"LEASE_SECONDS": "10", "FLUSH_SECONDS": "1", "POSITION_CHECK_SECONDS": "10"}
        with Site(redis_url=f"redis://:{IN_URL}@127.0.0.1:{proxy.port}/0", API_RATE="100000/min", **times) as site:
            site.serve()
            site.worker("--concurrency", str(JOBS))
            yield Rig(Owner(site), memory, proxy)
    memory.kill()


@pytest.mark.parametrize("fault", ["killed", "hanging"])
async def test_jobs_go_on_creates_stay_quick_and_readers_are_whole_soon_after(rig: Rig, fault: str) -> None:
    for viewer in rig.viewers:
        await asyncio.to_thread(rig.owner.create, viewer.job_id, chunks=CHUNKS, seconds=0.1)
    watching = asyncio.gather(*(viewer.watch() for viewer in rig.viewers))
    await until(lambda: all(viewer.job.text_length for viewer in rig.viewers), seconds=60)

    await rig.take_away(fault)
    healed = time.monotonic()
    had = await asyncio.to_thread(rig.at_the_rows)
    await until(lambda: all(viewer.job.text_length >= had[viewer.job_id] for viewer in rig.viewers), what="readers that are whole")
    whole_seconds = time.monotonic() - healed

    await watching
    rows = {viewer.job_id: rig.owner.job(viewer.job_id) for viewer in rig.viewers}
    agree(rig.viewers, rows)
    assert {(row["state"], row["attempt"]) for row in rows.values()} == {("completed", 1)}
    assert {viewer.connections for viewer in rig.viewers} == {1}
    print(
        f"Redis {fault} for {AWAY_SECONDS} s under {JOBS} jobs: all complete; {len(rig.created)} creates, p50 "
        f"{percentile(rig.created, 50):.3f} s, p99 {percentile(rig.created, 99):.3f} s; all readers whole {whole_seconds:.1f} s later"
    )
    assert percentile(rig.created, 99) < 1
    assert whole_seconds < 5
