"""Worker processes that die, and their supervisor. FAULTS F3."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.owner import Owner
from tests.processes import Process, Site
from tests.viewers import Viewer, agree
from tests.waiting import wait_until

RUNS_AGAIN_SECONDS = 1.5


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        site.serve()
        yield site


@pytest.fixture(scope="module")
def ann(site: Site) -> Owner:
    return Owner(site)


@pytest.fixture(autouse=True)
def _tidy(site: Site, ann: Owner) -> Iterator[None]:
    """Leave the server, and no worker and no work."""
    yield
    ann.cancel_all()
    for process in site.processes[1:]:
        process.kill()


def children(worker: Process, count: int) -> list[psutil.Process]:
    """Wait until the worker has so many processes that take jobs, and return them."""
    parent = psutil.Process(worker.popen.pid)
    wait_until(lambda: worker.log.count("takes jobs") >= count and len(parent.children()) == count, what=f"{count} processes")
    return parent.children()


async def test_a_killed_process_is_replaced_and_its_job_runs_again_at_once(site: Site, ann: Owner) -> None:
    worker = site.worker("--processes", "2", LEASE_SECONDS="30")
    before = children(worker, 2)
    job_id = ann.create("killed", chunks=40, seconds=0.05)
    viewers = [Viewer([site.socket_url], ann.token, job_id, seed=index) for index in range(5)]
    watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
    await asyncio.to_thread(ann.until, job_id, state="running")

    ann.process_of(job_id).kill()
    killed_at = time.monotonic()
    await asyncio.to_thread(ann.until, job_id, state="running", attempt=2)
    took_seconds = time.monotonic() - killed_at

    await watching
    row = ann.job(job_id)
    assert (row["state"], row["streamingText"]) == ("completed", "".join(f"[killed:2:{index}]" for index in range(40)))
    agree(viewers, {job_id: row})
    assert took_seconds < RUNS_AGAIN_SECONDS
    after = await asyncio.to_thread(children, worker, 2)
    assert len({process.pid for process in before} & {process.pid for process in after}) == 1


def test_when_the_supervisor_is_killed_its_children_put_their_jobs_back_and_end(site: Site, ann: Owner) -> None:
    worker = site.worker("--processes", "2", LEASE_SECONDS="30", SHUTDOWN_GRACE_SECONDS="0.5")
    orphans = children(worker, 2)
    ann.create("orphan", "test.wait")
    ann.until("orphan", state="running")

    os.kill(worker.popen.pid, signal.SIGKILL)

    _, alive = psutil.wait_procs(orphans, timeout=8)
    assert alive == []
    assert ann.until("orphan", state="created")["attempt"] == 2


def test_a_worker_that_cannot_start_says_why_in_one_line(site: Site) -> None:
    worker = site.start("worker", "--processes", "2", "--types", "no.such")
    assert worker.popen.wait(15) != 0
    assert worker.log.startswith("CommandError: No handler for type no.such. There are handlers for: "), worker.log
    assert worker.log.count("\n") == 1
