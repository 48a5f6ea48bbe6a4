"""The hub on a real Valkey and either channel layer, with a source that needs no database: who watches is told everything, once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError

from realtime import event_log, hub, layers
from realtime.cursor import Cursor
from realtime.event_log import Append
from realtime.hub import Hub
from realtime.job_list import ListCursor
from realtime.position import ORIGIN, Entry, Position
from realtime.topics import job_group
from tests.waiting import until
from tests.watched import MadeUpSource, closed, queued, running, text

LAYERS = {"stock": "channels_redis.pubsub.RedisPubSubChannelLayer", "raw": "realtime.raw_layer.RawPubSubChannelLayer"}
BEGUN = queued(1), running(1)


@pytest.fixture(params=[pytest.param(path, id=name) for name, path in LAYERS.items()])
def layer(request: pytest.FixtureRequest, redis: Any, settings: Any) -> Any:
    """Use one of the two channel layers."""
    settings.CHANNEL_LAYERS = {"default": {**settings.CHANNEL_LAYERS["default"], "BACKEND": request.param}}
    return get_channel_layer()


@pytest.fixture
def source() -> MadeUpSource:
    return MadeUpSource()


@pytest.fixture
async def watching(layer: Any, source: MadeUpSource, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """Return a hub that hears."""
    made = Hub(source)
    made.start()
    await until(lambda: bool(made.listener._channel), what="a hub that listens")
    yield made
    for task in made._tasks:
        task.cancel()
    await asyncio.gather(*made._tasks, return_exceptions=True)
    await layer.flush()


class Watcher:
    """A reader that keeps the frames that it gets."""

    def __init__(self, after: Position | None = None) -> None:
        self.after = after
        self.cursor: Any = None
        self.frames: list[dict[str, Any]] = []
        self.gone_topics: list[str] = []

    async def watch(self, hub: Hub, job_id: str = "j") -> "Watcher":
        watch = await hub.attach_job(job_id, self)
        assert watch is not None
        self.cursor = Cursor(watch.feed, self.after)
        self.wake("")
        return self

    def wake(self, name: str) -> None:
        while self.cursor and (frame := self.cursor.next_frame()) is not None:
            self.frames.append(json.loads(frame.text))

    def gone(self, name: str) -> None:
        self.gone_topics.append(name)

    @property
    def text(self) -> str:
        whole = ""
        for frame in self.frames:
            if frame["type"] == "snapshot":
                whole = frame["job"]["streamingText"]
            for event in frame.get("events", []):
                whole += event["data"].get("text", "")
        return whole

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == "snapshot"]

    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames if frame["type"] != "status"]


def publish(*events: dict[str, Any], job_id: str = "j") -> None:
    entries = [Entry(Position(event["attempt"], event["seq"]), json.dumps(event)) for event in events]
    assert event_log.append([Append(job_id, entries)]) == [True]


def write(source: MadeUpSource, *events: dict[str, Any]) -> None:
    """Write events to the row alone."""
    for event in events:
        source.jobs["j"].fold(event)


async def test_news_reach_a_reader_as_they_are_published(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    for seq in range(2, 12):
        publish(text(1, seq, seq - 2, "x"))
    await until(lambda: watcher.text == "x" * 10)
    assert watcher.types()[0] == "snapshot"
    assert source.asked["load"] == 1


async def test_a_plain_group_send_reaches_a_reader(watching: Hub, layer: Any, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    event = text(1, 2, 0, "by hand")
    message = {"type": "job.events", "topic": "job:j", "first": "1-2", "position": "1-2", "events": json.dumps([event])}
    await layer.group_send("job.j", message)
    await until(lambda: watcher.text == "by hand")


async def test_those_who_come_at_once_cause_one_read(watching: Hub, source: MadeUpSource, monkeypatch: pytest.MonkeyPatch) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    reads: list[Any] = []
    read_after = event_log.read_after

    def counted(requests: Any) -> Any:
        reads.append(requests)
        return read_after(requests)

    monkeypatch.setattr(event_log, "read_after", counted)
    watchers = await asyncio.gather(*(Watcher(ORIGIN).watch(watching) for _ in range(500)))
    assert (source.asked["load"], len(reads)) == (1, 1)
    assert all(watcher.types() == ["events"] for watcher in watchers)


async def test_what_the_log_has_after_the_row_is_there_from_the_start(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN, text(1, 2, 0, "ahead"))
    watcher = await Watcher().watch(watching)
    assert watcher.text == "ahead"


async def test_what_happens_while_a_topic_is_opened_is_not_missed(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    source.hold.clear()
    opening = asyncio.create_task(Watcher().watch(watching))
    await until(lambda: source.asked["load"] == 1)
    publish(*BEGUN, text(1, 2, 0, "meanwhile"))
    source.hold.set()
    watcher = await opening
    await until(lambda: watcher.text == "meanwhile")


async def test_a_lost_nudge_is_found_with_the_next_one(watching: Hub, source: MadeUpSource, redis: Any) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    silently(redis, text(1, 2, 0, "lost "))
    publish(text(1, 3, 5, "heard"))
    await until(lambda: watcher.text == "lost heard")
    assert source.asked["load"] == 1
    assert watcher.types().count("snapshot") == 1


async def test_a_lost_last_nudge_is_found_by_the_position_check(watching: Hub, source: MadeUpSource, redis: Any) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    silently(redis, text(1, 2, 0, "lost"))
    await watching.compare_once()
    await until(lambda: watcher.text == "lost", seconds=1.5)
    assert source.asked["positions"] == 1


async def test_where_the_log_has_a_hole_the_row_is_read(watching: Hub, source: MadeUpSource, redis: Any) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    write(source, text(1, 2, 0, "only the row "), text(1, 3, 13, "has this "))
    event_log.drop(["j"])
    publish(text(1, 4, 22, "and on"))
    await until(lambda: watcher.text == "only the row has this and on")


async def test_news_that_come_during_a_repair_are_not_left_for_the_next_check(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    source.hold.clear()
    event_log.drop(["j"])
    publish(text(1, 3, 1, "c"))
    await until(lambda: source.asked["load"] == 2)
    write(source, text(1, 2, 0, "b"))
    publish(text(1, 4, 2, "d"))
    source.hold.set()
    await until(lambda: watcher.text == "bcd", seconds=1.5)


async def test_a_damaged_event_is_answered_by_the_row(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    write(source, text(1, 2, 0, "right"))
    publish(text(1, 2, 99, "wrong"))
    await until(lambda: watcher.text == "right")


async def test_a_deleted_job_is_gone_for_its_readers(watching: Hub, source: MadeUpSource, layer: Any) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    del source.jobs["j"]
    await layer.group_send("job.j", {"type": "job.deleted", "jobId": "j"})
    await until(lambda: watcher.gone_topics == ["job:j"])
    assert await watching.attach_job("j", Watcher()) is None


async def test_a_deletion_that_nobody_announced_is_found_by_the_position_check(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    del source.jobs["j"]
    await watching.compare_once()
    assert watcher.gone_topics == ["job:j"]


async def test_an_edit_is_a_snapshot_announced_or_not(watching: Hub, source: MadeUpSource, layer: Any) -> None:
    job = source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    job.priority, job.edits = 5, 1
    await layer.group_send("job.j", {"type": "job.changed", "jobId": "j"})
    await until(lambda: watcher.types() == ["snapshot", "snapshot"])
    assert watcher.snapshots[-1]["job"]["priority"] == 5
    job.priority, job.edits = 6, 2
    await watching.compare_once()
    await until(lambda: watcher.snapshots[-1]["job"]["priority"] == 6)


async def test_a_row_that_went_back_takes_its_readers_along(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN, text(1, 2, 0, "one two "), closed(1, last_seq=2, length=8))
    watcher = await Watcher().watch(watching)
    source.add("j", *BEGUN, text(1, 2, 0, "one "))
    await watching.compare_once()
    await until(lambda: watcher.text == "one ")
    assert watcher.snapshots[-1]["position"] == "1-2"


async def test_an_unknown_job_is_not_there_and_leaves_nothing(watching: Hub, redis: Any) -> None:
    assert await watching.attach_job("j", Watcher()) is None
    assert watching._watches == {}
    assert subscribers(redis, "j") == 0


async def test_a_database_that_fails_is_told_and_leaves_nothing(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    source.error = OperationalError("away")
    with pytest.raises(OperationalError):
        await watching.attach_job("j", Watcher())
    source.error = None
    assert (await Watcher().watch(watching)).types() == ["snapshot"]


async def test_a_reader_that_leaves_while_its_topic_is_opened_is_not_kept(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    source.hold.clear()
    opening = asyncio.create_task(Watcher().watch(watching))
    await until(lambda: source.asked["load"] == 1)
    opening.cancel()
    source.hold.set()
    watch = watching._watches["job:j"]
    await until(lambda: watch.is_open)
    assert watch.readers == set()
    assert watch.idle_since is not None


async def test_a_topic_that_nobody_reads_is_left_after_a_while(watching: Hub, source: MadeUpSource, redis: Any) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    assert subscribers(redis, "j") == 1
    watch = watching._watches["job:j"]
    watch.detach(watcher)
    assert watching._watches
    watch.idle_since = -1e9
    await until(lambda: not watching._watches)
    await until(lambda: subscribers(redis, "j") == 0)


async def test_a_reader_that_comes_as_its_topic_is_forgotten_hears_all(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    first = await Watcher().watch(watching)
    watching._watches["job:j"].detach(first)
    watching.sweep_once(1e12)
    second = await Watcher().watch(watching)
    publish(text(1, 2, 0, "heard"))
    await until(lambda: second.text == "heard", seconds=1.5)


async def test_an_id_that_is_used_again_begins_at_the_beginning(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    publish(*BEGUN, text(1, 2, 0, "old"))
    await until(lambda: watcher.text == "old")
    del source.jobs["j"]
    event_log.drop(["j"])
    await watching.compare_once()
    assert watcher.gone_topics == ["job:j"]
    source.add("j", *BEGUN)
    reads = source.asked["load"]
    later = await Watcher().watch(watching)
    publish(*BEGUN, text(1, 2, 0, "new"))
    await until(lambda: later.text == "new")
    assert source.asked["load"] == reads + 1


GARBAGE: list[Any] = [
    b"", b"\xc1", b"nonsense" * 1000,
    {}, {"type": None}, {"type": "no.such"}, {"type": "job.events"}, {"type": "job.events", "topic": 7},
    {"type": "job.events", "topic": "job:j", "position": "9-9", "events": 7},
    {"type": "job.events", "topic": "job:j", "position": "x", "events": "[]"},
    {"type": "job.events", "topic": "job:j", "position": "9-9", "events": "["},
    {"type": "job.events", "topic": "job:j", "position": "9-9", "events": "[{},1]"},
    {"type": "job.events", "topic": "job:j", "position": "9-9", "events": "[" + "[" * 50_000},
    {"type": "job.events", "topic": "job:j", "position": "1-2", "events": json.dumps([text(1, 2, 0, "x", job_id="other")])},
    {"type": "job.changed"}, {"type": "job.deleted", "jobId": ["j"]}, {"type": "jobs.changed", "group": "user.1", "jobs": 7},
    {"type": "hub.probe"}, {"type": "hub.probe", "group": 7, "id": {}}, 7, [1], "text",
]  # fmt: skip


async def test_garbage_in_the_channel_layer_changes_nothing(watching: Hub, layer: Any, source: MadeUpSource, redis: Any) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    for item in GARBAGE:
        redis.publish(layers.group_channel(job_group("j")), item if isinstance(item, bytes) else layer.serialize(item))
        redis.publish(watching.listener._channel, item if isinstance(item, bytes) else layer.serialize(item))
    publish(*BEGUN, text(1, 2, 0, "still here"))
    await until(lambda: watcher.text == "still here", seconds=1.5)
    assert await watching.delivery_seconds() < 1


async def test_a_killed_subscription_is_made_again_and_nothing_is_missed(
    watching: Hub, source: MadeUpSource, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.add("j", *BEGUN)
    publish(*BEGUN)
    watcher = await Watcher().watch(watching)
    redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    publish(text(1, 2, 0, "while away "))
    await until(lambda: subscribers(redis, "j") == 1)
    publish(text(1, 3, 11, "and back"))
    await until(lambda: watcher.text == "while away and back")


async def test_a_list_begins_with_the_newest_and_goes_on_with_what_changes(watching: Hub, source: MadeUpSource) -> None:
    for number in range(60):
        source.add(f"j{number:02}", *BEGUN)
    watcher = Watcher()
    watch = await watching.attach_list(1, watcher)
    watcher.cursor = ListCursor(watch.jobs)
    watcher.wake("")
    (first,) = watcher.frames
    assert [job["jobId"] for job in first["jobs"]] == [f"j{number:02}" for number in range(59, 9, -1)]
    assert first["topic"] == "jobs"
    del source.jobs["j30"]
    source.jobs["j05"].fold(text(1, 2, 0, "x"))
    watch.hear_jobs(["j05", "j30"])
    await until(lambda: len(watcher.frames) == 2)
    assert [job["jobId"] for job in watcher.frames[1]["jobs"]] == ["j05"]
    assert watcher.frames[1]["removed"] == ["j30"]


async def test_a_list_that_missed_its_nudges_is_found_by_the_position_check(watching: Hub, source: MadeUpSource) -> None:
    source.add("a", *BEGUN)
    source.add("b", *BEGUN)
    watcher = Watcher()
    watch = await watching.attach_list(None, watcher)
    watcher.cursor = ListCursor(watch.jobs)
    watcher.wake("")
    del source.jobs["a"]
    source.add("c", *BEGUN)
    await watching.compare_once()
    await until(lambda: {"c"} == {job["jobId"] for frame in watcher.frames[1:] for job in frame["jobs"] if job["jobId"] != "b"})
    await until(lambda: ["a"] in [frame.get("removed") for frame in watcher.frames])


async def test_a_status_follows_and_comes_again_only_when_it_changes(watching: Hub, source: MadeUpSource) -> None:
    source.add("j", *BEGUN)
    watcher = await Watcher().watch(watching)
    await until(lambda: [frame for frame in watcher.frames if frame["type"] == "status"])
    status = watcher.frames[-1]
    assert (status["topic"], status["worker"], status["queuePosition"], status["eta"]) == ("job:j", "alive", None, None)
    later = await Watcher().watch(watching)
    assert [frame["type"] for frame in later.frames] == ["snapshot", "status"]


def silently(redis: Any, event: dict[str, Any]) -> None:
    """Append to the log without a nudge."""
    redis.xadd(event_log.stream_key("j"), {"e": json.dumps(event)}, id=f"{event['attempt']}-{event['seq']}")


def subscribers(redis: Any, job_id: str) -> int:
    count: int = redis.pubsub_numsub(layers.group_channel(job_group(job_id)))[0][1]
    return count


def test_there_is_one_hub_for_each_loop() -> None:
    async def hubs() -> tuple[Hub, Hub]:
        return hub.hub_of_this_loop(MadeUpSource()), hub.hub_of_this_loop(MadeUpSource())

    first, again = asyncio.run(hubs())
    assert first is again
    assert asyncio.run(hubs())[0] is not first
