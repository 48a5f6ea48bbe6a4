"""A job that is watched in this process: its feed, filled from nudges, and from the log and the row where those leave a hole."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db import Error as DatabaseError

from realtime import event_log, tracing
from realtime.conf import settings
from realtime.errors import RedisUnavailable
from realtime.feed import Feed
from realtime.metrics import metrics
from realtime.position import CLOSED, ORIGIN, Entry, Position, Verdict, is_event
from realtime.source import Source
from realtime.threads import Threads
from realtime.topics import job_group, job_topic
from realtime.watch import Watch

log = logging.getLogger(__name__)

Event = dict[str, Any]

_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # public, and forgotten by the stubs
_BETWEEN = re.compile(r"[\s,]*")


class JobWatch(Watch):
    """Keeps one feed true. Everything that asks the database or Redis runs in threads."""

    feed: Feed

    def __init__(self, job_id: str, *, source: Source, threads: Threads) -> None:
        super().__init__(job_topic(job_id), job_group(job_id))
        self.job_id = job_id
        self._source = source
        self._threads = threads
        self._wanted = ORIGIN
        """The highest position that was heard of."""
        self._pulling: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._is_edited = False

    async def open(self) -> bool:
        """Read the row, then the log: what happens meanwhile is in the log or arrives as a nudge, for the group is joined."""
        found = await self._threads.run(self._read_whole)
        if found is None:
            return False
        job, entries = found
        self.feed = Feed(self.name, job, ring_length=settings.event_log_length)
        self.feed.remember(entries)
        self.is_open = True
        whole = self._apply([(json.loads(entry.json), entry.json) for entry in entries])
        if not whole or self._wanted > self.feed.position:
            await self._pull()
        return self.is_open

    def _read_whole(self) -> tuple[Any, list[Entry]] | None:
        job = self._load("opened")
        if job is None:
            return None
        return job, _read_after(self.job_id, ORIGIN) or []

    def _load(self, why: str) -> Any:
        """Read the row, in a thread; None when it is not there."""
        metrics().rows_read[why].inc()
        return self._source.load([self.job_id]).get(self.job_id)

    # News

    def hear_events(self, message: dict[str, Any]) -> int | None:
        """Take a nudge, which carries the news; where it leaves a hole, the log has what is missing.

        Returns the time of its first event when there are readers to whom it is news.
        """
        events = _split(message["events"])
        first, last = events[0][0], events[-1][0]
        before = self.feed.position if self.is_open else ORIGIN
        whole = self.is_open and self._apply(events)
        if not whole or self.feed.position is before:
            self._wanted = max(self._wanted, Position(last["attempt"], last["seq"]))
            if not self.is_open or self._wanted <= self.feed.position:
                return None
            self.pull_soon()
        if tracing.is_on():
            self._trace(before, [event for event, _ in events])
        return int(first["ts"]) if self.readers else None

    def hear_change(self) -> None:
        """The job was changed in what no event carries, or it was deleted: the row knows."""
        if self.is_open:
            self._reload_soon()

    def _apply(self, events: Iterable[tuple[Event, str]]) -> bool:
        """Take what follows and wake the readers. Returns False at a hole, or where something does not fit: the row knows."""
        feed, before, whole = self.feed, self.feed.position, True
        for event, text in events:
            try:
                if event["jobId"] != self.job_id or feed.take(event, text) is Verdict.GAP:
                    whole = False
                    break
            except (KeyError, TypeError, ValueError) as error:
                log.warning("event %s-%s of job %s does not fit: %s", event["attempt"], event["seq"], self.job_id, error)
                whole = False
                break
        if feed.position > before:
            self.wake()
            if feed.position.attempt > before.attempt:
                self._reload_soon()  # a new attempt comes with counts that no event carries
        return whole

    def _trace(self, before: Position, events: Iterable[Event]) -> None:
        """Record the changes of state that have just reached the readers."""
        for event in events:
            position = Position(event["attempt"], event["seq"])
            if self.readers and event["type"] == "state" and before < position <= self.feed.position:
                told = {
                    "job.id": self.job_id,
                    "job.position": str(position),
                    "job.state": event["data"]["state"],
                    "readers": len(self.readers),
                }
                parent = self.feed.job.trace_parent
                deliver = partial(tracing.record, "job.deliver", parent=parent, begun_ts=event["ts"], attributes=told)
                asyncio.get_running_loop().call_soon(deliver)

    # Repair

    async def catch_up(self, position: Position) -> None:
        """Read log and row once more if the feed is below `position`, which a reader claims to have."""
        if self.feed.position < position:
            self.pull_soon()
            if self._pulling:
                await asyncio.shield(self._pulling)

    def pull_soon(self) -> None:
        """Look into log and row for what is missing."""
        if self.is_open and (self._pulling is None or self._pulling.done()):
            self._pulling = asyncio.create_task(self._pull())

    async def _pull(self) -> None:
        """Log, then row, and again until both meet or there is nothing newer."""
        feed = self.feed
        try:
            while True:
                before, wanted = feed.position, self._wanted
                entries = await self._threads.run(partial(_read_after, self.job_id, before))
                whole = entries is not None and self._apply([(json.loads(entry.json), entry.json) for entry in entries])
                if entries and feed.position > before:
                    metrics().gaps["log"].inc()
                    if self.readers:
                        note_delivery(json.loads(entries[0].json)["ts"])
                if whole and feed.position >= self._wanted:
                    return
                row = await self._threads.run(partial(self._load, "repaired"))
                if row is None:
                    self.gone()
                    return
                if row.position > feed.position:
                    metrics().gaps["row"].inc()
                self.follow(row)
                if (feed.position, self._wanted) == (before, wanted):
                    return
        except DatabaseError as error:
            log.warning("%s could not be brought up to date: %s", self.name, error)

    def follow(self, row: Any) -> None:
        """Go on from a row that is ahead of the feed."""
        if row.position > self.feed.position:
            self.feed.replace(row)
            self.wake()

    def compare(self, row: tuple[Position, int] | None, logged: Position | None, was: Position) -> None:
        """Compare the feed, which was at `was` before row and log were read, with what they say."""
        if row is None:
            self.gone()
            return
        position, edits = row
        if position.attempt < was.attempt or (was.seq == CLOSED and position < was):
            self._reload_soon()  # a restored database: the feed follows the row back
            return
        self._wanted = max(self._wanted, position)
        if position > self.feed.position or (logged is not None and logged > self.feed.position):
            self.pull_soon()
        if edits != self.feed.job.edits:
            self._reload_soon()

    def _reload_soon(self) -> None:
        self._is_edited = True
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload())

    async def _reload(self) -> None:
        """Read the row again for what no event carries, and for whether it is still there."""
        try:
            while self._is_edited:
                self._is_edited = False
                was = self.feed.position
                row = await self._threads.run(partial(self._load, "changed"))
                if row is None:
                    self.gone()
                    return
                self._take_row(row, was)
        except DatabaseError as error:
            log.warning("%s could not be read again: %s", self.name, error)

    def _take_row(self, row: Any, was: Position) -> None:
        feed = self.feed
        if row.position.attempt < was.attempt or (was.seq == CLOSED and row.position < was):
            feed.replace(row)
            self._wanted = row.position
            self.wake()
        elif row.edits != feed.job.edits:
            feed.edit(row)
            self.wake()
        else:
            feed.refresh(row)

    def gone(self) -> None:
        """The job was deleted: tell the readers."""
        readers, self.readers = self.readers, set()
        for reader in readers:
            reader.gone(self.name)
        self.is_open = False
        self.idle_since = float("-inf")
        self._wanted = ORIGIN  # who has the id next begins at the beginning


def note_delivery(ts: int) -> None:
    """Note how old an event is when those who are ready for it have been sent it: the sockets' turn was asked for before this."""
    asyncio.get_running_loop().call_soon(_observe, ts)


def _observe(ts: int) -> None:
    metrics().delivery_seconds.observe(max(0.0, time.time() - ts / 1000))


def _read_after(job_id: str, position: Position) -> list[Entry] | None:
    try:
        return event_log.read_after([(job_id, position)])[0]
    except RedisUnavailable:
        return None


def _split(events: str) -> list[tuple[Event, str]]:
    """Return the events of a JSON list, each with its text to the letter. Raises ValueError for what is no list of events."""
    found, at, end = [], 1, len(events) - 1
    if events[:1] != "[" or events[-1:] != "]":
        raise ValueError("a nudge carries no list")
    try:
        while at < end:
            event, after = _scan(events, at)
            if not is_event(event):
                raise ValueError("a nudge carries what is no event")
            found.append((event, events[at:after]))
            at = after if after == end else _after_comma(events, after)
    except StopIteration:
        raise ValueError("a nudge carries what is no JSON") from None
    if not found:
        raise ValueError("a nudge carries nothing")
    return found


def _after_comma(events: str, at: int) -> int:
    match = _BETWEEN.match(events, at)
    return match.end() if match else at
