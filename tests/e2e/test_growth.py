"""Nothing grows with how often people come and go. `CONNECTS` says how often: a soak's 200,000 take an hour."""

import asyncio
import os

import psutil
import redis

from tests.bench.viewers import Viewer
from tests.owner import Owner
from tests.waiting import until

CONNECTS = int(os.environ.get("CONNECTS", "600"))
AT_ONCE = 25
JOBS = 20
WARM_UP_BYTES, BYTES_A_VISIT = 8_000_000, 100
"""What an allocator takes in the first thousands; then nothing. A socket that stayed would be 40 KB."""


async def come_and_go(owner: Owner, jobs: list[str], count: int) -> None:
    """Connect, subscribe to two jobs and a list, leave one of them, and leave: half with a goodbye, half without."""
    loop, port = asyncio.get_running_loop(), owner.site.port
    headers = {"Authorization": f"Bearer {owner.token}"}

    async def once(index: int) -> None:
        answered = loop.create_future()

        def take(viewer: Viewer, payload: bytes) -> None:
            if payload.startswith(b'{"type":"unsubscribed"') and not answered.done():
                answered.set_result(None)

        _, viewer = await loop.create_connection(lambda: Viewer(port, "/ws/", headers, take), "127.0.0.1", port)
        await viewer.opened
        for topic in (f"job:{jobs[index % JOBS]}", f"job:{jobs[(index + 1) % JOBS]}", "jobs"):
            viewer.send(f'{{"type":"subscribe","topic":"{topic}"}}')
        viewer.send(f'{{"type":"unsubscribe","topic":"job:{jobs[index % JOBS]}"}}')
        await answered
        if index % 2:
            viewer.say_goodbye()
        viewer.close()

    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(once(start + index) for index in range(AT_ONCE)))


async def test_visits_leave_nothing_behind(owner: Owner) -> None:
    assert owner.site.valkey is not None
    jobs = [owner.create(f"visited-{index}", "test.wait") for index in range(JOBS)]
    server = psutil.Process(owner.site.processes[0].popen.pid)
    memory = redis.Redis.from_url(owner.site.valkey.url)

    def nobody_is_there() -> bool:
        # Files are no measure: threads open the database as they are needed, and keep it.
        return not [one for one in server.net_connections("tcp") if one.laddr.port == owner.site.port and one.status != psutil.CONN_LISTEN]

    await come_and_go(owner, jobs, CONNECTS // 4)
    await until(nobody_is_there, what="sockets that are closed")
    used, channels = server.memory_info().rss, len(memory.pubsub_channels())
    await come_and_go(owner, jobs, CONNECTS)
    await until(nobody_is_there, what="sockets that are closed")
    assert server.memory_info().rss - used < WARM_UP_BYTES + BYTES_A_VISIT * CONNECTS
    assert len(memory.pubsub_channels()) <= channels
