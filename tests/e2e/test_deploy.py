"""Workers that are asked to end: what is short ends, the rest goes back where nothing is lost. FAULTS F28."""

import asyncio
import signal
import time

from tests.owner import Owner
from tests.viewers import Viewer, agree
from tests.waiting import wait_until

CHUNKS = 90


async def test_a_deploy_costs_no_job_anything(owner: Owner) -> None:
    old = owner.site.worker(SHUTDOWN_GRACE_SECONDS="3", LEASE_SECONDS="30")
    owner.create("short", chunks=20, seconds=0.05)
    owner.create("long", "chaos.stream", chunks=CHUNKS, seconds=0.06)
    owner.create("deaf", "test.wait")
    for job_id in ("short", "long", "deaf"):
        await asyncio.to_thread(owner.until, job_id, state="running")
    viewer = Viewer([owner.site.socket_url], owner.token, "long")
    watching = asyncio.create_task(viewer.watch())

    asked_at = time.monotonic()
    old.signal(signal.SIGTERM)
    owner.create("late", chunks=1)
    back = await asyncio.to_thread(owner.until, "long", state="created")
    saved_after = time.monotonic() - asked_at
    assert await asyncio.to_thread(old.popen.wait, 10) == 0
    ended_after = time.monotonic() - asked_at

    assert 1.5 <= saved_after < ended_after
    assert 3 <= ended_after < 3 + 2.5
    assert owner.job("short")["state"] == "completed"
    assert owner.job("late")["position"] == "1-0", "a worker that ends claims nothing"
    assert [owner.reasons(job_id) for job_id in ("short", "long", "deaf")] == [[""], ["interrupted"], ["interrupted"]]
    assert (back["attempt"], back["failures"]) == (2, 0)
    kept = back["streamingText"].count("[long:1:")
    assert kept > 8
    assert kept % 8 == 0, "it stopped at a checkpoint"

    await asyncio.to_thread(owner.site.worker)
    await watching
    row = owner.job("long")
    assert row["state"] == "completed"
    assert row["streamingText"] == "".join(f"[long:{1 if index < kept else 2}:{index}]" for index in range(CHUNKS))
    agree([viewer], {"long": row})
    await asyncio.to_thread(owner.until, "late", state="completed")


def test_a_second_signal_puts_everything_back_at_once(owner: Owner) -> None:
    worker = owner.site.worker("--processes", "2", SHUTDOWN_GRACE_SECONDS="30", LEASE_SECONDS="30")
    for index in range(3):
        owner.create(f"hurry-{index}", "test.wait")
        owner.until(f"hurry-{index}", state="running")

    worker.signal(signal.SIGTERM)
    wait_until(lambda: "waits up to" in worker.log, what="the first signal to be heard")  # two at once are one
    worker.signal(signal.SIGTERM)

    assert worker.popen.wait(5) == 0
    assert [owner.reasons(f"hurry-{index}") for index in range(3)] == [["interrupted"]] * 3
