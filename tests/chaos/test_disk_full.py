"""A PostgreSQL whose disk is full: nothing can be created, all can be read, and it goes on by itself. FAULTS F30. Needs root, and Linux."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.owner import Owner
from tests.postgres import Cluster
from tests.processes import Site
from tests.waiting import wait_until

DISK_BYTES = 48 * 1024 * 1024
ROOM_BYTES = 8192


@contextmanager
def small_disk(cluster: Cluster) -> Iterator[Path]:
    """Have all that is made from now on in the database be on a disk of its own, without its journal, and return where that is."""
    disk = cluster.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(disk)], check=True)
    try:
        place = disk / "rows"
        place.mkdir()
        owner = (cluster.folder / "data").stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        with psycopg.connect(cluster.url, autocommit=True) as admin:
            admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
            admin.execute("ALTER DATABASE postgres SET default_tablespace = small")
        yield disk
    finally:
        cluster.remove()
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room, and return the file that takes it."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        file.truncate(0)
        try:
            while True:
                file.write(b"x" * ROOM_BYTES)
                file.flush()
        except OSError:
            return ballast


def use_a_full_disk(*, without: str = "") -> None:
    """Create and read on a full disk, and go on when there is room again."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")))
    with small_disk(cluster) as disk, Site(database_url=cluster.url, API_RATE="100000/min", JOB_HANDLERS="tests.handlers") as site:
        site.serve(without=without)
        owner = Owner(site)
        owner.create("before", "test.echo", value="kept")
        ballast = fill(disk)
        assert shutil.disk_usage(disk).free < ROOM_BYTES

        accepted: list[str] = []
        statuses: set[int] = set()

        def refused() -> bool:
            """Create until there is really no room: what is in half-empty pages goes on for a while."""
            job_id = f"full-{len(accepted)}"
            body = {"type": "test.echo", "jobId": job_id, "input": {"value": "x" * 20_000}}
            status, _ = site.call("POST", "/api/jobs", body, token=owner.token)
            statuses.add(status)
            accepted.extend([job_id] if status == 201 else [])
            return status != 201

        wait_until(refused, seconds=60, what="a create that is refused")
        for number in range(20):
            body = {"type": "test.echo", "jobId": f"none-{number}", "input": {"value": "x" * 20_000}}
            statuses.add(site.call("POST", "/api/jobs", body, token=owner.token)[0])
            assert site.call("GET", "/api/jobs", token=owner.token)[0] == 200
            assert owner.job("before")["state"] == "created"
        assert statuses <= {201, 503}
        assert owner.count_jobs() == 1 + len(accepted), "what was refused is not there, what was accepted is"

        ballast.unlink()
        site.worker()
        owner.create("after", "test.echo", value="new")
        for job_id in ("before", "after", *accepted):
            owner.until(job_id, state="completed", seconds=60)


def test_a_full_disk_refuses_creates_and_nothing_else() -> None:
    use_a_full_disk()


def test_a_full_disk_that_is_not_understood_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="500"):
        use_a_full_disk(without="error_mapping")
