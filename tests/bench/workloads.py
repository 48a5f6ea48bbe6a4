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
WARM_UP_EVENTS = {1: 20, VIEWERS: 2 * VIEWERS}
LEAST_DELIVERIES = 10_000
MISSED, CUT = 200, 1000

Figures = dict[str, float]


@dataclass(frozen=True)
class Stream:
    """A workload of events to be delivered."""

    name: str
    topics: int
    window: int = 0
    refill: int = 1
    per_second: float = 0

    @property
    def fan_out(self) -> int:
        """How many get each event."""
        return VIEWERS // self.topics

    def count(self, seconds: float, rate: float) -> int:
        """Return how many events take so long, at `rate` when the loop is closed; there never so few that idling is what is measured."""
        return int(seconds * self.per_second) if self.per_second else max(LEAST_DELIVERIES // self.fan_out, int(seconds * rate))


W1 = (
    Stream("W1a, one event a write", 1, window=1),
    Stream("W1a, batched", 1, window=4),
    Stream("W1b", 1, per_second=10),
    Stream("W1c", 1, per_second=100),
)
W2 = (
    Stream("W2a", VIEWERS, window=64),
    Stream("W2b, 200 events/s", VIEWERS, per_second=200),
    Stream("W2b, 5,000 events/s", VIEWERS, per_second=5000),
)


def streams(side: Side, workloads: Sequence[Stream], topics: Sequence[str], *, seconds: float) -> dict[str, Figures]:
    """Open the viewers and measure streams on them, about so many seconds each. All have the same number of topics."""
    with Generator() as load:
        load.open([side.socket(topics[index % len(topics)]) for index in range(VIEWERS)], side.port, at_once=AT_ONCE)
        warm_up = load.run(
            side.commands(topics, WARM_UP_EVENTS[len(topics)]),
            side.publisher, jobs=len(topics), fan_out=workloads[0].fan_out, window=workloads[0].window,
        )  # fmt: skip
        rate = WARM_UP_EVENTS[len(topics)] / warm_up["seconds"]
        return {workload.name: stream(load, side, workload, topics, count=workload.count(seconds, rate)) for workload in workloads}


def stream(load: Generator, side: Side, workload: Stream, topics: Sequence[str], *, count: int) -> Figures:
    """Measure one stream of `count` events, or a few more so that all topics get as many."""
    count = max(1, -(-count // len(topics))) * len(topics)
    commands = side.commands(topics, count)
    before = cpu_seconds(side.pids)
    ran = load.run(
        commands, side.publisher,
        jobs=len(topics), fan_out=workload.fan_out, window=workload.window, refill=workload.refill, rate=workload.per_second,
    )  # fmt: skip
    used, delivered = cpu_seconds(side.pids) - before, ran["events"]
    return {
        "us": used / delivered * 1e6,
        "deliveries_per_second": delivered / ran["seconds"],
        "server_busy": used / ran["seconds"],
        "load_busy": ran["busy"],
        "events_per_frame": delivered / ran["frames"],
        "p50_ms": ran["p50_ms"],
        "p99_ms": ran["p99_ms"],
    }


def idle_sockets(side: Side, topic: str, *, count: int) -> dict[str, Figures]:
    """Open sockets that watch one topic: what each weighs, and what its connecting costs."""
    processes = [psutil.Process(pid) for pid in side.pids]
    with Generator() as load:
        load.open([side.socket(topic) for _ in range(50)], side.port, at_once=AT_ONCE)  # what the first ones load is not theirs alone
    with Generator() as load:
        weight, before = sum(process.memory_info().rss for process in processes), cpu_seconds(side.pids)
        opened = load.open([side.socket(topic) for _ in range(count)], side.port, at_once=AT_ONCE)
        used = cpu_seconds(side.pids) - before
        weight = sum(process.memory_info().rss for process in processes) - weight
    return {
        "W3": {"kb": weight / count / 1024},
        "W4": {"us": used / count * 1e6, "per_second": count / opened["seconds"], "load_busy": opened["busy"]},
    }


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
