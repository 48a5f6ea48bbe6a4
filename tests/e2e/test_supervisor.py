"""Worker processes that die, and their supervisor. FAULTS F3."""

import asyncio
import os
import signal
import time

import psutil

from tests.owner import Owner
from tests.processes import Process
from tests.viewers import Viewer, agree
from tests.waiting import wait_until

RUNS_AGAIN_SECONDS = 1.5


def children(worker: Process, count: int) -> list[psutil.Process]:
    """Wait until the worker has so many processes that take jobs, and return them."""
    parent = psutil.Process(worker.popen.pid)
    wait_until(lambda: worker.log.count("takes jobs") >= count and len(parent.children()) == count, what=f"{count} processes")
    return parent.children()


async def test_a_killed_process_is_replaced_and_its_job_runs_again_at_once(owner: Owner) -> None:
    worker = owner.site.worker("--processes", "2", LEASE_SECONDS="30")
    before = children(worker, 2)
    job_id = owner.create("killed", chunks=40, seconds=0.05)
    viewers = [Viewer([owner.site.socket_url], owner.token, job_id, seed=index) for index in range(5)]
    watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
    await asyncio.to_thread(owner.until, job_id, state="running")

    owner.process_of(job_id).kill()
    killed_at = time.monotonic()
    await asyncio.to_thread(owner.until, job_id, state="running", attempt=2)
    took_seconds = time.monotonic() - killed_at

    await watching
    row = owner.job(job_id)
    assert (row["state"], row["streamingText"]) == ("completed", "".join(f"[killed:2:{index}]" for index in range(40)))
    agree(viewers, {job_id: row})
    assert took_seconds < RUNS_AGAIN_SECONDS
    after = await asyncio.to_thread(children, worker, 2)
    assert len({process.pid for process in before} & {process.pid for process in after}) == 1


def test_when_the_supervisor_is_killed_its_children_put_their_jobs_back_and_end(owner: Owner) -> None:
    worker = owner.site.worker("--processes", "2", LEASE_SECONDS="30", SHUTDOWN_GRACE_SECONDS="20")
    orphans = children(worker, 2)
    owner.create("orphan", "test.wait")
    owner.until("orphan", state="running")

    os.kill(worker.popen.pid, signal.SIGKILL)

    _, alive = psutil.wait_procs(orphans, timeout=8)
    assert alive == []
    owner.until("orphan", state="created", attempt=2)
    assert owner.reasons("orphan") == ["interrupted"]


def test_a_worker_that_cannot_start_says_why_in_one_line(owner: Owner) -> None:
    worker = owner.site.start("worker", "--processes", "2", "--types", "no.such")
    assert worker.popen.wait(15) != 0
    assert worker.log.startswith("CommandError: No handler for type no.such. There are handlers for: "), worker.log
    assert worker.log.count("\n") == 1
