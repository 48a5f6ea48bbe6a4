"""The soak: jobs stream, people watch, everything breaks; at the end every viewer has what the rows have, once and in order.

Run `python -m tests.chaos.soak --seconds 600 --seed 7`. Three logs are compared: what the viewers saw, what the rows say, and
what the text says of itself (each chunk names its job, attempt and index). The seed draws the same faults again.
"""

import argparse
import asyncio
import itertools
import random
import re
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from omnibrowser.valkey import Valkey, free_port
from tests import environment  # noqa: F401  before Django reads its settings
from tests.chaos.nemesis import LEASE_SECONDS, Nemesis, Node
from tests.chaos.without import GUARDS
from tests.processes import Site
from tests.proxy import Proxy
from tests.viewers import Viewer, percentile

HEAL_SECONDS = 25
VIEWERS_A_JOB = 4
CHUNK = re.compile(r"\[([^:\]]+):(\d+):(\d+)\]")


@dataclass
class Verdict:
    """What a soak found."""

    seed: int
    faults: dict[str, int] = field(default_factory=dict)
    jobs: int = 0
    deliveries: int = 0
    connections: int = 0
    snapshots: int = 0
    caught_up_seconds: list[float] = field(default_factory=list)
    healed_seconds: float = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = f"{self.jobs} jobs, {self.deliveries} deliveries, {self.connections} connections, {self.snapshots} snapshots"
        p95 = percentile(self.caught_up_seconds, 95)
        lines = [
            f"seed {self.seed}: {counts}",
            f"faults survived: {', '.join(f'{name} {count}' for name, count in sorted(self.faults.items()))}",
            f"caught up after a reconnect: p95 {p95:.3f} s; all at their end {self.healed_seconds:.1f} s after the last fault",
            f"wrong: {len(self.wrong)}",
            *(f"  {line}" for line in self.wrong[:20]),
        ]
        return "\n".join(lines)


