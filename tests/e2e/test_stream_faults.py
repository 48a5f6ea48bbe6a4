"""What happens to those who watch when a worker comes back from the dead, loses Redis alone, or loses its job. FAULTS F5, F18, F41."""

import asyncio

import psutil
import redis

from tests.owner import Owner
from tests.proxy import Proxy
from tests.sockets import client
from tests.viewers import Viewer, agree
from tests.waiting import until


def viewers_of(owner: Owner, job_id: str, count: int) -> list[Viewer]:
    return [Viewer([owner.site.socket_url], owner.token, job_id, seed=index) for index in range(count)]


async def test_what_a_thawed_worker_writes_into_an_emptied_log_reaches_nobody(owner: Owner) -> None:
    assert owner.site.valkey is not None
    fast = {"LEASE_SECONDS": "1", "FLUSH_SECONDS": "0.2", "RESCUE_SECONDS": "0.2"}
    parent = psutil.Process(owner.site.worker("--processes", "1", **fast).popen.pid)
    job_id = owner.create("zombie", chunks=80, seconds=0.05)
    viewers = viewers_of(owner, job_id, 3)
    watching = [asyncio.create_task(viewer.watch()) for viewer in viewers]
    await until(lambda: all(viewer.job.text_length > 100 for viewer in viewers))

    parent.suspend()  # first: it kills a process of its own that does nothing
    zombie = owner.process_of(job_id)
    zombie.suspend()
    await asyncio.to_thread(owner.site.worker, "--processes", "1", **fast)
    await asyncio.to_thread(owner.until, job_id, state="running", attempt=2)
    redis.Redis.from_url(owner.site.valkey.url).flushall()
    zombie.resume()
    viewers += (late := viewers_of(owner, job_id, 3))
    await asyncio.gather(*watching, *(viewer.watch() for viewer in late))
    parent.resume()

    row = owner.job(job_id)
    assert (row["state"], row["attempt"]) == ("completed", 2)
    assert row["streamingText"] == "".join(f"[zombie:2:{index}]" for index in range(80))
    agree(viewers, {job_id: row})


async def test_a_worker_that_loses_redis_alone_is_followed_by_its_row(owner: Owner) -> None:
    assert owner.site.valkey is not None
    with Proxy.before(owner.site.valkey.url) as link:
        owner.site.worker("--processes", "1", FLUSH_SECONDS="0.3", REDIS_URL=link.url_through(owner.site.valkey.url))
        job_id = owner.create("alone", chunks=100, seconds=0.05)
        viewers = viewers_of(owner, job_id, 3)
        watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
        await until(lambda: all(viewer.job.text_length for viewer in viewers))
        link.cut()
        cut_at = viewers[0].job.text_length
        await until(lambda: all(viewer.job.text_length > cut_at + 20 for viewer in viewers), seconds=4, what="text from the row")
        link.heal()
        await watching
    row = owner.job(job_id)
    assert (row["state"], row["attempt"]) == ("completed", 1)
    agree(viewers, {job_id: row})


async def test_a_row_that_is_deleted_under_its_worker_ends_the_subscription(owner: Owner) -> None:
    worker = owner.site.worker("--processes", "1", LEASE_SECONDS="1", FLUSH_SECONDS="0.2")
    job_id = owner.create("deleted", chunks=1000, seconds=0.05)

    def watch() -> str:
        with client(owner.site.socket_url, Authorization=f"Bearer {owner.token}") as socket:
            socket.subscribe(f"job:{job_id}")
            socket.until("events")
            owner.site.manage("shell", "-c", f"from jobs.models import Job; Job.objects.filter(pk={job_id!r}).delete()")
            return str(socket.until("unsubscribed")["reason"])

    assert await asyncio.to_thread(watch) == "deleted"
    assert owner.site.call("GET", f"/api/jobs/{job_id}", token=owner.token)[0] == 404
    await until(lambda: "fenced" in worker.log or "gone" in worker.log, what="a worker that stops")
