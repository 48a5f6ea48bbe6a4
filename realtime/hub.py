"""The watched topics of this process: joins their groups, keeps their feeds true, wakes their readers."""

import asyncio
import json
import logging
import random
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.db import Error as DatabaseError
from django.db import close_old_connections

from realtime import event_log, publisher
from realtime.conf import settings
from realtime.errors import RedisUnavailable
from realtime.feed import Feed
from realtime.position import CLOSED, ORIGIN, Entry, Position, Verdict
from realtime.protocol import RESTARTING, encode
from realtime.redis_client import breaker, client
from realtime.source import Source
from realtime.topics import job_group, job_id_of

log = logging.getLogger(__name__)
T = TypeVar("T")

JOIN_SECONDS = 1.0
PROBE_SECONDS = 0.05
REDIS_CHECK_SECONDS = 2.0
DRAIN_PAUSE_SECONDS = 0.02


class Reader(Protocol):
    """Who watches: woken when there may be something new, told when the topic is gone."""

    def wake(self) -> None:
        """There may be something new."""

    def gone(self, topic: str) -> None:
        """The job was deleted."""


class Topic:
    """A watched topic: its feed, its readers, and how far it is known to be behind."""

    def __init__(self, name: str, job_id: str) -> None:
        self.name = name
        self.job_id = job_id
        self.group = job_group(job_id)
        self.feed: Feed | None = None
        self.readers: set[Reader] = set()
        self.joined = False
        self.heard = asyncio.Event()
        """Set when anything arrives from the group: the subscription is there."""
        self.wanted = ORIGIN
        """The highest position that was heard of."""
        self.opening: asyncio.Task[bool] | None = None
        self.pulling: asyncio.Task[None] | None = None
        self.idle_since: float | None = None

    def wake(self) -> None:
        """Wake all readers."""
        for reader in self.readers:
            reader.wake()


