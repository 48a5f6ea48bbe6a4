"""What goes wrong in a soak: faults drawn by lot from a seed, of several sorts at once, each done to real processes and links."""

import asyncio
import contextlib
import os
import random
import signal
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import psutil

from tests.chaos.node import Node
from tests.fleet import Server
from tests.postgres import Cluster
from tests.proxy import TO_CLIENT, Proxy

LEASE_SECONDS = 3.0
STOP_SECONDS = 0.5, 2.5

Kinds = dict[str, tuple[int, Callable[[], Awaitable[None]]]]


class Nemesis(ABC):
    """Makes faults of one sort, one after another. In each round every kind comes as often as it is told, in an order drawn by lot."""

    pause_seconds = 0.1, 1.0

    def __init__(self, name: str, seed: int, *, calm: float = 1) -> None:
        """Draw by a seed; `calm` makes the pauses so many times longer."""
        self.random = random.Random(f"{name} {seed}")
        self._calm = calm
        self.done: Counter[str] = Counter()

    @abstractmethod
    def kinds(self) -> Kinds:
        """Return how often a round has each kind of fault, and what makes it."""

    @property
    def kills(self) -> Counter[str]:
        """How often it has ended each sort of thing without a warning."""
        return Counter({name: self.done[name] for name in self.kinds() if name.endswith(" killed")})

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Make faults until it is over."""
        kinds = self.kinds()
        while True:
            round = [name for name, (count, _) in kinds.items() for _ in range(count)]
            self.random.shuffle(round)
            for name in round:
                await asyncio.sleep(self._calm * self.random.uniform(*self.pause_seconds))
                if is_over():
                    return
                with contextlib.suppress(psutil.NoSuchProcess):  # another fault was quicker: this one was none
                    await kinds[name][1]()
                    self.done[name] += 1

    async def a_while(self) -> None:
        """Let a fault last."""
        await asyncio.sleep(self.random.uniform(*STOP_SECONDS))

    async def heal(self) -> None:  # noqa: B027  most faults end by themselves
        """End what would stay."""


class ServerNemesis(Nemesis):
    """Ends a server, and cuts the connections of its readers."""

    def __init__(self, seed: int, server: Node, link: Proxy, *, calm: float = 1) -> None:
        super().__init__(f"server {server.name}", seed, calm=calm)
        self._server, self._link = server, link

    def kinds(self) -> Kinds:
        name = self._server.name
        return {
            "connections cut": (4, self.cut_connections),
            f"{name} killed": (3, self._server.kill),
            f"{name} restarted": (1, self._server.restart),
        }

    async def cut_connections(self) -> None:
        for _ in range(self.random.randint(1, 10)):
            if await asyncio.to_thread(self._link.cut_one):
                self.done["reader's connection cut"] += 1


class WorkerNemesis(Nemesis):
    """Ends and freezes whole workers."""

    def __init__(self, seed: int, workers: Sequence[Node], *, calm: float = 1) -> None:
        super().__init__("workers", seed, calm=calm)
        self._workers = workers

    def kinds(self) -> Kinds:
        return {
            "worker killed": (3, lambda: self.random.choice(self._workers).kill()),
            "worker restarted": (1, lambda: self.random.choice(self._workers).restart()),
            "worker frozen": (1, self.freeze),
        }

    async def freeze(self) -> None:
        process = self.random.choice(self._workers).process
        os.killpg(process.popen.pid, signal.SIGSTOP)
        await asyncio.sleep(1.5 * LEASE_SECONDS)  # the fault itself: frozen for longer than a lease
        os.killpg(process.popen.pid, signal.SIGCONT)


class ProcessNemesis(Nemesis):
    """Ends and freezes processes under a worker that goes on. Whatever else may end the same process meanwhile."""

    pause_seconds = 1.0, 4.0

    def __init__(self, seed: int, workers: Sequence[Node], *, calm: float = 1) -> None:
        super().__init__("processes", seed, calm=calm)
        self._workers = workers

    def kinds(self) -> Kinds:
        return {"worker's process killed": (3, self.kill), "worker's process frozen": (1, self.freeze)}

    async def kill(self) -> None:
        self._one().kill()

    async def freeze(self) -> None:
        """Its supervisor sees that it says nothing."""
        process = self._one()
        process.suspend()
        await asyncio.sleep(1.5 * LEASE_SECONDS)  # the fault itself, as above
        process.resume()

    def _one(self) -> psutil.Process:
        """Return one of them. Raises NoSuchProcess when the worker has none at the moment."""
        pid = self.random.choice(self._workers).process.popen.pid
        children = psutil.Process(pid).children()
        if not children:
            raise psutil.NoSuchProcess(pid)
        return self.random.choice(children)


class RedisNemesis(Nemesis):
    """Takes Redis away, its memory, its room and its speed."""

    pause_seconds = 0.5, 3.0

    def __init__(self, seed: int, server: Server, link: Proxy, *, calm: float = 1) -> None:
        super().__init__("Redis", seed, calm=calm)
        self._server, self._link = server, link

    def kinds(self) -> Kinds:
        return {
            "Redis killed": (3, self.kill),
            "Redis emptied": (2, self.empty),
            "Redis cut": (1, lambda: self._for_a_while(self._link.cut)),
            "Redis hanging": (1, lambda: self._for_a_while(self._link.blackhole)),
            "Redis slow": (1, lambda: self._for_a_while(lambda: self._link.delay(0.1, jitter_seconds=0.2))),
            "Redis half dead": (1, lambda: self._for_a_while(lambda: self._link.half_open(TO_CLIENT, said=b"SUBSCRIBE"))),
            "Redis paused": (1, self.pause),
            "Redis full": (1, lambda: self._with_little_room(1, "noeviction")),
            "Redis evicting": (1, self.evict),
        }

    async def heal(self) -> None:
        self._link.heal()
        await asyncio.to_thread(self._server.client.config_set, "maxmemory", 0)

    async def kill(self) -> None:
        """SIGKILL; what comes back is empty."""
        await asyncio.to_thread(self._server.kill)
        await asyncio.sleep(self.random.uniform(0, 1))
        await asyncio.to_thread(self._server.start)

    async def empty(self) -> None:
        await asyncio.to_thread(self._server.client.flushall)

    async def _for_a_while(self, fault: Callable[[], None]) -> None:
        fault()
        await self.a_while()
        self._link.heal()

    async def pause(self) -> None:
        await asyncio.to_thread(self._server.client.client_pause, 1500)
        await asyncio.to_thread(self._server.client.ping)  # answered when the pause is over

    async def evict(self) -> None:
        """Have it throw logs away to make room, as one that was set up as a cache."""
        used = await asyncio.to_thread(self._server.client.info, "memory")
        await self._with_little_room(int(used["used_memory"]) - 50_000, "allkeys-random")

    async def _with_little_room(self, room_bytes: int, policy: str) -> None:
        set_config = self._server.client.config_set
        await asyncio.to_thread(set_config, "maxmemory-policy", policy)
        await asyncio.to_thread(set_config, "maxmemory", room_bytes)
        await self.a_while()
        await asyncio.to_thread(set_config, "maxmemory", 0)
        await asyncio.to_thread(set_config, "maxmemory-policy", "noeviction")


class PostgresNemesis(Nemesis):
    """Ends PostgreSQL as a crash does."""

    pause_seconds = 6.0, 20.0

    def __init__(self, seed: int, cluster: Cluster, *, calm: float = 1) -> None:
        super().__init__("PostgreSQL", seed, calm=calm)
        self._cluster = cluster

    def kinds(self) -> Kinds:
        return {"PostgreSQL killed": (1, self.kill)}

    async def kill(self) -> None:
        await asyncio.to_thread(self._cluster.stop, "immediate")
        await asyncio.sleep(self.random.uniform(0, 1))
        await asyncio.to_thread(self._cluster.start)
