"""What the state machine of `test_machine` moves: what is expected of a job, runs that may be zombies, and viewers behind a real feed."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from channels.layers import get_channel_layer
from django.db import connection

from jobs import transitions
from jobs.database import DatabaseThreads
from jobs.errors import JobStopped
from jobs.events import FoldedJob
from jobs.models import Job
from jobs.publishing import _still_held
from jobs.recorder import Recorder
from jobs.source import JobSource
from realtime import event_log, publisher
from realtime.cursor import Cursor
from realtime.errors import RedisUnavailable
from realtime.job_watch import JobWatch
from realtime.layers import group_channel
from realtime.position import ORIGIN, Position, Verdict, judge
from realtime.redis_client import breaker, client
from realtime.subscriptions import recovers
from realtime.topics import job_group

T = TypeVar("T")

STARTS_FROM = {
    "cancel": {"created", "running", "paused"},
    "pause": {"created", "running"},
    "resume": {"paused"},
    "retry": {"failed", "cancelled"},
}
ENDED = {"completed", "failed", "cancelled"}


@dataclass
class Expected:
    """What the protocol says that a job is now."""

    body: int
    life: int
    state: str = "created"
    attempt: int = 1
    began_by: str | None = None
    """The command that put it back into the queue last."""
    was_cancelled_while_paused: bool = False
    saved_index: int = 0
    saved_text: str = ""
    kills: int = 0
    is_deleted: bool = False
    holder: "Run | None" = None

    def requeue(self, began_by: str | None = None) -> None:
        """Go back to the queue."""
        self.state, self.attempt, self.began_by, self.holder = "created", self.attempt + 1, began_by, None

    def command(self, action: str, if_attempt: int | None) -> str:
        """Return what a command does: `done`, `again` or `conflict`; and do it."""
        if self._is_done(action, if_attempt):
            return "again"
        if (if_attempt is not None and if_attempt != self.attempt) or self.state not in STARTS_FROM[action]:
            return "conflict"
        if action in ("resume", "retry"):
            self.kills = 0 if action == "retry" else self.kills
            self.requeue(action)
            return "done"
        self.was_cancelled_while_paused = self.state == "paused"
        if self.was_cancelled_while_paused:
            self.attempt, self.began_by = self.attempt + 1, None
        self.state = "cancelled" if action == "cancel" else "paused"
        return "done"

    def _is_done(self, action: str, if_attempt: int | None) -> bool:
        if action in ("resume", "retry"):
            went_on = self.state not in STARTS_FROM[action] if if_attempt is None else self.attempt == if_attempt + 1
            return self.began_by == action and went_on
        if self.state != ("cancelled" if action == "cancel" else "paused"):
            return False
        return if_attempt in {None, self.attempt} or (self.was_cancelled_while_paused and if_attempt == self.attempt - 1)


@dataclass
class Stored:
    """What the database has of a job, deleted or not."""

    state: str
    attempt: int
    query: str
    text: str
    pieces: list[str] = field(default_factory=list)


def stored() -> dict[str, Stored]:
    """Read all jobs, by their ids, in one statement: after each step they are asked for."""
    rows: dict[str, Stored] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT job.id, job.state, job.attempt, job.query, job.text, piece.text FROM jobs_job AS job "
            'LEFT JOIN jobs_jobtext AS piece ON piece.job_id = job.id ORDER BY job.id, piece."offset"'
        )
        for job_id, state, attempt, query, text, piece in cursor.fetchall():
            row = rows.setdefault(job_id, Stored(state, attempt, query, text))
            row.pieces += [] if piece is None else [piece]
    return rows


@dataclass
class Run:
    """An attempt that a worker was given; it goes on for as long as nobody tells it, or does not listen."""

    job: Job
    recorder: Recorder
    index: int
    text: str
    stale: transitions.Flush | None = field(default=None)

    @property
    def job_id(self) -> str:
        return self.job.pk

    @classmethod
    def of(cls, job: Job) -> "Run":
        """Begin where the last checkpoint says."""
        recorder = Recorder(job, on_news=lambda recorder: None)
        return cls(job, recorder, (job.checkpoint or {"data": {"index": 0}})["data"]["index"], job.text)

    def write(self, chunks: int) -> None:
        """Write `[index.attempt]`, and publish it if Redis answers."""
        for _ in range(chunks):
            chunk = f"[{self.index}.{self.job.attempt}]"
            try:
                self.recorder.write(chunk)
            except JobStopped:
                return
            self.index, self.text = self.index + 1, self.text + chunk
            self.recorder.flush()  # seals: each chunk is an event
        self.publish()

    def publish(self) -> None:
        """Publish what is due, as the publishing thread does."""
        if append := self.recorder.take():
            try:
                accepted = publisher.publish([append], still_true=_still_held)
            except RedisUnavailable:
                self.recorder.lost(append)
            else:
                if accepted != [True]:
                    self.recorder.stop("fenced")

    def flush(self, *, is_heard: bool = True) -> bool:
        """Flush, as the flushing thread does, and return whether the job is held; the answer may get lost."""
        flush = self.recorder.flush()
        self.stale = self.stale or flush
        result = transitions.flush([flush])
        if is_heard and self.job_id in result.held:
            self.recorder.flushed(flush.seq, time.monotonic())
        elif is_heard:
            self.recorder.stop("fenced")
        return self.job_id in result.held


class Viewer:
    """Reads frames from a feed and folds them; asserts that each follows and fits."""

    def __init__(self, watch: JobWatch, named: dict[Position, str]) -> None:
        self.job = FoldedJob()
        self.is_gone = False
        self._watch, self._named = watch, named
        self._cursor: Cursor | None = None

    def attach(self) -> None:
        """Subscribe from the position that is here."""
        have = self.job.position
        self._cursor = Cursor(self._watch.feed, have if have != ORIGIN and recovers(self._watch, have) else None)

    def detach(self) -> None:
        self._cursor = None

    def wake(self, name: str) -> None: ...

    def gone(self, name: str) -> None:
        self.is_gone = True

    def read(self) -> bool:
        """Take the next frame. Returns whether there was one."""
        frame = self._cursor.next_frame() if self._cursor else None
        if frame is None:
            return False
        message = json.loads(frame.text)
        if message["type"] == "snapshot":
            self.job = FoldedJob(message["job"])
        for event in message.get("events", ()):
            assert judge(self.job.position, event) is Verdict.FOLLOWS, f"{event} does not follow {self.job.position}"
            self.job.fold(event)
            text = json.dumps(event, sort_keys=True)
            assert self._named.setdefault(self.job.position, text) == text, "a position names two events"
        return True


class Ear:
    """Hears what is published for the jobs' groups; what it heard waits until somebody lets it arrive."""

    def __init__(self, job_ids: Sequence[str]) -> None:
        self._pubsub = client().pubsub()  # type: ignore[no-untyped-call]
        self._job_of = {group_channel(job_group(job_id)).encode(): job_id for job_id in job_ids}
        self._pubsub.subscribe("marker", *self._job_of)
        self.nudges: dict[str, list[dict[str, Any]]] = {job_id: [] for job_id in job_ids}

    def listen(self) -> None:
        """Hear all that was published until now."""
        client().publish("marker", b"")
        layer: Any = get_channel_layer()
        while True:
            message = self._pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
            if message and message["channel"] == b"marker":
                return
            if message:
                self.nudges[self._job_of[message["channel"]]].append(layer.deserialize(message["data"]))

    def forget(self) -> None:
        """Let none of it arrive."""
        self.listen()
        for nudges in self.nudges.values():
            nudges.clear()

    def close(self) -> None:
        self._pubsub.close()


