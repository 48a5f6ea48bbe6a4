"""Whatever a job's life is: a snapshot at any position and the events after it are the job, in Python and in the browser."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.events import FoldedJob
from realtime.cursor import Cursor
from realtime.feed import Feed
from realtime.position import ORIGIN, Entry, Position, Verdict, judge
from tests.lives import Life, lives
from tests.watched import MadeUpJob

ROOT = Path(__file__).parent.parent.parent


def entry(event: dict[str, Any]) -> Entry:
    return Entry(Position(event["attempt"], event["seq"]), json.dumps(event))


@given(life=lives(), data=st.data())
def test_a_snapshot_and_the_events_after_it_are_the_job(life: Life, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(life.events) - 1), label="snapshot after event")
    job = FoldedJob(json.loads(json.dumps(life.snapshots[start])))
    for event in life.events[start + 1 :]:
        assert judge(job.position, event) is Verdict.FOLLOWS
        job.fold(event)
    assert job.fields() == life.snapshots[-1]


class Reader:
    """Applies what a cursor gives as PROTOCOL says, and fails at what no server may send."""

    def __init__(self, feed: Feed, after: FoldedJob | None) -> None:
        self.job = after or FoldedJob()
        self.cursor = Cursor(feed, self.job.position if after else None)

    def read(self, frames: int) -> None:
        for _ in range(frames):
            frame = self.cursor.next_frame()
            if frame is None:
                return
            message = json.loads(frame.text)
            if message["type"] == "snapshot":
                self.job = FoldedJob(message["job"])
            for event in message.get("events", ()):
                assert judge(self.job.position, event) is Verdict.FOLLOWS
                self.job.fold(event)


@given(life=lives(), ring_length=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_readers_of_a_feed_end_with_the_job_wherever_they_begin_and_however_they_lag(life: Life, ring_length: int, seed: int) -> None:
    """The row that the feed begins with, the log that it remembers, and jumps to a row ahead are drawn too."""
    draw, last = random.Random(seed), len(life.events) - 1
    at = draw.randint(0, last)
    feed = Feed("job:j", MadeUpJob(life.snapshots[at]), ring_length=ring_length)
    log = life.events[draw.randint(0, at + 1) : at + 1 - (draw.random() < 0.2)]
    feed.remember([entry(event) for event in log if draw.random() > 0.1])
    readers = [Reader(feed, None)]
    while at < last:
        if draw.random() < 0.1:
            at = draw.randint(at, last)
            feed.replace(MadeUpJob(life.snapshots[at]))
        else:
            at += 1
            feed.take(life.events[at], json.dumps(life.events[at]))
        comes_with = life.snapshots[draw.randint(0, at)]
        if feed.reaches(Position.parse(comes_with["position"])):
            readers.append(Reader(feed, FoldedJob(comes_with)))
        for reader in readers:
            reader.read(draw.randint(0, 2))
    for reader in [*readers, Reader(feed, None)]:
        reader.read(last + 2)
        assert reader.job.fields() == life.snapshots[-1]


FOLD_IN_NODE = """
import { readFileSync } from "node:fs";
import { fold } from "./realtime/static/realtime/fold.js";
import { judge, parse } from "./realtime/static/realtime/position.js";
const ends = JSON.parse(readFileSync(0, "utf8")).map(({ job, events }) => events.reduce((job, event) => {
  if (judge(parse(job.position), event) !== "follows") throw new Error(`${job.position}: ${event.attempt}-${event.seq}`);
  return fold(job, event);
}, job));
console.log(JSON.stringify(ends));
"""


def test_the_browser_folds_the_same_lives_to_the_same_jobs() -> None:
    cases: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []

    @settings(max_examples=150, database=None)
    @given(life=lives(), data=st.data())
    def collect(life: Life, data: st.DataObject) -> None:
        start = data.draw(st.integers(-1, len(life.events) - 1))
        before = FoldedJob().fields() if start < 0 else life.snapshots[start]
        cases.append({"job": before, "events": life.events[start + 1 :]})
        ends.append(life.snapshots[-1])

    collect()
    assert FoldedJob().position == ORIGIN
    command = [".ci/node.sh", "node", "--input-type=module", "-e", FOLD_IN_NODE]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(cases).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == ends
