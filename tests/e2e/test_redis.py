"""Redis away, hanging, slow, full, emptied, half dead, under jobs that stream: FAULTS F6, F8 to F12 and F18, shrunk to seconds.

Every link to Redis goes through the proxy. The twins take a mechanism away: then the same fault must be seen.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import redis

from omnibrowser.valkey import Valkey
from tests.processes import Site
from tests.proxy import TO_CLIENT, Proxy
from tests.streams import Streams
from tests.viewers import Viewer, agree, percentile
from tests.waiting import until


class Rig(Streams):
    """Streams on a site behind a proxy to its Redis."""

    def __init__(self, site: Site, valkey: Valkey, proxy: Proxy) -> None:
        super().__init__(site)
        self.valkey, self.proxy = valkey, proxy
        self.redis = redis.Redis.from_url(valkey.url)


@pytest.fixture
def valkey(tmp_path: Any) -> Iterator[Valkey]:
    made = Valkey(tmp_path / "valkey", options=["--enable-debug-command", "local"])
    yield made
    made.stop()


async def rig_with(valkey: Valkey, *, layer: str = "raw", without: str = "", **realtime: float) -> AsyncIterator[Rig]:
    with Proxy.before(valkey.url) as proxy:
        heartbeat = {"heartbeat_seconds": 1, "probe_seconds": 1, "probe_limit_seconds": 1, "position_check_seconds": 60, **realtime}
        settings = {"DJANGO_SETTINGS_MODULE": "tests.site_settings", "TEST_LAYER": layer, "TEST_REALTIME": json.dumps(heartbeat)}
        settings["SABOTAGE"] = without
        with Site(redis_url=proxy.url_through(valkey.url), API_RATE="100000/min", TOKEN_RATE="1000/min", **settings) as site:
            await asyncio.to_thread(site.serve)
            await asyncio.to_thread(site.worker, "--concurrency", "20")
            rig = Rig(site, valkey, proxy)
            yield rig
            await rig.stop()


@pytest.fixture
async def rig(valkey: Valkey) -> AsyncIterator[Rig]:
    async for made in rig_with(valkey):
        yield made


@pytest.mark.parametrize(("layer", "fault"), [("raw", "cut"), ("raw", "blackhole"), ("stock", "cut")])
async def test_redis_away_and_back(valkey: Valkey, layer: str, fault: str) -> None:
    async for rig in rig_with(valkey, layer=layer):
        await away_and_back(rig, fault)


async def away_and_back(rig: Rig, fault: str) -> None:
    await rig.begin()
    (rig.proxy.cut if fault == "cut" else rig.proxy.blackhole)()
    began = time.monotonic()
    took = await rig.creates()
    before = [viewer.job.text_length for viewer in rig.viewers]
    await until(lambda: all(viewer.degraded and viewer.degraded[-1] for viewer in rig.viewers), what="heartbeats that say degraded")
    await until(lambda: all(viewer.job.text_length > length for viewer, length in zip(rig.viewers, before, strict=True)))
    await until(lambda: time.monotonic() - began > 4, what="4 s without Redis")
    rig.proxy.heal()
    await until(lambda: all(not viewer.degraded[-1] for viewer in rig.viewers), seconds=6, what="heartbeats that say it is over")
    assert percentile(took, 99) < 1.5
    assert await rig.end() < 5
    assert {viewer.connections for viewer in rig.viewers} == {1}


async def test_redis_that_is_emptied_again_and_again(rig: Rig) -> None:
    await rig.begin()
    for _ in range(5):
        length = rig.viewers[0].job.text_length
        rig.redis.flushall()
        await until(lambda length=length: rig.viewers[0].job.text_length > length + 60)  # type: ignore[misc]
    assert await rig.end() < 5
    late = await Viewer([rig.site.socket_url], rig.token, "j0").watch()
    agree([late], await rig.rows())


async def test_redis_that_is_full(rig: Rig) -> None:
    await rig.begin()
    rig.redis.config_set("maxmemory", 1)
    began = time.monotonic()
    await rig.creates(3)
    await until(lambda: all(viewer.degraded and viewer.degraded[-1] for viewer in rig.viewers), what="heartbeats that say degraded")
    await until(lambda: time.monotonic() - began > 3, what="3 s without room")
    rig.redis.config_set("maxmemory", 0)
    assert await rig.end() < 5


async def test_redis_that_pauses_takes_no_lease_away(rig: Rig) -> None:
    await rig.begin()
    rig.redis.client_pause(4000)
    assert await rig.end() < 5
    assert {row["attempt"] for row in (await rig.rows()).values()} == {1}


async def test_redis_that_is_slow(rig: Rig) -> None:
    await rig.begin()
    rig.proxy.delay(0.15, jitter_seconds=0.1)
    assert await rig.end() < 5
    assert {viewer.connections for viewer in rig.viewers} == {1}


async def half_dead(rig: Rig) -> float:
    """Have nothing arrive on the connections that are open, while new ones work, and return how long the viewers saw nothing."""
    await rig.begin()
    rig.proxy.half_open(TO_CLIENT, said=b"SUBSCRIBE")
    lengths = [viewer.job.text_length for viewer in rig.viewers]
    began = time.monotonic()
    await until(lambda: all(viewer.job.text_length > length for viewer, length in zip(rig.viewers, lengths, strict=True)), seconds=7)
    return time.monotonic() - began


@pytest.mark.parametrize("layer", ["raw", "stock"])
async def test_a_half_dead_connection_is_found_and_made_anew(valkey: Valkey, layer: str) -> None:
    async for rig in rig_with(valkey, layer=layer):
        assert await half_dead(rig) < 6
        assert await rig.end() < 5


async def test_without_the_probe_a_half_dead_connection_is_not_found(valkey: Valkey) -> None:
    async for rig in rig_with(valkey, probe_seconds=1000):
        with pytest.raises(AssertionError, match="not within"):
            await half_dead(rig)


async def lose_the_last_nudge(rig: Rig) -> None:
    """Have the end of a job published to nobody, and expect its viewers to have it within a position check."""
    await rig.begin()
    rig.proxy.half_open(TO_CLIENT, said=b"SUBSCRIBE")
    rows: dict[str, Any] = {}
    async with asyncio.timeout(20):
        while not rows or any(row["state"] != "completed" for row in rows.values()):
            await asyncio.sleep(0.1)
            rows = await rig.rows()
    await until(lambda: all(viewer.is_over for viewer in rig.viewers), seconds=5)


async def test_a_lost_last_event_is_found_by_the_position_check(valkey: Valkey) -> None:
    async for rig in rig_with(valkey, probe_seconds=1000, position_check_seconds=1):
        await lose_the_last_nudge(rig)


async def test_without_the_position_check_a_lost_last_event_is_not_found(valkey: Valkey) -> None:
    async for rig in rig_with(valkey, probe_seconds=1000):
        with pytest.raises(AssertionError, match="not within"):
            await lose_the_last_nudge(rig)