class Soak:
    """One run: a site of two servers and three workers, its links, its readers."""

    def __init__(self, stack: ExitStack, *, seed: int, server: str, jobs_at_once: int, without: str) -> None:
        self._random = random.Random(f"jobs {seed}")
        self._jobs_at_once = jobs_at_once
        self._stop = False
        self.seed = seed
        self.viewers: list[Viewer] = []
        self._names = (f"s{number}" for number in itertools.count())
        self.site = stack.enter_context(
            Site(JOB_HANDLERS="tests.chaos.without,tests.chaos.handlers", SOAK_WITHOUT=without, **_environment())
        )
        assert isinstance(self.site.valkey, Valkey)
        self.redis_link = stack.enter_context(Proxy.before(self.site.valkey.url, seed=seed))
        self.site.environment["REDIS_URL"] = self.redis_link.url_through(self.site.valkey.url)
        ports = [self.site.port, free_port()]
        self.servers = [Node(lambda port=port: self.site.serve("--server", server, port=port)) for port in ports]  # type: ignore[misc]
        self.workers = [Node(lambda: self.site.worker("--processes", "2", "--concurrency", "5")) for _ in range(3)]
        self.links = [stack.enter_context(Proxy("127.0.0.1", port, seed=seed + port)) for port in ports]
        self.token = self.site.user("ann")
        self.nemesis = Nemesis(
            self.site, seed, servers=self.servers, workers=self.workers, redis_link=self.redis_link, readers_link=self.links[0]
        )

    async def run(self, seconds: float) -> Verdict:
        """Make load and faults, heal, and check."""
        tasks = [asyncio.create_task(self._keep_a_job_running()) for _ in range(self._jobs_at_once)]
        await self.nemesis.run(seconds)
        await self.nemesis.heal()
        healed, self._stop = time.monotonic(), True
        done, late = await asyncio.wait(tasks, timeout=HEAL_SECONDS)
        verdict = Verdict(self.seed, dict(self.nemesis.done), healed_seconds=time.monotonic() - healed)
        verdict.wrong += [f"raised: {task.exception()!r}" for task in done if task.exception()]
        for task in late:
            task.cancel()
        await asyncio.wait(tasks)
        await self._check(verdict)
        return verdict

    async def _keep_a_job_running(self) -> None:
        while not self._stop:
            job_id = next(self._names)
            values = {"chunks": self._random.randint(20, 120), "seconds": self._random.uniform(0.02, 0.1)}
            await self._call("POST", "/api/jobs", {"type": "chaos.stream", "jobId": job_id, "input": values})
            viewers = [Viewer(self._urls(), self.token, job_id, seed=index) for index in range(VIEWERS_A_JOB)]
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
        return [f"ws://127.0.0.1:{link.port}/ws/" for link in self.links]

    async def _call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the API as a client that tries again, at either server."""
        for attempt in range(60):
            port = self._random.choice([self.site.port, self.links[1].port])
            try:
                status, answer = await asyncio.to_thread(self.site.call, method, path, body, token=self.token, port=port)
            except (OSError, ValueError):
                status, answer = 0, None
            if status and status < 500:
                return status, answer
            await asyncio.sleep(0.1 * (attempt + 1) if attempt < 10 else 1)
        raise AssertionError(f"{method} {path} got no answer")

    async def _check(self, verdict: Verdict) -> None:
        rows = {job_id: (await self._call("GET", f"/api/jobs/{job_id}"))[1] for job_id in {viewer.job_id for viewer in self.viewers}}
        verdict.jobs = len(rows)
        for viewer in self.viewers:
            row = rows[viewer.job_id]
            verdict.deliveries += viewer.events
            verdict.connections += viewer.connections
            verdict.snapshots += viewer.snapshots
            verdict.caught_up_seconds += viewer.caught_up_seconds
            verdict.wrong += [f"{viewer.job_id}: {deviation}" for deviation in viewer.deviations]
            if (viewer.job.state, str(viewer.job.position), viewer.job.text) != (row["state"], row["position"], row["streamingText"]):
                verdict.wrong.append(f"{viewer.job_id}: a viewer is at {viewer.job.position}, the row at {row['position']}, {row['state']}")
        for job_id, row in rows.items():
            verdict.wrong += [f"{job_id}: {what}" for what in _wrong_in_text(job_id, row)]


def _wrong_in_text(job_id: str, row: dict[str, Any]) -> list[str]:
    """Return what the row's text says against itself: every chunk once, in order, from attempts that never fall."""
    chunks = [(name, int(attempt), int(index)) for name, attempt, index in CHUNK.findall(row["streamingText"])]
    wrong = []
    if row["state"] not in ("completed", "cancelled"):
        wrong.append(f"ended as {row['state']}: {row['error']}")
    if "".join(f"[{name}:{attempt}:{index}]" for name, attempt, index in chunks) != row["streamingText"]:
        wrong.append("its text has half a chunk")
    if [index for _, _, index in chunks] != list(range(len(chunks))) or {name for name, _, _ in chunks} - {job_id}:
        wrong.append("its text has a hole, a double, or what is another's")
    attempts = [attempt for _, attempt, _ in chunks]
    if attempts != sorted(attempts):
        wrong.append("its text mixes attempts")
    if row["state"] == "completed" and len(chunks) != row["input"]["chunks"]:
        wrong.append(f"it completed with {len(chunks)} of {row['input']['chunks']} chunks")
    return wrong


def _environment() -> dict[str, str]:
    return {"LEASE_SECONDS": str(LEASE_SECONDS), "SOCKETS_PER_USER": "5000", "API_RATE": "100000/min", "SHUTDOWN_GRACE_SECONDS": "2"}


def soak(*, seconds: float, seed: int, server: str = "uvicorn", jobs_at_once: int = 10, without: str = "") -> Verdict:
    """Run a soak, `without` one of the guards if need be, and return what it found."""
    with ExitStack() as stack:
        return asyncio.run(Soak(stack, seed=seed, server=server, jobs_at_once=jobs_at_once, without=without).run(seconds))


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long faults are made (600)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="which faults (drawn by lot)")
    parser.add_argument("--server", choices=["uvicorn", "daphne"], default="uvicorn", help="which server (uvicorn)")
    parser.add_argument("--without", choices=sorted(GUARDS), default="", help="take out a guard: the soak has to notice")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:g} s on {options.server}", flush=True)
    verdict = soak(seconds=options.seconds, seed=options.seed, server=options.server, without=options.without)
    print(verdict)
    sys.exit(1 if verdict.wrong else 0)


if __name__ == "__main__":
    main()
