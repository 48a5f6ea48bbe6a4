"""CPU of the server process per delivered event, beside Socket.IO with Redis in the same run: compare the ratios, not the figures.

W1a: one job, 500 viewers, 4 events in flight. W2a: 500 jobs, one viewer each, round robin, 64 events in flight. Our side is the
whole product path: sign-in, log append with its trim, Channels group, feed, cursors. Run `python -m tests.bench.stream`.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import redis

from omnibrowser.valkey import free_port
from tests import environment  # noqa: F401  before Django reads its settings
from tests.bench.viewers import Viewer
from tests.processes import ROOT, Site
from tests.waiting import wait_until

MUST = {"W1a": 1.0, "W2a": 1.0}
"""Our CPU per event, as a part of Socket.IO's."""
IN_FLIGHT = {"W1a": 4, "W2a": 64}
PAYLOAD = "x" * 80
CACHE = ROOT / ".cache" / "bench-socketio"

Publish = Callable[[list[int]], None]


def event(job_id: str, seq: int) -> dict[str, Any]:
    """Return an event of about 200 bytes."""
    data = {"offset": (seq - 2) * len(PAYLOAD), "text": PAYLOAD}
    return {"type": "text", "jobId": job_id, "attempt": 1, "seq": seq, "ts": 1763740000123, "data": data}


class Ours:
    """`manage.py serve`, its log and its layer."""

    name = "ours"

    def __init__(self, site: Site) -> None:
        import django

        os.environ.update({"REDIS_URL": site.redis_url})
        django.setup()
        self._site = site
        self._token = site.user("ann")
        self.pid = site.processes[0].popen.pid
        self._runs = 0

    async def watch(self, jobs: int, viewers: int) -> tuple[list[Viewer], Publish]:
        """Create jobs, have them watched, and return the viewers and what publishes the next event of some of the jobs."""
        from jobs.transitions.announce import encoded_entry
        from realtime import event_log
        from realtime.event_log import Append
        from tests.watched import running

        self._runs += 1
        ids = [f"run{self._runs}-{index}" for index in range(jobs)]
        for job_id in ids:
            await asyncio.to_thread(self._site.call, "POST", "/api/jobs", {"type": "bench.clock", "jobId": job_id}, token=self._token)
        ready = asyncio.Semaphore(0)

        def take(viewer: Viewer, payload: bytes) -> None:
            if payload.startswith(b'{"type":"snapshot"'):
                ready.release()

        headers = {"Authorization": f"Bearer {self._token}"}
        clients = await connect(viewers, self._site.port, "/ws/", headers, take)
        for index, client in enumerate(clients):
            client.send(json.dumps({"type": "subscribe", "topic": f"job:{ids[index % jobs]}"}))
        for _ in clients:
            await ready.acquire()
        seqs = [1] * jobs
        event_log.append([Append(job_id, [encoded_entry(running(1, job_id=job_id))]) for job_id in ids])

        def publish(indexes: list[int]) -> None:
            appends = []
            for index in indexes:
                seqs[index] += 1
                appends.append(Append(ids[index], [encoded_entry(event(ids[index], seqs[index]))]))
            assert all(event_log.append(appends))

        return clients, publish


