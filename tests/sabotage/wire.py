"""What keeps whoever watches up to date."""

import json
from typing import Any

from tests.sabotage.mechanisms import mechanism, put


@mechanism
def contiguity() -> None:
    """Feeds take any later event, whatever is missing before it."""
    put("realtime.feed", _goes_on=lambda position, held: True)


@mechanism
def comparison() -> None:
    """Nobody compares feeds with log and row, and nobody proves that what is published arrives."""
    from realtime.job_watch import JobWatch
    from realtime.listener import Listener

    async def never(self: Listener) -> None:
        """Prove nothing."""

    put(JobWatch, compare=lambda self, row, logged, was: None)
    put(Listener, probe_once=never)


@mechanism
def row() -> None:
    """Where the log has a hole, the row is not read."""
    from realtime.job_watch import JobWatch

    put(JobWatch, follow=lambda self, row: None)


@mechanism
def recovery() -> None:
    """Who comes back gets the last events that it had once more."""
    from realtime.cursor import Cursor
    from realtime.position import CLOSED, Position

    class FromBefore(Cursor):
        """A reader that is put back by three events."""

        def __init__(self, feed: Any, position: Any) -> None:
            if position is not None and 3 < position.seq < CLOSED:
                position = Position(position.attempt, position.seq - 3)
            super().__init__(feed, position)

    put("realtime.subscriptions", Cursor=FromBefore)


@mechanism
def fit() -> None:
    """A feed folds what does not fit, too."""
    from jobs import events

    fold = events.FoldedJob.fold

    def fold_all(self: events.FoldedJob, event: Any) -> None:
        if event["type"] == "text":
            event = {**event, "data": {**event["data"], "offset": self.text_length}}
        fold(self, event)

    put(events.FoldedJob, fold=fold_all)


@mechanism
def numbering() -> None:
    """An event has the number that comes next in the log, not the one that its run gave it."""
    from realtime import event_log
    from realtime.event_log import Append
    from realtime.position import CLOSED, Entry, Position

    append = event_log.append

    def renumbered(item: Append) -> Append:
        first = item.entries[0].position
        last = event_log.last_positions([item.job_id])[0] or Position(first.attempt, 1)
        if last.attempt != first.attempt or first.seq < 2 or item.entries[-1].position.seq == CLOSED:
            return item
        entries = []
        for seq, entry in enumerate(item.entries, last.seq + 1):
            entries.append(Entry(Position(last.attempt, seq), json.dumps({**json.loads(entry.json), "seq": seq})))
        return Append(item.job_id, entries)

    put(event_log, append=lambda appends, **options: append([renumbered(item) for item in appends], **options))


@mechanism
def nudges() -> None:
    """Nobody is told of anything that he would find out by himself."""
    from realtime.publisher import publish

    def publish_only(appends: Any, *, still_true: Any, nudges: Any = ()) -> Any:
        return publish(appends, still_true=still_true)

    put("realtime.publisher", nudge=lambda group, message: None, publish=publish_only)


@mechanism
def own_connections() -> None:
    """All threads share one connection to Redis, and whoever reads first has the answer."""
    import redis

    get = redis.ConnectionPool.get_connection
    shared: list[Any] = []

    def get_shared(self: redis.ConnectionPool, *arguments: Any, **options: Any) -> Any:
        if not shared:
            shared.append(get(self, *arguments, **options))
        return shared[0]

    put(redis.ConnectionPool, get_connection=get_shared, release=lambda self, connection: None)


@mechanism
def drain() -> None:
    """A server that ends sends all its readers away at the same moment."""
    import asyncio

    from jobs.source import JobSource
    from omnibrowser import health
    from realtime.hub import hub_of_this_loop

    async def all_at_once(grace_seconds: float) -> None:
        health.begin_drain()
        await hub_of_this_loop(JobSource()).drain(0)
        await asyncio.sleep(grace_seconds / 2)

    put("omnibrowser.drain", drain=all_at_once)


@mechanism
def pings() -> None:
    """A server never asks whether a reader is still there."""
    import uvicorn

    make = uvicorn.Config.__init__

    def make_silent(self: uvicorn.Config, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **{**options, "ws_ping_interval": None})

    put(uvicorn.Config, __init__=make_silent)


@mechanism
def error_mapping() -> None:
    """A database that does not do what it is asked is a bug of ours."""

    class NoSuchError(Exception):
        """Is never raised."""

    for module in ("jobs.api.problems", "omnibrowser.errors"):
        put(module, OperationalError=NoSuchError, InterfaceError=NoSuchError)
