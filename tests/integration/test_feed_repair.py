"""A watched job whose nudges are lost, doubled and reordered, whose log is trimmed or gone, and whose row is ahead or behind.

The real watch on a real log; the network is the test's. Whatever it does, one comparison later all readers have the job.
"""

import asyncio
import json
import random
from typing import Any

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.events import FoldedJob
from realtime import event_log
from realtime.cursor import Cursor
from realtime.event_log import Append, stream_key
from realtime.job_watch import JobWatch
from realtime.position import CLOSED, ORIGIN, Entry, Position, Verdict, judge
from realtime.redis_client import client
from realtime.subscriptions import recovers
from realtime.threads import Threads
from tests.lives import Life, lives
from tests.waiting import until
from tests.watched import MadeUpJob, MadeUpSource

FOUND_TOGETHER = 3
"""Most events that one nudge carries."""


class Reader:
    """One socket's place in the watch; it leaves and comes back with what it has."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.job = FoldedJob()
        self.cursor: Cursor | None = None
        self.priority = self.edits_before = 0

    def come(self, watch: JobWatch, edits: int) -> None:
        self.edits_before = edits
        after = self.job.position if self.job.position != ORIGIN else None
        self.cursor = Cursor(watch.feed, after if after is not None and recovers(watch, after) else None)

    def read(self) -> None:
        if self.cursor is None:
            return
        while (frame := self.cursor.next_frame()) is not None:
            message = json.loads(frame.text)
            if message["type"] == "snapshot":
                before, self.job, self.priority = self.job.position, FoldedJob(message["job"]), message["job"]["priority"]
                assert self.job.position >= before, "back in time"
                assert self.job.fields() in self.life.snapshots, "no such job has ever been"
            for event in message.get("events", ()):
                assert judge(self.job.position, event) is Verdict.FOLLOWS
                self.job.fold(event)


class World:
    """A life as it is written: row and log by the writers' rules, nudges as the network likes."""

    def __init__(self, life: Life, seed: int, threads: Threads) -> None:
        self.life = life
        self.draw = random.Random(seed)
        self.source = MadeUpSource()
        self.watch = JobWatch("j", source=self.source, threads=threads)
        self.redis: redis.Redis = client()
        self.readers = [Reader(life) for _ in range(3)]
        self.held: list[dict[str, Any]] = []
        self.published = self.flushed = 0
        self.log_was_away = False

    async def live(self) -> None:
        self.redis.delete(stream_key("j"))
        self.flush(1)
        await self.watch.open()
        while self.published < len(self.life.events):
            self.write()
            if self.draw.random() < 0.3:
                self.disturb()
            if self.draw.random() < 0.2:
                await self.repaired()
            for reader in self.readers:
                self.have_read(reader)
        self.flush(len(self.life.events))
        await self.end()

    def write(self) -> None:
        """Publish what is next: a transition is in the row first; after a time without a log, so is all before it."""
        count = self.draw.randint(1, FOUND_TOGETHER)
        events = self.life.events[self.published : self.published + count]
        for index, event in enumerate(events):
            if event["seq"] in (0, CLOSED):
                events = events[: index or 1]
                break
        if events[0]["seq"] in (0, CLOSED):
            self.flush(self.published + 1)
        self.published += len(events)
        if self.draw.random() < 0.1:
            self.log_was_away = True
            return
        if self.log_was_away:
            self.flush(self.published - len(events))
            self.log_was_away = False
        append = Append("j", [Entry(Position(event["attempt"], event["seq"]), json.dumps(event)) for event in events])
        assert event_log.append([append]) == [True]
        self.nudge(append.nudge())

    def nudge(self, message: dict[str, Any]) -> None:
        match self.draw.choice(("hear", "hear", "hear", "twice", "lose", "hold")):
            case "hear":
                self.watch.hear_events(message)
            case "twice":
                self.watch.hear_events(message)
                self.watch.hear_events(message)
            case "hold":
                self.held.append(message)

    def flush(self, count: int) -> None:
        """Have the row be the fold of the first `count` events; it never goes back, and never is where a close has cut."""
        self.flushed = max(self.flushed, count)
        job = MadeUpJob(self.life.snapshots[self.flushed - 1])
        if before := self.source.jobs.get("j"):
            job.adopt(before)
        self.source.jobs["j"] = job

    def disturb(self) -> None:
        match self.draw.choice(("flush", "flush", "trim", "drop", "late", "compare", "edit", "edit", "edit")):
            case "flush":
                self.flush(self.draw.randint(0, self.published) or 1)
            case "trim":
                self.redis.xtrim(stream_key("j"), maxlen=self.draw.randint(0, 3))
            case "drop":
                self.redis.delete(stream_key("j"))
                self.log_was_away = True  # what was lost is in the row before anything follows it
            case "late":
                self.draw.shuffle(self.held)
                for message in self.held:
                    self.watch.hear_events(message)
                self.held.clear()
            case "compare":
                self.compare()
            case "edit":
                self.source.jobs["j"].priority += 1
                self.source.jobs["j"].edits += 1
                if self.draw.random() < 0.5:
                    self.watch.hear_change()

    def compare(self) -> None:
        was = self.watch.feed.position
        self.watch.compare(self.source.positions(["j"])["j"], event_log.last_positions(["j"])[0], was)

    def have_read(self, reader: Reader) -> None:
        match self.draw.choice(("read", "leave", "come", "nothing")):
            case "read":
                reader.read()
            case "leave":
                reader.cursor = None
            case "come":
                if reader.cursor is None:
                    reader.come(self.watch, self.source.jobs["j"].edits)

    async def repaired(self) -> None:
        await until(lambda: all(task is None or task.done() for task in (self.watch._pulling, self.watch._reloading)))

    async def end(self) -> None:
        """One comparison, and the repairs that it begins; then everybody reads to the end."""
        self.compare()
        await self.repaired()
        row = self.source.jobs["j"]
        for reader in self.readers:
            if reader.cursor is None:
                reader.come(self.watch, row.edits)
            reader.read()
            assert reader.job.fields() == self.life.snapshots[-1]
            assert reader.edits_before == row.edits or reader.priority == row.priority
        assert self.watch.feed.job.edits == row.edits


THREADS = Threads(2)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives(happenings=25), seed=st.integers(0, 10**6))
def test_one_comparison_later_all_readers_have_the_job(redis: Any, life: Life, seed: int) -> None:
    asyncio.run(World(life, seed, THREADS).live())