class SocketIO:
    """Socket.IO with a Redis bridge."""

    name = "Socket.IO"

    def __init__(self, site: Site) -> None:
        self._redis = redis.Redis.from_url(site.redis_url)
        self._port = free_port()
        self._process = subprocess.Popen(
            ["node", str(CACHE / "server.js"), str(self._port), site.redis_url], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"
        self.pid = self._process.pid
        self._runs = 0

    async def watch(self, jobs: int, viewers: int) -> tuple[list[Viewer], Publish]:
        """Have rooms watched, and return the viewers and what publishes the next event of some of the rooms."""
        self._runs += 1
        rooms = [f"run{self._runs}-{index}" for index in range(jobs)]
        ready = asyncio.Semaphore(0)

        def take(viewer: Viewer, payload: bytes) -> None:
            if payload[:1] == b"0":
                viewer.send("40")
            elif payload[:1] == b"2":
                viewer.send("3")
            elif payload[:2] in (b"40", b"43"):
                ready.release()

        clients = await connect(viewers, self._port, "/socket.io/?EIO=4&transport=websocket", {}, take)
        for _ in clients:
            await ready.acquire()
        for index, client in enumerate(clients):
            client.send(f'421["watch","{rooms[index % jobs]}"]')
        for _ in clients:
            await ready.acquire()
        seqs = [1] * jobs

        def publish(indexes: list[int]) -> None:
            pipeline = self._redis.pipeline(transaction=False)
            for index in indexes:
                seqs[index] += 1
                pipeline.publish(rooms[index], json.dumps(event(rooms[index], seqs[index]), separators=(",", ":")))
            pipeline.execute()

        return clients, publish

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


async def connect(count: int, port: int, path: str, headers: dict[str, str], take: Callable[[Viewer, bytes], None]) -> list[Viewer]:
    """Open sockets, a few at a time."""
    loop, clients = asyncio.get_running_loop(), []
    for _ in range(count):
        _, viewer = await loop.create_connection(lambda: Viewer(port, path, headers, take), "127.0.0.1", port)
        await viewer.opened
        clients.append(viewer)
    return clients


async def measure(side: Any, workload: str, seconds: float) -> float:
    """Run a workload in a closed loop and return the microseconds of CPU that the server used for each delivered event."""
    viewers = 500
    jobs = 1 if workload == "W1a" else viewers
    clients, publish = await side.watch(jobs, viewers)
    fan_out = viewers // jobs
    for client in clients:
        client.events = 0
    server = psutil.Process(side.pid)
    published, turn = 0, 0
    began, used = time.monotonic(), sum(server.cpu_times()[:2])
    while time.monotonic() - began < seconds:
        delivered = sum(client.events for client in clients)
        room = IN_FLIGHT[workload] - (published - delivered // fan_out)
        if room > 0:
            publish([(turn + index) % jobs for index in range(room)] if jobs > 1 else [0] * room)
            turn, published = turn + room, published + room
        await asyncio.sleep(0)
    while sum(client.events for client in clients) < published * fan_out:
        await asyncio.sleep(0.01)
        assert time.monotonic() - began < seconds + 10, "events were lost"
    used = sum(server.cpu_times()[:2]) - used
    for client in clients:
        client.close()
    return used / (published * fan_out) * 1e6


def pin(*servers: int) -> None:
    """Give the servers, of which one works at a time, one core, and everything else here another: as far as there are two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        return
    for pid in servers:
        for thread in psutil.Process(pid).threads():
            os.sched_setaffinity(thread.id, {cores[0]})
    os.sched_setaffinity(0, {cores[1]})


def install() -> None:
    """Fetch Socket.IO and ioredis from npm, once."""
    source = Path(__file__).parent / "socketio"
    CACHE.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "server.js"):
        shutil.copy(source / file, CACHE / file)
    if not (CACHE / "node_modules" / "socket.io").exists():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=CACHE, check=True)


def main() -> None:
    """Measure both sides in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--seconds", type=float, default=3, help="how long each time (3)")
    options = parser.parse_args()
    install()
    settings = {
        "JOB_HANDLERS": "tests.bench.handlers",
        "SOCKETS_PER_USER": "10000",
        "API_RATE": "1000000/min",
        "POSITION_CHECK_SECONDS": "10",
    }
    with Site(**settings) as site:
        server = site.serve()
        wait_until(lambda: site.call("GET", "/health/live")[0] == 200)
        ours, theirs = Ours(site), SocketIO(site)
        pin(ours.pid, theirs.pid)
        figures: dict[tuple[str, str], list[float]] = {}
        try:
            for _ in range(options.rounds):
                for workload in MUST:
                    for side in (ours, theirs):
                        figures.setdefault((workload, side.name), []).append(asyncio.run(measure(side, workload, options.seconds)))
        finally:
            theirs.stop()
        assert server.is_alive, server.log
    met = True
    for workload, must in MUST.items():
        own, other = (statistics.median(figures[workload, side.name]) for side in (ours, theirs))
        met = met and own / other <= must
        print(f"{workload}  ours {own:6.1f} us  Socket.IO {other:6.1f} us  ratio {own / other:.2f}  (must be <= {must:g})")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
