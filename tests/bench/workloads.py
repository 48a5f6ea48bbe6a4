"""The workloads, each measured on one side: CPU of the server for each delivered event, how many a second, how old they are.

W1: one job, 500 viewers. W2: 500 jobs, one viewer each, round robin. Closed loops have so many events in flight; the others so many a
second. W3: what an idle subscribed socket weighs. W4: what it costs to connect, sign in and subscribe. W5: what a replayed event costs.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from tests.bench.cpu import cpu_seconds
from tests.bench.generator import Generator, Socket
from tests.bench.sides import Ours, Side, SocketIOStreams

VIEWERS = 500
AT_ONCE = 16
"""Sockets that are opened at the same time."""
LEAST_DELIVERIES = 10_000
MISSED, CUT = 200, 1000

Figures = dict[str, float]


@dataclass(frozen=True)
class Stream:
    """A workload of events to be delivered: so many in flight, or so many a second."""

    name: str
    window: int = 0
    per_second: float = 0

    def count(self, seconds: float, rate: float, fan_out: int) -> int:
        """Return how many events take so long, at `rate` when the loop is closed; there never so few that idling is what is measured."""
        return int(seconds * self.per_second) if self.per_second else max(LEAST_DELIVERIES // fan_out, int(seconds * rate))


ONE_A_WRITE, BATCHED = Stream("W1a, one event a write", window=1), Stream("W1a, batched", window=4)
W1 = (BATCHED, ONE_A_WRITE, Stream("W1b", per_second=10), Stream("W1c", per_second=100))
W2A = Stream("W2a", window=64)
W2 = (W2A, Stream("W2b, 200 events/s", per_second=200), Stream("W2b, 5,000 events/s", per_second=5000))


def streams(
    side: Side, workloads: Sequence[Stream], topics: Sequence[str], *, seconds: float, viewers: int = VIEWERS
) -> dict[str, Figures]:
    """Open the viewers and measure streams on them, the first a closed loop, about so many seconds each; and what the opening cost."""
    fan_out = viewers // len(topics)
    with Generator() as load:
        before = cpu_seconds(side.pids)
        opened = load.open([side.socket(topics[index % len(topics)]) for index in range(viewers)], side.port, at_once=AT_ONCE)
        used = cpu_seconds(side.pids) - before
        figures = {"W4": {"us": used / viewers * 1e6, "per_second": viewers / opened["seconds"], "load_busy": opened["busy"]}}
        warm_up = side.commands(topics, max(20, 2 * len(topics)))
        ran = load.run(warm_up, side.publisher, jobs=len(topics), fan_out=fan_out, window=workloads[0].window)
        rate = len(warm_up) / ran["seconds"]
        for workload in workloads:
            figures[workload.name] = stream(load, side, workload, topics, fan_out, workload.count(seconds, rate, fan_out))
    return figures


def stream(load: Generator, side: Side, workload: Stream, topics: Sequence[str], fan_out: int, count: int) -> Figures:
    """Measure one stream of `count` events, or a few more so that all topics get as many."""
    commands = side.commands(topics, max(1, -(-count // len(topics))) * len(topics))
    before = cpu_seconds(side.pids)
    ran = load.run(commands, side.publisher, jobs=len(topics), fan_out=fan_out, window=workload.window, rate=workload.per_second)
    used, delivered = cpu_seconds(side.pids) - before, max(1, ran["events"])
    return {
        "us": used / delivered * 1e6,
        "deliveries_per_second": delivered / ran["seconds"],
        "missing": 1 - delivered / (len(commands) * fan_out),
        "server_busy": used / ran["seconds"],
        "load_busy": ran["busy"],
        "events_per_frame": delivered / ran["frames"],
        "p50_ms": ran["p50_ms"],
        "p99_ms": ran["p99_ms"],
    }


def idle_sockets(side: Side, topic: str, *, count: int) -> dict[str, Figures]:
    """Open sockets that watch one topic: what each weighs."""
    processes = [psutil.Process(pid) for pid in side.pids]
    with Generator() as load:
        load.open([side.socket(topic) for _ in range(50)], side.port, at_once=AT_ONCE)  # what the first ones load is not theirs alone
    with Generator() as load:
        weight = sum(process.memory_info().rss for process in processes)
        load.open([side.socket(topic) for _ in range(count)], side.port, at_once=AT_ONCE)
        weight = sum(process.memory_info().rss for process in processes) - weight
    return {"W3": {"kb": weight / count / 1024}}


def replay(side: Side, topic: str) -> dict[str, Figures]:
    """Cut sockets, have them miss events, and let them come back with their positions; the connecting, as W4 has it, included."""
    with Generator() as load:
        sockets = [side.socket(topic) for _ in range(CUT)]
        load.open(sockets, side.port, at_once=AT_ONCE)
        load.run(side.commands([topic], 10), side.publisher, jobs=1, fan_out=CUT, window=1)
        told = load.tell(len(sockets[0].script))
        load.close()
    with Generator() as load:  # one that stays, so that what is published is heard
        load.open([side.socket(topic)], side.port, at_once=1)
        load.run(side.commands([topic], MISSED), side.publisher, jobs=1, fan_out=1, window=8)
        with Generator() as returning:
            before = cpu_seconds(side.pids)
            opened = returning.open([returns(side, topic, frames) for frames in told], side.port, at_once=AT_ONCE)
            returning.expect(CUT * MISSED)
            used = cpu_seconds(side.pids) - before
    return {"W5": {"us": used / (CUT * MISSED) * 1e6, "seconds": opened["seconds"]}}


def returns(side: Side, topic: str, frames: Sequence[bytes]) -> Socket:
    """Return how a socket comes back that was told `frames`: those that its script waited for, then its last event."""
    if isinstance(side, Ours):
        last = json.loads(frames[-1])["events"][-1]
        return side.socket_after(topic, f"{last['attempt']}-{last['seq']}")
    assert isinstance(side, SocketIOStreams)
    session: dict[str, Any] = json.loads(frames[1][2:])
    *_, offset = json.loads(frames[-1][2:])
    return side.socket_after(session["pid"], offset)
