"""The watched topics of this process: opens them, hands them what is heard, compares them, and forgets those that nobody reads."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextvars import Context
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from realtime import event_log, redis_client
from realtime.auth import ended_sign_ins
from realtime.conf import settings
from realtime.errors import RedisUnavailable
from realtime.gauges import measure
from realtime.job_watch import JobWatch, note_delivery
from realtime.limits import Places
from realtime.list_watch import ListWatch
from realtime.listener import Listener
from realtime.metrics import metrics
from realtime.outbox import Turn
from realtime.position import Position
from realtime.protocol import RESTARTING
from realtime.redis_client import breaker
from realtime.source import Source
from realtime.status import StatusBoard
from realtime.threads import Threads
from realtime.topics import is_job_id, job_topic
from realtime.warm_sign_ins import WarmSignIns
from realtime.watch import Reader, Watch

log = logging.getLogger(__name__)
T = TypeVar("T")
W = TypeVar("W", bound=Watch)

THREADS = 8
REDIS_CHECK_SECONDS = 2.0
DRAIN_PAUSE_SECONDS = 0.02
ROWS_AT_ONCE = 50
"""Whole jobs that are read in one call while Redis is away."""


class Hub:
    """One per event loop. Frames move in the loop; everything that asks the database or Redis runs in threads."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.sockets: set[Any] = set()
        """All open sockets of this process; the sweeper asks each now and then."""
        self.guests = Places()
        """Of addresses: sockets that have shown no token yet."""
        self.places = Places()
        """Of users: sockets and streams. Counted, since a herd that comes back would else look through itself for each one of it."""
        self.is_draining = False
        """Whether this process is about to end: whoever comes now is sent on at once."""
        self.threads = Threads(THREADS)
        self.sign_ins = WarmSignIns(self.threads)
        self.turn = Turn()
        self.listener = Listener(self.threads, self._hear, self._compare_soon)
        self._watches: dict[str, Watch] = {}
        self._by_group: dict[str, Watch] = {}
        self._status = StatusBoard(source, self.threads)
        self._tasks: list[asyncio.Task[None]] = []
        self._comparing = asyncio.Event()

    @property
    def degraded(self) -> bool:
        """Whether Redis is away or what is published does not arrive here, so that updates come from the database every few seconds."""
        return breaker.is_open or self.listener.is_deaf

    def start(self) -> None:
        """Begin to listen, to compare and to sweep; again is harmless."""
        if not self._tasks:
            loops: list[Callable[[], Awaitable[None]]] = [
                *(self.listener.listen, self.listener.watch_itself, self._compare, self._watch_redis),
                *(self._sweep, self._check_sign_ins, self._tell_status),
            ]
            # Whose socket or request was the first is of no interest to what runs for all.
            self._tasks = [asyncio.create_task(_keep(loop), context=Context()) for loop in loops]

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread with a checked database connection."""
        return await self.threads.run(work)

    async def delivery_seconds(self) -> float:
        """Send a message to this hub through Redis and return how long it took. Raises RedisUnavailable when it does not arrive in time."""
        self.start()
        return await self.listener.delivery_seconds()

    async def drain(self, seconds: float) -> None:
        """Send all sockets away within `seconds`, one after another, so that they do not all come back at the same moment."""
        self.is_draining = True
        sockets = random.sample(list(self.sockets), len(self.sockets))
        pause = min(DRAIN_PAUSE_SECONDS, 0.8 * seconds / max(1, len(sockets)))
        leaving = []
        for socket in sockets:
            leaving.append(asyncio.create_task(socket.leave(RESTARTING)))  # one that does not read holds up no other
            await asyncio.sleep(pause)
        await asyncio.gather(*leaving)

    # Readers come and go

    async def may_watch(self, user: Any, job_id: str) -> bool:
        """Tell whether the user may see the job; what is watched here already may know it."""
        watch = self._watches.get(job_topic(job_id))
        if isinstance(watch, JobWatch) and watch.is_open and watch.feed.job.is_certainly_for(user):
            return True
        return await self.in_thread(lambda: self.source.may_watch(user, job_id))

    async def attach_job(self, job_id: str, reader: Reader) -> JobWatch | None:
        """Have `reader` woken by the job's news and return what is watched; None when there is no such job."""
        watch = await self._attach(JobWatch(job_id, source=self.source, threads=self.threads), reader)
        if watch is not None:
            self._status.ask(watch)
        return watch

    async def attach_list(self, owner_id: object | None, reader: Reader) -> ListWatch:
        """Have `reader` woken by the news of one user's jobs, or of all, and return what is watched."""
        watch = await self._attach(ListWatch(owner_id, source=self.source, threads=self.threads), reader)
        assert watch is not None, "a list is always there"
        await watch.open()  # whoever comes later begins with the jobs that are the newest then
        return watch

    async def _attach(self, candidate: W, reader: Reader) -> W | None:
        """Attach to the watch of this name that is there already, else to `candidate`; opened once, however many come at once."""
        self.start()
        watch = self._watches.setdefault(candidate.name, candidate)
        assert isinstance(watch, type(candidate)), "names of jobs and lists differ"
        self._by_group[watch.group] = watch
        watch.readers.add(reader)
        watch.idle_since = None
        found = watch.is_open
        try:
            if not found:
                if watch.opening is None:
                    watch.opening = asyncio.create_task(self._open(watch))
                found = await asyncio.shield(watch.opening) and watch.is_open  # it may have been deleted since
        finally:
            if not found:
                watch.detach(reader)
        return watch if found else None

    async def _open(self, watch: Watch) -> bool:
        """Join first, then read: what happens in between is not missed."""
        found = False
        try:
            watch.is_joined = await self.listener.join(watch.group)
            found = await watch.open()
        finally:
            watch.opening = None
            if not found:
                await self._forget(watch)
        return found

    async def _forget(self, watch: Watch) -> None:
        if self._drop(watch):
            await self.listener.leave(watch.group)

    def _drop(self, watch: Watch) -> bool:
        """Have whoever comes next open the topic anew. Returns whether it was there."""
        if self._watches.get(watch.name) is not watch:
            return False
        del self._watches[watch.name]
        del self._by_group[watch.group]
        return True

    # News

    def _hear(self, messages: list[dict[str, Any]]) -> None:
        first_ts = None
        for message in messages:
            try:
                ts = self._hear_one(message)
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
                log.warning("a message that is none of ours came through the channel layer: %s", error)
            else:
                first_ts = first_ts or ts
        if first_ts:  # of what is heard at once the first is enough: to note it costs as much as to hear it
            note_delivery(first_ts)

    def _hear_one(self, message: dict[str, Any]) -> int | None:
        """Hear a message; returns the time of the first event that readers get from it, None when there is none."""
        match message["type"]:
            case "job.events":
                watch = self._watches.get(message["topic"])
                if isinstance(watch, JobWatch):
                    self.listener.heard(watch.group)
                    return watch.hear_events(message)
            case "job.changed" | "job.deleted":
                watch = self._watches.get(f"job:{message['jobId']}")
                if isinstance(watch, JobWatch):
                    watch.hear_change()
            case "jobs.changed":
                watch = self._by_group.get(message["group"])
                if isinstance(watch, ListWatch):
                    watch.hear_jobs([job_id for job_id in message["jobs"] if is_job_id(job_id)])
        return None

    # Comparing

    def _open_jobs(self) -> list[JobWatch]:
        return [watch for watch in self._watches.values() if isinstance(watch, JobWatch) and watch.is_open]

    async def compare_once(self) -> None:
        """Compare all feeds with the logs and the rows, in two bulk calls: a lost nudge is late by one round, not for ever."""
        for watch in list(self._watches.values()):
            if isinstance(watch, ListWatch):
                watch.pull_soon()
        jobs = self._open_jobs()
        if not jobs:
            return
        before = [watch.feed.position for watch in jobs]
        ids = [watch.job_id for watch in jobs]
        rows, logged = await self.in_thread(lambda: (self.source.positions(ids), _last_positions(ids)))
        if self.degraded:
            await self._follow_rows([watch for watch in jobs if watch.job_id in rows and rows[watch.job_id][0] > watch.feed.position])
        for watch, last, was in zip(jobs, logged, before, strict=True):
            if watch.is_open:
                watch.compare(rows.get(watch.job_id), last, was)

    async def _follow_rows(self, behind: list[JobWatch]) -> None:
        """While there is no log: read the rows of many feeds at once."""
        for start in range(0, len(behind), ROWS_AT_ONCE):
            some = {watch.job_id: watch for watch in behind[start : start + ROWS_AT_ONCE]}
            metrics().rows_read["degraded"].inc(len(some))
            for job_id, row in (await self.in_thread(partial(self.source.load, list(some)))).items():
                if some[job_id].is_open:
                    some[job_id].follow(row)

    def _compare_soon(self) -> None:
        self._comparing.set()

    async def _compare(self) -> None:
        while True:
            try:
                async with asyncio.timeout(settings.position_check_seconds):
                    await self._comparing.wait()
            except TimeoutError:
                pass
            self._comparing.clear()
            await self.compare_once()

    async def _watch_redis(self) -> None:
        """Ask Redis every 2 s. While it is away the rows are read; when it is back everything is compared at once."""
        while True:
            await asyncio.sleep(REDIS_CHECK_SECONDS)
            was_degraded = self.degraded
            await self.in_thread(redis_client.check)
            if not breaker.is_open:
                for watch in [watch for watch in self._watches.values() if not watch.is_joined and watch.is_open]:
                    watch.is_joined = await self.listener.join(watch.group)
                    watch.pull_soon()
                    if not watch.is_joined:
                        break  # it fails for all: a thousand topics are not to be waited for one after another
            if self.degraded or was_degraded:
                self._compare_soon()

    # What runs beside it all

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(1)
            self.sweep_once(loop.time())
            measure(self.sockets, self._watches.values(), degraded=self.degraded, passed_seconds=loop.time() - began)

    def sweep_once(self, now: float) -> None:
        """Do what is due at each socket and list, and forget the topics that nobody has read for a while."""
        for socket in list(self.sockets):
            socket.tick(now)
        for watch in list(self._watches.values()):
            if isinstance(watch, ListWatch):
                watch.look_at_running()
            if watch.is_idle(now, settings.feed_idle_seconds):
                self._drop(watch)  # now: a reader that comes before the group is left must not find it
                leaving = asyncio.create_task(self.listener.leave(watch.group))
                leaving.add_done_callback(_report)

    async def _check_sign_ins(self) -> None:
        """Every few seconds: close the sockets whose user was deactivated or whose session has ended."""
        while True:
            await asyncio.sleep(settings.sign_in_check_seconds)
            identities = {socket.identity for socket in self.sockets if socket.identity is not None}
            ended = await self.in_thread(partial(ended_sign_ins, identities)) if identities else {}
            sockets = [(socket, socket.identity) for socket in self.sockets]  # with those who have come meanwhile
            self.sign_ins.keep_only({identity for _, identity in sockets} - ended.keys())
            for socket, identity in sockets:
                if identity in ended:
                    socket.end(ended[identity])

    async def _tell_status(self) -> None:
        await self._status.keep_telling(lambda: [watch for watch in self._open_jobs() if watch.readers])


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub_of_this_loop(source: Source) -> Hub:
    """Return the hub of the running event loop; the first call makes it, with `source`."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(source)
    return _hubs[loop]


async def _keep(loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop for ever; what breaks it is logged, and it begins again."""
    while True:
        try:
            await loop()
        except Exception as error:
            log.warning("%s: beginning again after %s: %s", getattr(loop, "__name__", loop), type(error).__name__, error)
        await asyncio.sleep(1)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.warning("a topic could not be left: %s", error)


def _last_positions(job_ids: list[str]) -> list[Position | None]:
    try:
        return event_log.last_positions(job_ids)
    except RedisUnavailable:
        return [None] * len(job_ids)