class Hub:
    """One per event loop. Frames move in the loop; everything that asks the database or Redis runs in threads."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.sockets: set[Any] = set()
        """All open sockets of this process; the sweeper asks each now and then."""
        self._topics: dict[str, Topic] = {}
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="hub")
        self._tasks: list[asyncio.Task[None]] = []
        self._channel = ""
        self._layer: Any = None
        self._own_group = f"hub.{uuid.uuid4().hex}"
        self._probes: dict[str, asyncio.Event] = {}

    @property
    def degraded(self) -> bool:
        """Whether Redis is away, so that updates come from the database every few seconds."""
        return breaker.is_open

    def start(self) -> None:
        """Begin to listen, to compare and to sweep; again is harmless."""
        if not self._tasks:
            self._layer = get_channel_layer()
            loops = (self._receive, self._compare, self._watch_redis, self._sweep)
            self._tasks = [asyncio.create_task(self._keep(loop)) for loop in loops]

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread with a checked database connection."""

        def checked() -> T:
            close_old_connections()
            try:
                return work()
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._threads, checked)

    async def delivery_seconds(self) -> float:
        """Send a message to this hub through Redis and return how long it took. Raises RedisUnavailable when it does not arrive in time."""
        self.start()
        loop, probe = asyncio.get_running_loop(), uuid.uuid4().hex
        arrived = self._probes[probe] = asyncio.Event()
        began = loop.time()
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                while not arrived.is_set():  # the subscription may not be there yet
                    await self.in_thread(lambda: publisher.nudge(self._own_group, {"type": "hub.probe", "group": "", "id": probe}))
                    await _wait(arrived, PROBE_SECONDS)
        except TimeoutError:
            raise RedisUnavailable("What is published does not arrive here.") from None
        finally:
            del self._probes[probe]
        return loop.time() - began

    async def drain(self, seconds: float) -> None:
        """Send all sockets away within `seconds`, one after another, so that they do not all come back at the same moment."""
        sockets = random.sample(list(self.sockets), len(self.sockets))
        pause = min(DRAIN_PAUSE_SECONDS, 0.8 * seconds / max(1, len(sockets)))
        for socket in sockets:
            await socket.leave(RESTARTING)
            await asyncio.sleep(pause)

    # Readers come and go

    async def attach(self, name: str, reader: Reader) -> Topic | None:
        """Have `reader` woken by the topic's news and return the topic with its feed; None when there is no such job."""
        self.start()
        topic = self._topics.get(name)
        if topic is None:
            job_id = job_id_of(name)
            if job_id is None:
                return None
            topic = self._topics[name] = Topic(name, job_id)
        topic.readers.add(reader)
        topic.idle_since = None
        if topic.feed is None:
            if topic.opening is None:
                topic.opening = asyncio.create_task(self._open(topic))
            found = False
            try:
                found = await asyncio.shield(topic.opening)
            finally:
                if not found:
                    topic.readers.discard(reader)
            if not found:
                return None
        return topic

    def detach(self, topic: Topic, reader: Reader) -> None:
        """Wake the reader no more; a topic that nobody reads is kept for a while."""
        topic.readers.discard(reader)
        if not topic.readers:
            topic.idle_since = asyncio.get_running_loop().time()

    async def catch_up(self, topic: Topic, position: Position) -> None:
        """Read log and row once more if the feed is below `position`, which a reader claims to have."""
        if topic.feed is not None and topic.feed.position < position:
            await self._pull(topic)

    async def _open(self, topic: Topic) -> bool:
        """Join first, then read the row, then the log: what happens meanwhile is in the log or arrives as a nudge."""
        try:
            await self._join(topic)
            found = await self.in_thread(lambda: self._read_whole(topic.job_id))
        except BaseException:
            await self._close(topic)
            raise
        if found is None:
            await self._close(topic)
            return False
        job, entries = found
        feed = Feed(topic.name, job, ring_length=settings.event_log_length)
        feed.remember(entries)
        topic.feed = feed
        self._apply(topic, entries)
        topic.opening = None
        if topic.wanted > feed.position:
            self._pull_soon(topic)
        return True

    def _read_whole(self, job_id: str) -> tuple[Any, list[Entry]] | None:
        job = self.source.load([job_id]).get(job_id)
        if job is None:
            return None
        try:
            return job, event_log.read_after([(job_id, ORIGIN)])[0]
        except RedisUnavailable:
            return job, []

    async def _join(self, topic: Topic) -> None:
        """Join the topic's group, and prove it: the layer returns before Redis has confirmed the subscription."""
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                if not self._channel:
                    raise RedisUnavailable
                await self._layer.group_add(topic.group, self._channel)
                while not topic.heard.is_set():
                    probe = {"type": "hub.probe", "group": topic.group, "id": uuid.uuid4().hex}
                    await self.in_thread(partial(publisher.nudge, topic.group, probe))
                    if not await _wait(topic.heard, PROBE_SECONDS) and breaker.is_open:
                        raise RedisUnavailable
            topic.joined = True
        except (TimeoutError, RedisUnavailable, OSError) as error:
            log.warning("group %s could not be joined, reading the row instead: %s", topic.group, error or "no answer in time")

    async def _close(self, topic: Topic) -> None:
        if self._topics.get(topic.name) is topic:
            del self._topics[topic.name]
        topic.opening = None
        if self._channel:
            try:
                async with asyncio.timeout(JOIN_SECONDS):
                    await self._layer.group_discard(topic.group, self._channel)
            except (TimeoutError, OSError) as error:
                log.info("group %s could not be left: %s", topic.group, error or "no answer in time")

    # News

    async def _receive(self) -> None:
        self._channel = await self._layer.new_channel("hub")
        await self._layer.group_add(self._own_group, self._channel)
        for topic in self._topics.values():
            topic.heard.clear()
        while True:
            message = await self._layer.receive(self._channel)
            try:
                self._hear(message)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                log.warning("a message that is none of ours came through the channel layer: %s", error)

    def _hear(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "hub.probe":
                if (topic := self._topics.get(f"job:{message['group'].removeprefix('job.')}")) is not None:
                    topic.heard.set()
                if (arrived := self._probes.get(message["id"])) is not None:
                    arrived.set()
            case "job.events":
                self._hear_events(message)
            case "job.changed" | "job.deleted":
                topic = self._topics.get(f"job:{message['jobId']}")
                if topic and topic.feed:
                    self._reload_soon(topic)

    def _hear_events(self, message: dict[str, Any]) -> None:
        topic = self._topics.get(message["topic"])
        if topic is None:
            return
        topic.heard.set()
        position = Position.parse(message["position"])
        topic.wanted = max(topic.wanted, position)
        if topic.feed is None or position <= topic.feed.position:
            return
        events = json.loads(message["events"])
        texts = [message["events"][1:-1]] if len(events) == 1 else [encode(event) for event in events]
        entries = [
            Entry(Position(event["attempt"], event["seq"]), text)
            for event, text in zip(events, texts, strict=True)
            if event["jobId"] == topic.job_id
        ]
        if not self._apply(topic, entries):
            self._pull_soon(topic)

    def _apply(self, topic: Topic, entries: Iterable[Entry]) -> bool:
        """Take what follows and wake the readers. Returns False at a hole, or where something does not fit: the row knows."""
        feed = topic.feed
        assert feed is not None, "only a topic that is open is filled"
        before = feed.position
        whole = True
        for entry in entries:
            try:
                if feed.take(json.loads(entry.json), entry.json) is Verdict.GAP:
                    whole = False
                    break
            except (KeyError, TypeError, ValueError) as error:
                log.warning("event %s of job %s does not fit: %s", entry.position, topic.job_id, error)
                whole = False
                break
        if feed.position > before:
            topic.wake()
        return whole

    # Repair

    def _pull_soon(self, topic: Topic) -> None:
        if topic.pulling is None or topic.pulling.done():
            topic.pulling = asyncio.create_task(self._pull_once(topic))

    def _reload_soon(self, topic: Topic) -> None:
        asyncio.create_task(self._reload(topic)).add_done_callback(_report)

    async def _pull(self, topic: Topic) -> None:
        self._pull_soon(topic)
        if topic.pulling:
            await asyncio.shield(topic.pulling)

    async def _pull_once(self, topic: Topic) -> None:
        """Log, then row, then log, until both meet or there is nothing newer."""
        feed = topic.feed
        if feed is None:
            return
        try:
            for _ in range(2):
                entries = await self.in_thread(partial(_read_after, topic.job_id, feed.position))
                if entries is not None and self._apply(topic, entries) and feed.position >= topic.wanted:
                    return
                row = (await self.in_thread(lambda: self.source.load([topic.job_id]))).get(topic.job_id)
                if row is None:
                    self._gone(topic)
                    return
                if row.position > feed.position:
                    feed.replace(row)
                    topic.wake()
        except DatabaseError as error:
            log.warning("topic %s could not be brought up to date: %s", topic.name, error)

    async def _reload(self, topic: Topic) -> None:
        """Read the row again for what no event carries."""
        row = (await self.in_thread(lambda: self.source.load([topic.job_id]))).get(topic.job_id)
        if row is None:
            self._gone(topic)
        elif topic.feed is not None and row.edits != topic.feed.job.edits:
            topic.feed.edit(row)
            topic.wake()

    def _gone(self, topic: Topic) -> None:
        for reader in list(topic.readers):
            reader.gone(topic.name)
        topic.readers.clear()
        topic.idle_since = -1e9

    async def compare_once(self) -> None:
        """Compare all feeds with the logs and the rows, in two bulk calls: a lost nudge is late by one round, not for ever."""
        topics = [topic for topic in self._topics.values() if topic.feed is not None]
        if not topics:
            return
        before = {topic.name: topic.feed.position for topic in topics if topic.feed}
        ids = [topic.job_id for topic in topics]
        rows, last = await self.in_thread(lambda: (self.source.positions(ids), _last_positions(ids)))
        for topic, logged in zip(topics, last, strict=True):
            feed, was, row = topic.feed, before[topic.name], rows.get(topic.job_id)
            if feed is None:
                continue
            if row is None:
                self._gone(topic)
                continue
            position, edits = row
            topic.wanted = max(topic.wanted, position)
            if position.attempt < was.attempt or (was.seq == CLOSED and position < was):
                await self._rewind(topic)
            elif position > feed.position or (logged is not None and logged > feed.position):
                self._pull_soon(topic)
            elif edits != feed.job.edits:
                self._reload_soon(topic)

    async def _rewind(self, topic: Topic) -> None:
        """Follow a row that went back: the database was restored."""
        row = (await self.in_thread(lambda: self.source.load([topic.job_id]))).get(topic.job_id)
        if row is not None and topic.feed is not None and row.position < topic.feed.position:
            topic.feed.replace(row)
            topic.wanted = row.position
            topic.wake()

    # What runs beside it all

    async def _keep(self, loop: Callable[[], Any]) -> None:
        """Run a loop for ever; what breaks it is logged, and it begins again."""
        while True:
            try:
                await loop()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.warning("%s: beginning again after %s: %s", loop.__name__, type(error).__name__, error)
            await asyncio.sleep(1)

    async def _compare(self) -> None:
        while True:
            await asyncio.sleep(settings.position_check_seconds)
            await self.compare_once()

    async def _watch_redis(self) -> None:
        """Ask Redis every 2 s. While it is away the rows are read; when it is back everything is compared at once."""
        while True:
            await asyncio.sleep(REDIS_CHECK_SECONDS)
            was_degraded = self.degraded
            await self.in_thread(_ping)
            if not self.degraded:
                for topic in [topic for topic in self._topics.values() if not topic.joined and topic.feed is not None]:
                    topic.heard.clear()
                    await self._join(topic)
                    self._pull_soon(topic)
            if self.degraded or was_degraded:
                await self.compare_once()

    async def _sweep(self) -> None:
        """Once a second: what is due at each socket, and topics that nobody has read for a while."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1)
            now = loop.time()
            for socket in list(self.sockets):
                socket.tick(now)
            for topic in list(self._topics.values()):
                if topic.idle_since is not None and now - topic.idle_since > settings.feed_idle_seconds and not topic.opening:
                    await self._close(topic)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub_of_this_loop(source: Source) -> Hub:
    """Return the hub of the running event loop; the first call makes it, with `source`."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(source)
    return _hubs[loop]


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


def _ping() -> None:
    try:
        with breaker.guard():
            client().ping()
    except RedisUnavailable as error:
        log.debug("degraded: %s", error)


def _read_after(job_id: str, position: Position) -> list[Entry] | None:
    try:
        return event_log.read_after([(job_id, position)])[0]
    except RedisUnavailable:
        return None


def _last_positions(job_ids: list[str]) -> list[Position | None]:
    try:
        return event_log.last_positions(job_ids)
    except RedisUnavailable:
        return [None] * len(job_ids)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.warning("a topic could not be read again: %s", error)
