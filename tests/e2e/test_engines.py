"""Handlers in a process pool whose processes are killed while they work."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.owner import Owner
from tests.processes import Site
from tests.viewers import Viewer, agree


@pytest.fixture
def worker() -> Iterator[Owner]:
    """Return a user of a site with a worker whose engines can reach its server."""
    with Site(JOB_HANDLERS="tests.engines") as site:
        site.serve()
        site.worker(SERVER_URL=site.url)
        yield Owner(site)


def saved(attempts: tuple[int, int, int, int]) -> str:
    return "".join(f"[{index}:{attempt}]" for index, attempt in enumerate(attempts))


async def test_in_a_process_pool_a_killed_process_costs_what_came_after_the_checkpoint(worker: Owner) -> None:
    worker.create("whole", "engine.pool")
    worker.create("stopped", "engine.wait")
    worker.create("failed", "engine.fail")
    whole = await asyncio.to_thread(worker.until, "whole", seconds=60, state="completed")
    assert (whole["streamingText"], whole["attempt"], whole["progress"]) == (saved((1, 1, 1, 1)), 1, 100)
    failed = await asyncio.to_thread(worker.until, "failed", seconds=60, state="failed")
    assert (failed["error"], failed["failures"]) == ({"code": "broken", "message": "It is broken."}, 0)

    await asyncio.to_thread(worker.until, "stopped", seconds=60, streamingText="waiting")
    assert worker.site.call("POST", "/api/jobs/stopped/cancel", {}, token=worker.token)[0] == 200
    assert worker.job("stopped")["streamingText"] == "waiting"

    worker.create("killed", "engine.pool", kill_at=2)
    viewer = Viewer([worker.site.socket_url], worker.token, "killed")
    await viewer.watch()
    row = worker.job("killed")
    assert (row["state"], row["attempt"], row["streamingText"]) == ("completed", 2, saved((1, 1, 2, 2)))
    assert worker.reasons("killed") == ["worker_lost", ""]
    agree([viewer], {"killed": row})