class Theatre:
    """A feed of one job in a server process, and its viewers."""

    def __init__(self, job_id: str, loop: asyncio.AbstractEventLoop, thread: DatabaseThreads) -> None:
        self.job_id, self._loop, self._thread, self._source = job_id, loop, thread, JobSource()
        self.watch = JobWatch(job_id, source=self._source, threads=thread)  # type: ignore[arg-type]
        self.named: dict[Position, str] = {}
        self.viewers = [Viewer(self.watch, self.named) for _ in range(2)]

    def open(self) -> None:
        """Read the job for the first time."""
        if not self.watch.is_open:
            self.watch.readers.update(self.viewers)
            self._do(self.watch.open())

    def hear(self, nudge: dict[str, Any]) -> None:
        """Let a nudge arrive."""
        if self.watch.is_open:
            self._do(self._hear(nudge))

    async def _hear(self, nudge: dict[str, Any]) -> None:
        if nudge["type"] == "job.events":
            self.watch.hear_events(nudge)
        else:
            self.watch.hear_change()

    def compare(self) -> None:
        """Compare the feed with log and row, as the hub does every few seconds."""
        if self.watch.is_open:
            self._do(self._compare())

    async def _compare(self) -> None:
        watch, was = self.watch, self.watch.feed.position
        row = (await self._thread.run(lambda: self._source.positions([self.job_id]))).get(self.job_id)
        try:
            logged = event_log.last_positions([self.job_id])[0]
        except RedisUnavailable:
            logged = None
        if breaker.is_open and row and row[0] > was:
            watch.follow((await self._thread.run(lambda: self._source.load([self.job_id])))[self.job_id])
        watch.compare(row, logged, was)

    def _do(self, work: Any) -> None:
        """Do something in the loop, and all that it begins there."""
        self._loop.run_until_complete(work)
        while tasks := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(tasks))
