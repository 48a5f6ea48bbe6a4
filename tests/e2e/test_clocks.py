"""Clocks that jump: of a worker and a server under running jobs, and of the database. FAULTS F23, F24."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.owner import Owner
from tests.processes import Process, Site
from tests.viewers import Viewer, agree
from tests.waiting import until, wait_until

JOBS = 3
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.site_settings",
    "ACCESS_TOKEN_SECONDS": "86400",
    "TEST_REALTIME": json.dumps({"heartbeat_seconds": 0.5}),
}


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(JOB_HANDLERS="tests.handlers", RESCUE_SECONDS="0.1", **SETTINGS) as site:
        yield site


class Clock:
    """The wall clock of processes that are started with `WALL_CLOCK` as its path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.write_text("0")

    def set(self, hours: float, process: Process) -> None:
        """Set the clock so far ahead, and wait until the process has it, and all that it has forked."""
        ahead = hours * 3600.0
        self._path.with_suffix(".new").write_text(str(ahead))
        self._path.with_suffix(".new").replace(self._path)
        folder, first = self._path.parent, self._path.with_suffix(f".{process.popen.pid}")

        def is_set() -> bool:
            return first.exists() and {shown.read_text() for shown in folder.glob(f"{self._path.name}.*")} == {str(ahead)}

        wait_until(is_set, what="a process whose clock is set")


class Watched:
    """Jobs that write until they are let go, and a viewer of each."""

    def __init__(self, owner: Owner, names: list[str]) -> None:
        self.owner = owner
        self._gate = owner.site.folder / f"{names[0]}-may-end"
        for name in names:
            owner.create(name, "test.until", until=str(self._gate))
        self.viewers = [Viewer([owner.site.socket_url], owner.token, name) for name in names]
        self._watching = asyncio.gather(*(viewer.watch() for viewer in self.viewers))

    async def more_text(self) -> None:
        """Wait until every viewer sees more text than now."""
        seen = [(viewer.job.position.attempt, viewer.job.text_length) for viewer in self.viewers]

        def is_more() -> bool:
            now = [(viewer.job.position.attempt, viewer.job.text_length) for viewer in self.viewers]
            return all(new[1] > 0 and new > old for new, old in zip(now, seen, strict=True))

        await until(is_more, what="more text")

    async def end(self, *, attempt: int | None = None) -> None:
        """Let the jobs end; their texts are those of one attempt, without hole or double, in the rows and at the viewers."""
        self._gate.touch()
        async with asyncio.timeout(20):
            await self._watching
        rows = {viewer.job_id: await asyncio.to_thread(self.owner.job, viewer.job_id) for viewer in self.viewers}
        for name, row in rows.items():
            assert row["attempt"] == (attempt or row["attempt"]), self.owner.reasons(name)
            written = "".join(f"[{name}:{row['attempt']}:{index}]" for index in range(row["result"]["chunks"]))
            assert (row["state"], row["streamingText"]) == ("completed", written)
        agree(self.viewers, rows)


def a_job_that_is_due_runs(owner: Owner, *, is_too_early: bool) -> None:
    """Have a job run that is due in a moment. A server whose clock is behind takes no token from its future, but one of its own."""
    old, owner.token = owner.token, owner.site.token("ann")
    body = {"type": "test.echo", "runAt": (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()}
    assert owner.site.call("POST", "/api/jobs", body, token=old)[0] == (401 if is_too_early else 201)
    status, job = owner.site.call("POST", "/api/jobs", body, token=owner.token)
    assert status == 201
    owner.until(job["jobId"], state="completed")


async def clocks_jump(site: Site, folder: Path, *, without: str = "") -> None:
    """Set the clocks of a worker and a server forth and back by hours: nobody loses a lease, a timer, or the order of events."""
    paths = folder / "of-server", folder / "of-worker"
    clocks = [Clock(path) for path in paths]
    server = await asyncio.to_thread(lambda: site.serve(WALL_CLOCK=str(paths[0])))
    worker = await asyncio.to_thread(lambda: site.worker(without=without, WALL_CLOCK=str(paths[1])))
    owner = await asyncio.to_thread(Owner, site)
    watched = Watched(owner, [f"timed-{index}" for index in range(JOBS)])
    await watched.more_text()
    before = 0
    for of_server, of_worker in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, -1), (0, 0)):
        for clock, hours, process in zip(clocks, (of_server, of_worker), (server, worker), strict=True):
            await asyncio.to_thread(clock.set, hours, process)
        beats = [len(viewer.degraded) for viewer in watched.viewers]
        await watched.more_text()
        await until(lambda beats=beats: all(len(viewer.degraded) > old + 1 for viewer, old in zip(watched.viewers, beats, strict=True)))  # type: ignore[misc]
        await asyncio.to_thread(a_job_that_is_due_runs, owner, is_too_early=of_server < before)
        before = of_server
    await watched.end(attempt=1)
    assert {viewer.connections for viewer in watched.viewers} == {1}


async def test_clocks_that_jump_cost_no_lease_and_no_order(site: Site, tmp_path: Path) -> None:
    await clocks_jump(site, tmp_path)


def move_leases(site: Site, hours: float) -> None:
    """Have the leases of all running jobs end so much later: that is what they do when the database's clock goes back so far."""
    path = site.environment["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as rows:
        rows.execute(
            "UPDATE jobs_job SET lease_expires_at = strftime('%Y-%m-%d %H:%M:%f', lease_expires_at, ?) WHERE state = 'running'",
            [f"{hours:+} hours"],
        )


async def leases_end_early(owner: Owner, name: str, *, without: str = "") -> None:
    """The database's clock jumps forth: all leases are over at once, and whoever held them is fenced beside its heirs."""
    worker = ("--processes", "2", "--concurrency", "5")
    await asyncio.to_thread(lambda: owner.site.worker(*worker, without=without, RESCUE_SECONDS="0.02"))
    watched = Watched(owner, [f"{name}-{index}" for index in range(JOBS)])
    await watched.more_text()

    async def rescued() -> bool:
        await asyncio.to_thread(move_leases, owner.site, -1)  # again, for whoever was about to renew it
        return all(viewer.job.position.attempt > 1 for viewer in watched.viewers)

    await until(rescued, what="jobs that were taken from their worker")
    await watched.more_text()
    await watched.end()


async def test_a_database_whose_clock_jumps_forth_has_everything_run_once_more(owner: Owner) -> None:
    await leases_end_early(owner, "early")


async def test_a_database_whose_clock_jumps_back_keeps_a_dead_workers_jobs_until_staff_take_them(owner: Owner) -> None:
    worker = await asyncio.to_thread(owner.site.worker)
    watched = Watched(owner, [f"late-{index}" for index in range(JOBS)])
    await watched.more_text()
    await asyncio.to_thread(worker.kill)
    move_leases(owner.site, 1)
    await asyncio.to_thread(owner.site.worker)
    assert [owner.running_attempt(viewer.job_id) for viewer in watched.viewers] == [1] * JOBS
    take_back = (
        "from django.contrib.auth import get_user_model as m; from jobs import transitions; from jobs.models import Job; "
        "[transitions.take_back(str(pk), limit=100, actor=m().objects.first()) "
        "for pk in set(Job.objects.filter(state='running').values_list('worker', flat=True))]"
    )
    await asyncio.to_thread(owner.site.manage, "shell", "--verbosity", "0", "-c", take_back)
    await watched.more_text()
    await watched.end(attempt=2)
