"""A database that is restored from a backup under running jobs and their viewers: FAULTS F43."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import Cluster
from tests.processes import Site
from tests.viewers import Viewer, agree
from tests.waiting import until


class RecordingViewer(Viewer):
    """Keeps what each position named."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.named: dict[tuple[int, int], set[str]] = {}

    def _take_event(self, event: dict[str, Any]) -> bool:
        self.named.setdefault((event["attempt"], event["seq"]), set()).add(str(event))
        return super()._take_event(event)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")))
    yield made
    made.remove()


def copy(source: Path, target: Path) -> None:
    """Put a copy of a data directory, owners included, in the place of another."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


class Deployment:
    """A server and a worker on a database of their own, and jobs that write until they are let go."""

    def __init__(self, site: Site, cluster: Cluster) -> None:
        self.site, self.cluster = site, cluster
        site.serve()
        self.worker = site.worker()
        self.token = site.user("ann")

    def replace_worker(self) -> None:
        """Kill the worker and start another one."""
        self.worker.kill()
        self.worker = self.site.worker()

    def backup(self) -> None:
        """Save the data directory as it is now."""
        self.cluster.stop("fast")
        copy(self.cluster.folder / "data", self.cluster.folder / "backup")
        self.cluster.start()

    def restore(self) -> None:
        """Put the saved data directory in the place of the present one."""
        self.cluster.stop()
        copy(self.cluster.folder / "backup", self.cluster.folder / "data")
        self.cluster.start()

    async def lose_what_came_after_the_backup(
        self, name: str, *, command: str = "", without: str = ""
    ) -> tuple[list[RecordingViewer], dict[str, Any]]:
        """Run jobs over a backup and its restore; return their viewers and their rows at the end."""
        jobs, gate = [f"{name}{index}" for index in range(3)], self.site.folder / f"{name}-may-end"
        for job_id in jobs:
            body = {"type": "test.until", "jobId": job_id, "input": {"until": str(gate)}}
            assert (await asyncio.to_thread(self.site.call, "POST", "/api/jobs", body, token=self.token))[0] == 201
        viewers = [RecordingViewer([self.site.socket_url], self.token, job_id) for job_id in jobs]
        watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
        await until(lambda: all(viewer.job.text_length for viewer in viewers), what="text")
        await asyncio.to_thread(self.backup)
        if command:  # the life that is lost has begun an attempt that the backup knows nothing of
            await asyncio.to_thread(self.replace_worker)
            await until(lambda: all(viewer.job.position.attempt > 1 for viewer in viewers), what="the next attempt")
        lengths = [viewer.job.text_length for viewer in viewers]
        await until(lambda: all(viewer.job.text_length > length + 50 for viewer, length in zip(viewers, lengths, strict=True)))
        await asyncio.to_thread(self.restore)
        if command:
            assert "created" in await asyncio.to_thread(lambda: self.site.manage(command, without=without))
        seen = [viewer.job.text_length for viewer in viewers]

        def goes_on(viewer: RecordingViewer, length: int) -> bool:
            # Untold, an attempt whose lease outlasts the restore goes on itself; which it is depends on how quick the machine is.
            return bool(viewer.job.text_length) and (viewer.job.position.attempt > 1 or (not command and viewer.job.text_length > length))

        await until(lambda: all(map(goes_on, viewers, seen)), what="jobs that go on")
        gate.touch()
        async with asyncio.timeout(20):
            await watching
        return viewers, {job_id: self.site.call("GET", f"/api/jobs/{job_id}", token=self.token)[1] for job_id in jobs}


def are_whole(viewers: list[RecordingViewer], rows: dict[str, dict[str, Any]]) -> None:
    """Assert that rows and viewers end with what one attempt wrote."""
    for viewer in viewers:
        row = rows[viewer.job_id]
        written = [f"[{viewer.job_id}:{row['attempt']}:{index}]" for index in range(row["result"]["chunks"])]
        assert (row["state"], row["streamingText"]) == ("completed", "".join(written))
        assert viewer.job.text == row["streamingText"]


def name_one_event_each(viewers: list[RecordingViewer]) -> None:
    """Assert that no position that was given out before the loss was given out again."""
    assert {len(events) for viewer in viewers for events in viewer.named.values()} == {1}, "a position names two events"


async def test_jobs_and_viewers_go_on_from_a_backup(cluster: Cluster) -> None:
    with Site(database_url=cluster.url, LEASE_SECONDS="2", API_RATE="100000/min") as site:
        deployment = await asyncio.to_thread(Deployment, site, cluster)
        are_whole(*await deployment.lose_what_came_after_the_backup("untold"))
        viewers, rows = await deployment.lose_what_came_after_the_backup("told", command="restored")
        are_whole(viewers, rows)
        agree(viewers, rows)
        assert min(row["attempt"] for row in rows.values()) > 1000
        name_one_event_each(viewers)


async def test_attempts_that_are_not_skipped_are_begun_twice(cluster: Cluster) -> None:
    with Site(database_url=cluster.url, LEASE_SECONDS="2", API_RATE="100000/min") as site:
        deployment = await asyncio.to_thread(Deployment, site, cluster)
        viewers, _ = await deployment.lose_what_came_after_the_backup("again", command="restored", without="skipped_attempts")
        with pytest.raises(AssertionError, match="a position names two events"):
            name_one_event_each(viewers)
