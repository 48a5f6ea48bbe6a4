"""Random schedules of writers, faults and readers against the real fold, the real feed and the real cursors.

Row, log and worker are reduced to their rules (DESIGN, "The way of the data"); what a server process and a client do is the
product's own code. Attempt a writes chunk i as `[i.a]`, so two attempts never agree by luck. The twin takes out one rule of
the writers at a time: the readers must then notice, or the rule would not be needed.
"""

import hashlib
import json
import random
from typing import Any

import pytest

from jobs.events import Damaged, FoldedJob
from realtime.cursor import Cursor
from realtime.feed import Feed
from realtime.position import CLOSED, ORIGIN, Entry, Position, Verdict, judge
from tests.watched import MadeUpJob, closed, queued, running, text

LENGTH = 6
"""Events in the log and in the ring: few, so that readers often fall out."""

MOVES = (
    *("claim", "write", "write", "write", "write", "flush", "flush", "save", "nudge", "nudge", "nudge", "lose", "double", "shuffle"),
    *("read", "read", "attach", "detach", "check"),
)
FAULTS = (
    *("crash", "freeze", "thaw", "rescue", "drop_log", "log_down", "log_up", "log_up"),
    *("pause", "resume", "complete", "cancel", "retry", "stale_flush"),
)

Event = dict[str, Any]


def at(event: Event) -> Position:
    return Position(event["attempt"], event["seq"])


class Log:
    def __init__(self) -> None:
        self.entries: list[Event] = []
        self.last = ORIGIN
        self.is_up = True

    def append(self, event: Event) -> str:
        if not self.is_up:
            return "down"
        if at(event) <= self.last:
            return "ours" if event in self.entries else "refused"
        self.entries, self.last = [*self.entries, event][-LENGTH:], at(event)
        return "ok"

    def drop(self) -> None:
        self.entries, self.last = [], ORIGIN

    def after(self, position: Position) -> list[Entry]:
        return [Entry(at(event), json.dumps(event)) for event in self.entries if at(event) > position]


class Worker:
    """Holds the lease of one attempt and numbers its events. What it flushes is sealed."""

    def __init__(self, world: "World") -> None:
        self.world, self.attempt, self.seq = world, world.row.position.attempt, 1
        self.text, self.index = world.row.view.text, world.checkpoint["index"]
        self.is_stopped = self.is_frozen = False
        self.before_last_flush = self.last_flush = (1, self.text)

    @property
    def holds(self) -> bool:
        row = self.world.row
        is_ours = row.position.attempt == self.attempt or self.world.without == "attempt in the guard"
        return row.view.state == "running" and is_ours

    def write(self) -> None:
        chunk = f"[{self.index}.{self.attempt}]"
        self.index, self.seq = self.index + 1, self.seq + 1
        event = text(self.attempt, self.seq, len(self.text), chunk)
        self.text += chunk
        if self.world.publish(event) == "refused":
            if self.holds:
                self.world.log.drop()
                self.world.publish(event)
            else:
                self.is_stopped = True

    def flush(self, seq: int | None = None, text: str | None = None) -> bool:
        seq, text = (self.seq, self.text) if seq is None or text is None else (seq, text)
        if not self.holds:
            self.is_stopped = True
            return False
        view = self.world.row.view
        if seq >= view.position.seq:
            view.position = Position(self.attempt, seq)
            view.set_text(view.text + text[len(view.text) :])
        self.before_last_flush, self.last_flush = self.last_flush, (seq, text)
        return True

    def save(self) -> None:
        if self.flush():
            self.world.checkpoint = {"index": self.index, "length": len(self.text), "attempt": self.attempt, "seq": self.seq}

    def complete(self) -> None:
        if self.flush():
            self.world.close("completed")
        self.is_stopped = True


