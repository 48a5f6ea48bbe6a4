"""The soak: jobs stream, people watch, everything breaks; at the end every viewer has what the rows have, once and in order.

Run `python -m tests.chaos.soak --seconds 600 --seed 7`. The seed draws the same jobs and the same faults in the same order again;
when each of them strikes is a matter of how quick the machine is. What is compared, `verdict.py` says.
"""

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnibrowser.valkey import free_port
from tests import environment  # noqa: F401  before Django reads its settings
from tests.chaos.nemesis import LEASE_SECONDS, Nemesis, PostgresNemesis, ProcessNemesis, RedisNemesis, ServerNemesis, WorkerNemesis
from tests.chaos.node import Node
from tests.chaos.verdict import Verdict
from tests.fleet import IN_URL, Server
from tests.owner import Owner
from tests.postgres import Cluster
from tests.processes import Site
from tests.proxy import Proxy
from tests.viewers import Viewer

PATIENCE_SECONDS = 25
"""So long after the last fault nothing at all may move before it is held to be stuck."""
GUARDS = ("comparison", "contiguity", "row")
"""Mechanisms of `tests.sabotage` whose absence a soak has to notice."""
VIEWERS_A_JOB = 4
SERVERS = {"uvicorn": ("uvicorn", "uvicorn"), "daphne": ("daphne", "daphne"), "both": ("uvicorn", "daphne")}
SETTINGS = {
    "JOB_HANDLERS": "tests.chaos.handlers",
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "SOCKETS_PER_USER": "5000",
    "API_RATE": "100000/min",
    "SHUTDOWN_GRACE_SECONDS": "2",
    "ACCESS_TOKEN_SECONDS": "36000",
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a soak does."""

    seed: int
    seconds: float
    """How long faults are made at least."""
    kills: int = 1
    """How often each sort of thing is killed at least."""
    servers: str = "both"
    database: str = "sqlite"
    workers: int = 3
    jobs_at_once: int = 10
    calm: float = 1
    """How many times longer the pauses between faults are."""
    without: str = ""
    """A guard that is taken out."""


class Soak:
    """One run: a site of two servers and a few workers, its links, its readers."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self._plan = plan
        self._random = random.Random(f"jobs {plan.seed}")
        self._stop = False
        self.viewers: list[Viewer] = []
        self._names = (f"s{number}" for number in itertools.count())
        memory = Server(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omnibrowser-soak-", ignore_cleanup_errors=True))))
        stack.callback(memory.kill)
        redis_link = stack.enter_context(Proxy("127.0.0.1", memory.port, seed=plan.seed))
        cluster = self._cluster(stack) if plan.database == "postgres" else None
        settings = {**SETTINGS, "DJANGO_SETTINGS_MODULE": "tests.site_settings", "SABOTAGE": plan.without}
        redis_url = f"redis://:{IN_URL}@127.0.0.1:{redis_link.port}/0"
        self.site = stack.enter_context(Site(database_url=cluster.url if cluster else None, redis_url=redis_url, **settings))
        ports = [self.site.port, free_port()]
        servers = [
            Node(name, lambda name=name, port=port: self.site.serve("--server", name, port=port))  # type: ignore[misc]
            for name, port in zip(SERVERS[plan.servers], ports, strict=True)
        ]
        workers = [Node("worker", lambda: self.site.worker("--processes", "2", "--concurrency", "5")) for _ in range(plan.workers)]
        self._links = [stack.enter_context(Proxy("127.0.0.1", port, seed=plan.seed + index)) for index, port in enumerate(ports)]
        self._owner = Owner(self.site)
        calm = plan.calm
        self._nemeses: list[Nemesis] = [
            *(ServerNemesis(plan.seed + at, servers[at], self._links[at], calm=calm) for at in range(2)),
            WorkerNemesis(plan.seed, workers, calm=calm),
            ProcessNemesis(plan.seed, workers, calm=calm),
            RedisNemesis(plan.seed, memory, redis_link, calm=calm),
            *([PostgresNemesis(plan.seed, cluster, calm=calm)] if cluster else []),
        ]

    @staticmethod
    def _cluster(stack: ExitStack) -> Cluster:
        """Return a PostgreSQL whose crash loses nothing that it has acknowledged, as in production."""
        made = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")), options={"synchronous_commit": "on"})
        stack.callback(made.remove)
        return made

    async def run(self) -> Verdict:
        """Make load and faults, for so long and until everything has been killed so often; heal, and check."""
        until = time.monotonic() + self._plan.seconds

        def is_over() -> bool:
            return time.monotonic() > until and min(min(nemesis.kills.values()) for nemesis in self._nemeses) >= self._plan.kills

        tasks = [asyncio.create_task(self._keep_a_job_running()) for _ in range(self._plan.jobs_at_once)]
        await asyncio.gather(*(nemesis.run(is_over) for nemesis in self._nemeses))
        await asyncio.gather(*(nemesis.heal() for nemesis in self._nemeses))
        verdict = Verdict(self._plan.seed)
        for nemesis in self._nemeses:
            verdict.faults += nemesis.done
        healed, self._stop = time.monotonic(), True
        await self._until_ended(tasks)
        verdict.healed_seconds = time.monotonic() - healed
        for task in tasks:
            if not task.done():
                task.cancel()
            elif error := task.exception():
                verdict.otherwise.append(f"raised: {error!r}")
        await asyncio.wait(tasks)
        await self._check(verdict)
        return verdict

    async def _until_ended(self, tasks: list["asyncio.Task[None]"]) -> None:
        """Wait until all jobs have ended for all of their viewers, as long as anything moves: how quick that is, is the machine's."""
        waiting: set[asyncio.Task[None]] = set(tasks)
        moved_at, before = time.monotonic(), -1
        while waiting and time.monotonic() - moved_at < PATIENCE_SECONDS:
            _, waiting = await asyncio.wait(waiting, timeout=0.2)
            moved = sum(viewer.events + viewer.snapshots for viewer in self.viewers)
            if moved != before:
                moved_at, before = time.monotonic(), moved

    async def _keep_a_job_running(self) -> None:
        while not self._stop:
            job_id = next(self._names)
            values = {"chunks": self._random.randint(20, 120), "seconds": self._random.uniform(0.02, 0.1)}
            status, answer = await self._call("POST", "/api/jobs", {"type": "chaos.stream", "jobId": job_id, "input": values})
            assert status in (200, 201), answer
            viewers = [Viewer(self._urls(), self._owner.token, job_id, seed=index) for index in range(VIEWERS_A_JOB)]
            self.viewers += viewers
            watching = [asyncio.create_task(viewer.watch()) for viewer in viewers]
            try:
                if self._random.random() < 0.2:
                    await asyncio.sleep(self._random.uniform(0.2, 3))
                    await self._command(job_id)
                await asyncio.gather(*watching)
            finally:
                for task in watching:
                    task.cancel()

    async def _command(self, job_id: str) -> None:
        """Cancel the job, or pause it and let it go on; what it does not allow any more is refused and no fault."""
        if self._random.random() < 0.5:
            await self._call("POST", f"/api/jobs/{job_id}/cancel", {})
            return
        if (await self._call("POST", f"/api/jobs/{job_id}/pause", {}))[0] == 200:
            await asyncio.sleep(self._random.uniform(0, 1))
            await self._call("POST", f"/api/jobs/{job_id}/resume", {})

    def _urls(self) -> list[str]:
        return [f"ws://127.0.0.1:{link.port}/ws/" for link in self._links]

    async def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the API as a client that tries again, at either server."""
        for attempt in range(60):
            port = self._random.choice([self.site.port, self._links[1].port])
            try:
                status, answer = await asyncio.to_thread(self.site.call, method, path, body, token=self._owner.token, port=port)
            except (OSError, ValueError):
                status, answer = 0, None
            if status and status < 500:
                return status, answer
            await asyncio.sleep(0.1 * (attempt + 1) if attempt < 10 else 1)
        raise AssertionError(f"{method} {path} got no answer")

    async def _check(self, verdict: Verdict) -> None:
        rows = {}
        for job_id in {viewer.job_id for viewer in self.viewers}:
            status, answer = await self._call("GET", f"/api/jobs/{job_id}")
            if status == 200:
                rows[job_id] = answer
            else:
                verdict.lost.append(f"{job_id}: it was created, and now {answer}")
        for viewer in self.viewers:
            if viewer.job_id in rows:
                verdict.hear(viewer, rows[viewer.job_id])
        acked, changes = self._acked(), self._owner.changes()
        for job_id, row in rows.items():
            verdict.read(row, acked=acked[job_id], changes=changes[job_id])

    def _acked(self) -> dict[str, list[tuple[int, int]]]:
        found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        path = self.site.folder / "acked.log"
        for line in path.read_text().splitlines() if path.exists() else ():
            job_id, attempt, chunks = line.split()
            found[job_id].append((int(attempt), int(chunks)))
        return found


def soak(plan: Plan) -> Verdict:
    """Run a soak and return what it found."""
    with ExitStack() as stack:
        return asyncio.run(Soak(plan, stack).run())


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long faults are made at least (600)")
    parser.add_argument("--kills", type=int, default=30, help="how often each sort of thing is killed at least (30)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="which faults (drawn by lot)")
    parser.add_argument("--workers", type=int, default=3, help="how many workers of two processes (3)")
    parser.add_argument("--jobs-at-once", type=int, default=10, help="how many jobs stream at once (10)")
    parser.add_argument("--calm", type=float, default=1, help="how many times longer the pauses between faults are (1)")
    parser.add_argument("--servers", choices=sorted(SERVERS), default="both", help="which servers (one of each)")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite", help="which database (sqlite)")
    parser.add_argument("--without", choices=GUARDS, default="", help="take out a guard: the soak has to notice")
    plan = Plan(**vars(parser.parse_args()))
    print(plan, flush=True)
    found = soak(plan)
    print(found)
    sys.exit(1 if found.wrong else 0)


if __name__ == "__main__":
    main()
