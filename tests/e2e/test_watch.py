"""`manage.py watch`, and the Python client behind it."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from jobs.client import AsyncJobsClient, JobsError
from omnibrowser.valkey import free_port
from tests.processes import Process, Site
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        site.serve()
        site.worker()
        yield site


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.user("ann")


def create(site: Site, token: str, type: str, **input: Any) -> str:
    status, job = site.call("POST", "/api/jobs", {"type": type, "input": input}, token=token)
    assert status == 201, job
    job_id: str = job["jobId"]
    return job_id


def watched(site: Site, job_id: str) -> Process:
    process = site.start("watch", job_id, SOCKET_PORT=str(site.port))
    process.popen.wait(timeout=30)
    return process


def test_a_job_is_shown_to_its_end(site: Site, token: str) -> None:
    job_id = create(site, token, "test.stream", chunks=4, seconds=0.05)
    process = watched(site, job_id)
    assert process.popen.returncode == 0, process.log
    assert f"[{job_id}:1:3]" in process.log.replace("\n", "")
    assert "completed, 100 %" in process.log


def test_a_job_that_fails_ends_it_with_1_and_says_why(site: Site, token: str) -> None:
    process = watched(site, create(site, token, "test.fail", code="no_luck", message="It did not work out."))
    assert process.popen.returncode == 1
    assert "no_luck: It did not work out." in process.log


def test_a_job_that_is_not_there_is_said(site: Site) -> None:
    process = watched(site, "nothing")
    assert process.popen.returncode == 1
    assert "There is no job nothing." in process.log


def test_a_server_that_does_not_answer_is_said(site: Site, token: str) -> None:
    job_id = create(site, token, "test.echo")
    port = free_port()
    process = site.start("watch", job_id, SOCKET_PORT=str(port))
    wait_until(lambda: f"http://127.0.0.1:{port} does not answer; trying again." in process.log, what="what is wrong")
    process.kill()


def test_a_database_without_the_newest_migrations_is_said() -> None:
    with Site() as site:
        site.manage("migrate", "jobs", "0001", "--verbosity", "0")
        process = site.start("watch", "j1")
        assert process.popen.wait(timeout=30) == 1
        assert re.fullmatch(r"error: \d+ migrations are missing in the database: run `manage.py migrate`.", process.log.strip())


def test_the_client_creates_reads_lists_commands_and_comes_back_after_the_server_was_killed(site: Site, token: str) -> None:
    async def scenario() -> None:
        async with AsyncJobsClient(site.url, token=token) as client:
            job = await client.create("test.wait")
            assert (await client.read(job["jobId"]))["owner"] == "ann"
            assert job["jobId"] in [summary["jobId"] async for summary in client.list()]
            states = []
            async for seen in client.watch(job["jobId"]):
                states.append(seen["state"])
                if seen["streamingText"] and len(site.processes) < killed_at + 2:
                    await asyncio.to_thread(restart, site)
                    await client.command(job["jobId"], "cancel")
            assert states[-1] == "cancelled"
            with pytest.raises(JobsError, match="no such job"):
                await anext(client.watch("nothing"))

    killed_at = len(site.processes)
    asyncio.run(asyncio.wait_for(scenario(), 60))


def restart(site: Site) -> None:
    site.processes[0].kill()
    wait_until(lambda: not site.processes[0].is_alive)
    site.serve()
    site.worker()