class Server:
    """A process with one feed, filled as the hub fills it."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.feed: Feed | None = None

    def attach(self) -> Feed:
        if self.feed is None:
            self.feed = Feed("job:j", self.world.row.copy(), ring_length=LENGTH)
            if self.world.log.is_up:
                self.feed.remember(self.world.log.after(ORIGIN))
            self.pull()
        return self.feed

    def take(self, event: Event) -> bool:
        assert self.feed is not None
        try:
            return self.feed.take(event, json.dumps(event)) is not Verdict.GAP
        except Damaged:
            raise AssertionError("an event does not fit the feed") from None

    def pull(self) -> None:
        assert self.feed is not None
        for _ in range(2):
            if self.world.log.is_up and all(self.take(json.loads(entry.json)) for entry in self.world.log.after(self.feed.position)):
                return
            self.follow_the_row()

    def follow_the_row(self) -> None:
        if self.feed and self.world.row.position > self.feed.position:
            self.feed.replace(self.world.row.copy())

    def hear(self, event: Event) -> None:
        if self.feed and not self.take(event):
            self.pull()

    def check_position(self) -> None:
        if self.feed:
            self.pull()
            self.follow_the_row()


class Client:
    """Reads frames and folds them by the rules of PROTOCOL, "A reader applies". Asserts that none breaks them."""

    def __init__(self) -> None:
        self.job = FoldedJob()
        self.cursor: Cursor | None = None

    def attach(self, server: Server) -> None:
        feed, have = server.attach(), self.job.position
        ahead = have > feed.position
        waits = ahead and have.attempt == feed.position.attempt and CLOSED not in (have.seq, feed.position.seq)
        recovered = have != ORIGIN and (waits if ahead else feed.reaches(have))
        self.cursor = Cursor(feed, have if recovered else None)

    def read(self) -> bool:
        frame = self.cursor.next_frame() if self.cursor else None
        if frame is None:
            return False
        message = json.loads(frame.text)
        if message["type"] == "snapshot":
            self.job = FoldedJob(message["job"])
            return True
        for event in message["events"]:
            assert judge(self.job.position, event) is Verdict.FOLLOWS, f"{at(event)} does not follow {self.job.position}"
            try:
                self.job.fold(event)
            except Damaged as error:
                raise AssertionError(f"an event does not fit the client: {error}") from None
        return True


class World:
    def __init__(self, seed: int, without: str = "") -> None:
        self.random, self.without = random.Random(seed), without
        self.row, self.log, self.queued = MadeUpJob(), Log(), queued(1)
        self.row.fold(self.queued)
        self.checkpoint = {"index": 0, "length": 0, "attempt": 0, "seq": 0}
        self.servers, self.clients = [Server(self), Server(self)], [Client() for _ in range(3)]
        self.workers: list[Worker] = []
        self.nudges: list[tuple[Server, Event]] = []
        self.publish(self.queued)

    def publish(self, event: Event) -> str:
        result = self.log.append(event)
        if result == "ok":
            self.nudges += [(server, event) for server in self.servers]
        return result

    def claim(self) -> None:
        self.publish(self.queued)
        begun = running(self.row.position.attempt)
        self.row.fold(begun)
        self.publish(begun)
        self.workers.append(Worker(self))

    def requeue(self, *, keep_all: bool = False, lose_publish: bool = False) -> None:
        view, saved = self.row.view, self.checkpoint
        attempt = view.position.attempt
        if keep_all:
            keep_text, keep_seq = view.text_length, self.last_seq
        else:
            keep_text, keep_seq = saved["length"], saved["seq"] if saved["attempt"] == attempt else 0
        if self.without == "keepSeq":
            keep_seq = 0
        self.queued = queued(attempt + 1, keep_text=keep_text, keep_seq=keep_seq)
        self.row.fold(self.queued)
        if not lose_publish:
            self.publish(self.queued)

    def close(self, state: str) -> None:
        """Read the log's tail first, fold in what comes after the row's position, close."""
        tail = [json.loads(entry.json) for entry in self.log.after(ORIGIN)] if self.log.is_up and self.random.random() < 0.8 else []
        view = self.row.view
        if view.state == "paused":
            self.requeue(keep_all=True)
            tail = []
        for event in tail:
            if at(event).attempt == view.position.attempt and event["seq"] != CLOSED and judge(view.position, event) is Verdict.FOLLOWS:
                view.fold(event)
        self.last_seq = view.position.seq
        length = view.text_length
        event = closed(view.position.attempt, last_seq=self.last_seq, length=length, text=view.text, state=state)
        if self.without == "lastSeq":
            event["data"]["lastSeq"] = 0
        if self.without == "textSha256":
            event["data"]["textSha256"] = hashlib.sha256(b"").hexdigest()
        view.set_text(view.text)
        view.position, view.state = Position(view.position.attempt, CLOSED), state
        self.publish(event)

    def step(self) -> None:
        pick, row = self.random, self.row
        moves: tuple[str, ...] = MOVES
        if pick.random() < 0.25:
            moves += FAULTS
        move = pick.choice(moves)
        worker = pick.choice(self.workers) if self.workers else None
        if worker:
            self.move_worker(move, worker)
        if move == "claim" and row.view.state == "created":
            self.claim()
        elif move == "rescue" and row.view.state == "running":
            if all(w.is_stopped or w.is_frozen for w in self.workers if w.attempt == row.position.attempt):
                self.requeue(lose_publish=pick.random() < 0.3)
        elif move == "cancel" and row.view.state in ("created", "running", "paused") and pick.random() < 0.3:
            self.close("cancelled")
        elif move == "pause" and row.view.state in ("created", "running"):
            self.close("paused")
        elif (move, row.view.state) in (("resume", "paused"), ("retry", "cancelled")):
            self.requeue(lose_publish=pick.random() < 0.3)
        else:
            self.move_wire(move)

    def move_worker(self, move: str, worker: Worker) -> None:
        is_active = not worker.is_stopped and not worker.is_frozen
        match move:
            case "write" if is_active and worker.index < 40:
                worker.write()
            case "flush" if is_active:
                worker.flush()
            case "stale_flush" if is_active:
                worker.flush(*worker.before_last_flush)
            case "save" if is_active:
                worker.save()
            case "complete" if is_active and worker.index > 10:
                worker.complete()
            case "crash":
                worker.is_stopped = True
            case "freeze" | "thaw":
                worker.is_frozen = move == "freeze"

    def move_wire(self, move: str) -> None:
        pick = self.random
        match move:
            case "drop_log" if self.log.is_up:
                self.log.drop()
            case "log_down":
                self.log.is_up = False
            case "log_up" if not self.log.is_up:
                self.log.is_up = True
                if pick.random() < 0.5:
                    self.log.drop()
            case "nudge" if self.nudges:
                server, event = self.nudges.pop(0)
                server.hear(event)
            case "lose" if self.nudges and pick.random() < 0.4:
                self.nudges.pop(pick.randrange(len(self.nudges)))
            case "double" if self.nudges:
                self.nudges.append(pick.choice(self.nudges))
            case "shuffle" if pick.random() < 0.3:
                pick.shuffle(self.nudges)
            case "read":
                pick.choice(self.clients).read()
            case "attach":
                pick.choice(self.clients).attach(pick.choice(self.servers))
            case "detach":
                pick.choice(self.clients).cursor = None
            case "check" if self.without != "position check":
                pick.choice(self.servers).check_position()

    def heal(self) -> None:
        """Faults end, the job runs to its end, zombies have their say, everybody catches up."""
        self.log.is_up, self.nudges = True, []
        for worker in self.workers:
            worker.is_frozen = False
        while self.row.view.state not in ("completed", "cancelled"):
            if self.row.view.state == "created":
                self.claim()
                continue
            alive = [w for w in self.workers if not w.is_stopped and w.attempt == self.row.position.attempt]
            if self.row.view.state == "paused" or not alive:
                self.requeue()
                continue
            while alive[0].index < 12 and not alive[0].is_stopped:
                alive[0].write()
            alive[0].complete()
        for worker in self.workers:
            if not worker.is_stopped:
                worker.write()
                worker.flush()
        nudges = [] if self.without == "position check" else self.nudges
        for server in self.servers:
            if self.without != "position check":
                server.check_position()
        for server, event in nudges:
            server.hear(event)
        for server in self.servers:
            if self.without != "position check":
                server.check_position()

    def verify(self) -> None:
        expected = self.row.view
        for client in self.clients:
            if not client.cursor:
                client.attach(self.random.choice(self.servers))
            while client.read():
                pass
            got = client.job
            assert (got.position, got.state, got.text) == (expected.position, expected.state, expected.text), (
                "a client differs from the row"
            )
        numbers = [int(chunk.split(".")[0]) for chunk in expected.text[1:-1].split("][") if chunk]
        assert numbers == list(range(len(numbers))), "the row's text has a hole or a double"


def run(seed: int, *, steps: int = 300, without: str = "") -> None:
    world = World(seed, without)
    for _ in range(steps):
        world.step()
    world.heal()
    world.verify()


@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_every_reader_ends_with_the_row(first: int) -> None:
    for seed in range(first, first + 100):
        try:
            run(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("rule", ["keepSeq", "lastSeq", "textSha256", "position check", "attempt in the guard"])
def test_a_missing_rule_is_noticed(rule: str) -> None:
    for seed in range(300):
        try:
            run(seed, without=rule)
        except AssertionError:
            return
    raise AssertionError(f"nothing breaks without {rule}: it is not needed, or not tested")
