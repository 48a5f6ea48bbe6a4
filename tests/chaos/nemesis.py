"""What goes wrong in a soak: faults drawn by lot from a seed, each done to real processes and links."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import redis

from tests.processes import Process, Site
from tests.proxy import TO_CLIENT, Proxy

LEASE_SECONDS = 3.0
STOP_SECONDS = 0.5, 2.5


class Nemesis:
    """Draws faults until told to stop, and heals what it did."""

    def __init__(
        self, site: Site, seed: int, *, servers: list["Node"], workers: list["Node"], redis_link: Proxy, readers_link: Proxy
    ) -> None:
        self._random = random.Random(seed)
        self._site = site
        self._servers, self._workers = servers, workers
        self._redis_link, self._readers_link = redis_link, readers_link
        assert site.valkey is not None
        self._redis = redis.Redis.from_url(site.valkey.url)
        self.done: Counter[str] = Counter()
        self._faults: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "connections cut": (8, self.cut_connections),
            "server killed": (2, self.kill_server),
            "server restarted": (1, self.restart_server),
            "worker killed": (2, self.kill_worker),
            "worker's process killed": (3, self.kill_process),
            "worker's process frozen": (1, self.freeze_process),
            "worker frozen": (1, self.freeze_worker),
            "worker restarted": (1, self.restart_worker),
            "Redis cut": (1, self.cut_redis),
            "Redis hanging": (1, self.hang_redis),
            "Redis emptied": (3, self.empty_redis),
            "Redis paused": (1, self.pause_redis),
            "Redis full": (1, self.fill_redis),
            "Redis evicting": (1, self.have_redis_evict),
            "Redis half dead": (1, self.half_dead_redis),
            "Redis slow": (1, self.slow_redis),
        }

    async def run(self, seconds: float) -> None:
        """Make faults for so long."""
        names = list(self._faults)
        weights = [weight for weight, _ in self._faults.values()]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            (name,) = self._random.choices(names, weights)
            await self._faults[name][1]()
            self.done[name] += 1
            await asyncio.sleep(self._random.uniform(0.1, 1.0))

    async def heal(self) -> None:
        """End all faults and have all processes run."""
        self._redis_link.heal()
        self._readers_link.heal()
        await asyncio.to_thread(self._redis.config_set, "maxmemory", 0)
        for node in [*self._servers, *self._workers]:
            if not node.process.is_alive:
                await node.start()

    async def _a_while(self) -> None:
        await asyncio.sleep(self._random.uniform(*STOP_SECONDS))

    async def cut_connections(self) -> None:
        for _ in range(self._random.randint(1, 10)):
            if await asyncio.to_thread(self._readers_link.cut_one):
                self.done["reader's connection"] += 1

    async def kill_server(self) -> None:
        node = self._random.choice(self._servers)
        await asyncio.to_thread(node.process.kill)
        await node.start()

    async def restart_server(self) -> None:
        node = self._random.choice(self._servers)
        await asyncio.to_thread(node.end)
        await node.start()

    async def kill_worker(self) -> None:
        node = self._random.choice(self._workers)
        await asyncio.to_thread(node.process.kill)
        await node.start()

    async def kill_process(self) -> None:
        if process := self._process_of_a_worker():
            process.kill()

    async def freeze_process(self) -> None:
        """Its supervisor goes on, and sees that it says nothing."""
        if process := self._process_of_a_worker():
            process.suspend()
            await asyncio.sleep(1.5 * LEASE_SECONDS)  # the fault itself: frozen for longer than a lease
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def _process_of_a_worker(self) -> psutil.Process | None:
        children = psutil.Process(self._random.choice(self._workers).process.popen.pid).children()
        return self._random.choice(children) if children else None

    async def restart_worker(self) -> None:
        node = self._random.choice(self._workers)
        await asyncio.to_thread(node.end)
        await node.start()

    async def freeze_worker(self) -> None:
        process = self._random.choice(self._workers).process
        os.killpg(process.popen.pid, signal.SIGSTOP)
        await asyncio.sleep(1.5 * LEASE_SECONDS)  # the fault itself, as above
        os.killpg(process.popen.pid, signal.SIGCONT)

    async def cut_redis(self) -> None:
        self._redis_link.cut()
        await self._a_while()
        self._redis_link.heal()

    async def hang_redis(self) -> None:
        self._redis_link.blackhole()
        await self._a_while()
        self._redis_link.heal()

    async def empty_redis(self) -> None:
        await asyncio.to_thread(self._redis.flushall)

    async def pause_redis(self) -> None:
        await asyncio.to_thread(self._redis.client_pause, 1500)
        await asyncio.to_thread(self._redis.ping)  # answered when the pause is over

    async def fill_redis(self) -> None:
        await asyncio.to_thread(self._redis.config_set, "maxmemory", 1)
        await self._a_while()
        await asyncio.to_thread(self._redis.config_set, "maxmemory", 0)

    async def have_redis_evict(self) -> None:
        """Have it throw logs away to make room, as one that was set up as a cache."""
        room = int(self._redis.info("memory")["used_memory"])
        await asyncio.to_thread(self._redis.config_set, "maxmemory-policy", "allkeys-random")
        await asyncio.to_thread(self._redis.config_set, "maxmemory", room - 50_000)
        await self._a_while()
        await asyncio.to_thread(self._redis.config_set, "maxmemory", 0)
        await asyncio.to_thread(self._redis.config_set, "maxmemory-policy", "noeviction")

    async def half_dead_redis(self) -> None:
        self._redis_link.half_open(TO_CLIENT, said=b"SUBSCRIBE")
        await self._a_while()

    async def slow_redis(self) -> None:
        self._redis_link.delay(0.1, jitter_seconds=0.2)
        await self._a_while()
        self._redis_link.heal()


class Node:
    """A process that is started again after it was ended."""

    def __init__(self, start: Callable[[], Process]) -> None:
        self._start = start
        self.process: Process = start()
        self.logs: list[Any] = [self.process]

    async def start(self) -> None:
        """Start it anew, as whoever runs it would: again, when it did not come up because of what is wrong at the moment."""
        for attempt in range(10):
            try:
                self.process = await asyncio.to_thread(self._start)
            except AssertionError:
                if attempt == 9:
                    raise
                await asyncio.sleep(0.1 * 2**attempt)
            else:
                self.logs.append(self.process)
                return

    def end(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long."""
        try:
            self.process.terminate(12)
        except Exception:
            self.process.kill()
