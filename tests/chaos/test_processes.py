"""Processes that are killed again and again, or while they end, and one that comes back from the dead. FAULTS F1, F3, F4, F5, F29, F33."""

import asyncio
import itertools
import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import redis

from omnibrowser.valkey import free_port
from tests.owner import Owner
from tests.processes import Process, Site
from tests.viewers import Viewer, agree
from tests.waiting import until

CHUNKS = 60
KILLS = 20
TIMES = {"LEASE_SECONDS": "1", "FLUSH_SECONDS": "0.2", "RESCUE_SECONDS": "0.2"}


@pytest.fixture
def owner() -> Iterator[Owner]:
    handlers = "tests.handlers,tests.bad_handlers,tests.chaos.handlers"
    with Site(JOB_HANDLERS=handlers, API_RATE="1000000/min", SOCKETS_PER_USER="1000") as site:
        site.serve()
        yield Owner(site)


def test_creates_are_there_once_or_not_at_all_while_servers_are_killed(owner: Owner) -> None:
    """Clients that choose their jobIds create at two servers, one of which is always being killed, and try again at the other."""
    site = owner.site
    ports = [site.port, free_port()]
    servers = [site.processes[0], site.serve(port=ports[1])]
    over = threading.Event()
    created: list[str] = []
    wrong: list[str] = []

    def create(client: int) -> None:
        for number in itertools.count():
            if over.is_set():
                return
            job_id = f"c{client}-{number}"
            for port in itertools.cycle(random.sample(ports, 2)):
                try:
                    status, answer = site.call("POST", "/api/jobs", {"type": "test.wait", "jobId": job_id}, token=owner.token, port=port)
                except (OSError, ValueError):
                    over.wait(0.05)
                    continue
                if status < 500:
                    break
            if status in (200, 201):
                created.append(job_id)
            else:
                wrong.append(f"{job_id}: {status} {answer}")

    clients = [threading.Thread(target=create, args=(client,)) for client in range(8)]
    for client in clients:
        client.start()
    for index in (0, 1, 0, 1):
        enough = len(created) + 20
        while len(created) < enough:
            time.sleep(0.01)
        servers[index].kill()
        servers[index] = site.serve(port=ports[index])
    over.set()
    for client in clients:
        client.join()
    assert wrong == []
    assert len(created) == len(set(created)) >= 80
    assert owner.count_jobs() == len(created)


async def test_a_job_survives_the_death_of_its_process_wherever_it_is(owner: Owner) -> None:
    """At each kill the next attempt goes on from the last checkpoint, and those who watch end with exactly what the row has."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    draw = random.Random(seed)
    await asyncio.to_thread(owner.site.worker, "--processes", "3", LEASE_SECONDS="30")
    for number in range(KILLS):
        job_id = owner.create(f"killed-{number}", "chaos.stream", chunks=CHUNKS, seconds=0.02)
        viewer = Viewer([owner.site.socket_url], owner.token, job_id)
        watching = asyncio.create_task(viewer.watch())
        chunks = draw.randrange(1, CHUNKS - 10)
        await until(lambda viewer=viewer, chunks=chunks: viewer.job.text.count("]") >= chunks)  # type: ignore[misc]
        owner.process_of(job_id).kill()
        await watching
        row = owner.job(job_id)
        kept = row["streamingText"].count(f"[{job_id}:1:")
        assert (row["state"], row["attempt"], kept % 8) == ("completed", 2, 0)
        assert kept >= chunks - 8, "it went on from an older checkpoint"
        assert row["streamingText"] == "".join(f"[{job_id}:{1 if index < kept else 2}:{index}]" for index in range(CHUNKS))
        agree([viewer], {job_id: row})


async def test_a_worker_that_is_killed_while_it_ends_loses_nothing(owner: Owner) -> None:
    times = {"LEASE_SECONDS": "1", "FLUSH_SECONDS": "0.2", "RESCUE_SECONDS": "0.3"}
    ending = await asyncio.to_thread(owner.site.worker, "--processes", "2", SHUTDOWN_GRACE_SECONDS="20", **times)
    job_id = owner.create("ending", chunks=CHUNKS * 2, seconds=0.05)
    viewer = Viewer([owner.site.socket_url], owner.token, job_id)
    watching = asyncio.create_task(viewer.watch())
    await until(lambda: viewer.events > 5)

    ending.signal(signal.SIGTERM)
    events = viewer.events
    await until(lambda: viewer.events > events + 20)
    await asyncio.to_thread(ending.kill)
    await asyncio.to_thread(owner.site.worker, **times)

    await watching
    row = owner.job(job_id)
    assert (row["state"], owner.reasons(job_id)) == ("completed", ["worker_lost", ""])
    assert row["streamingText"] == "".join(f"[ending:2:{index}]" for index in range(CHUNKS * 2))
    agree([viewer], {job_id: row})


@pytest.mark.parametrize("isolated", [True, False])
def test_poison_takes_its_neighbour_with_it_only_without_isolation(owner: Owner, isolated: bool) -> None:
    owner.site.worker("--processes", "1", without="" if isolated else "isolation", LEASE_SECONDS="30")
    owner.create("beside", "test.wait")
    owner.until("beside", state="running")
    owner.create("poison", "bad.exits", attempts=9, code=9)
    owner.until("poison", state="failed", seconds=30)
    if isolated:
        owner.until("beside", state="running")
        assert owner.reasons("beside") == ["worker_lost", "worker_lost"]
    else:
        assert owner.until("beside", state="failed")["error"]["code"] == "poison"


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


async def test_without_the_fence_a_zombie_does_harm(owner: Owner) -> None:
    _, viewers = await wake_beside_its_heir(owner, "unfenced", without="fence")

    with pytest.raises(AssertionError):
        check(owner, "unfenced", viewers)
