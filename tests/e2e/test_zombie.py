"""A worker that was frozen for longer than its lease, and wakes up beside its heir. FAULTS F4, F5; its twin is in tests/chaos."""

import asyncio
import os
import re
import signal

import redis

from tests.owner import Owner
from tests.processes import Process
from tests.viewers import Viewer, agree
from tests.waiting import until

CHUNKS = 60
TIMES = {"LEASE_SECONDS": "1", "FLUSH_SECONDS": "0.2", "RESCUE_SECONDS": "0.2"}


async def wake_beside_its_heir(owner: Owner, job_id: str, **settings: str) -> tuple[Process, list[Viewer]]:
    """Freeze a worker until another one runs its job, and wake it up while Redis loses its memory again and again."""
    zombie = await asyncio.to_thread(owner.site.worker, **TIMES, **settings)
    owner.create(job_id, chunks=CHUNKS, seconds=0.05)
    viewers = [Viewer([owner.site.socket_url], owner.token, job_id, seed=index) for index in range(3)]
    watching = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    await until(lambda: all(viewer.events > 5 for viewer in viewers))

    os.killpg(zombie.popen.pid, signal.SIGSTOP)
    await asyncio.to_thread(owner.site.worker, **TIMES)
    await asyncio.to_thread(owner.until, job_id, attempt=2, state="running")
    os.killpg(zombie.popen.pid, signal.SIGCONT)
    memory = redis.Redis.from_url(owner.site.redis_url)
    for index in range(6):
        memory.flushall()
        viewers.append(Viewer([owner.site.socket_url], owner.token, job_id, seed=10 + index))
        watching.append(asyncio.create_task(viewers[-1].watch()))
        await asyncio.sleep(0.1)
    await asyncio.wait(watching, timeout=20)
    for task in watching:
        task.cancel()
    return zombie, viewers


def check(owner: Owner, job_id: str, viewers: list[Viewer]) -> None:
    """At most one attempt's writes are in the row, and every viewer has what the row has (invariants 2 to 4)."""
    row = owner.job(job_id)
    assert (row["state"], row["attempt"], row["streamingText"]) == (
        "completed",
        2,
        "".join(f"[{job_id}:2:{index}]" for index in range(CHUNKS)),
    )
    agree(viewers, {job_id: row})


async def test_a_zombie_writes_nothing_and_stops_at_once(owner: Owner) -> None:
    zombie, viewers = await wake_beside_its_heir(owner, "undead")

    check(owner, "undead", viewers)
    assert zombie.log.count("job undead attempt 1 is not ours any more") == 1
    assert re.search("job undead attempt 1: stopped, (fenced|lease_lost)", zombie.log)
