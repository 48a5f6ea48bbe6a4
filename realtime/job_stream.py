"""One reader of a job over HTTP: server-sent events, written from the same feed as the sockets' frames."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from realtime.auth import Identity
from realtime.conf import settings
from realtime.hub import Hub
from realtime.job_watch import JobWatch
from realtime.metrics import frames_sent, metrics
from realtime.position import CLOSED, Position
from realtime.protocol import encode

TERMINAL = ("completed", "failed", "cancelled")

HEARTBEAT = ": heartbeat\n\n"


def is_terminal(event: dict[str, Any]) -> bool:
    """Tell whether nothing follows this event unless somebody retries the job."""
    return event["seq"] == CLOSED and event["data"].get("state") in TERMINAL


class JobStream:
    """Reads one watch. It counts as a socket: the hub ends it with its sign-in, at the drain, or when a send takes too long."""

    transport = "http"

    def __init__(self, hub: Hub, identity: Identity) -> None:
        self.identity: Identity | None = identity
        self._hub = hub
        self._watch: JobWatch | None = None
        self._position: Position | None = None
        self._revision = 0
        self._news = asyncio.Event()
        self._is_ending = False
        self._has_place = False
        self._began: float | None = None
        self._task: asyncio.Task[Any] | None = None
        self._loop = asyncio.get_running_loop()
        self._opened_at = self._loop.time()

    def take_place(self) -> bool:
        """Take one of the user's places, to be opened or closed at once. Returns whether there was one."""
        assert self.identity is not None, "a stream is signed in"
        self._has_place = self._hub.places.take(self.identity.user.pk, settings.sockets_per_user)
        return self._has_place

    async def open(self, job_id: str, after: Position | None) -> bool:
        """Attach to the job, to go on after a position or from a snapshot. Returns False when there is no such job."""
        self._hub.sockets.add(self)
        self._watch = await self._hub.attach_job(job_id, self)
        if self._watch is None:
            self._close()
            return False
        if after is not None and after > self._watch.feed.position:
            await self._watch.catch_up(after)
        feed = self._watch.feed
        self._position = after if after is not None and feed.reaches(after) else None
        self._revision = feed.revision
        return True

    @property
    def is_at_its_end(self) -> bool:
        """Whether the job is over and the reader has all of it."""
        return self._watch is not None and self._watch.feed.job.is_over and self._position == self._watch.feed.position

    def close(self) -> None:
        """Read nothing more. Django calls it from a thread."""
        self._loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._hub.sockets.discard(self)
        if self._has_place:
            assert self.identity is not None, "a stream is signed in"
            self._hub.places.give_back(self.identity.user.pk)
            self._has_place = False
        if self._watch:
            self._watch.detach(self)

    async def __aiter__(self) -> AsyncIterator[str]:
        """Give what is to be sent, until the job is over or the stream is ended."""
        self._task = asyncio.current_task()
        try:
            async for text in self._texts():
                self._began = self._loop.time()
                yield text
                self._began = None
        finally:
            self._close()

    async def _texts(self) -> AsyncIterator[str]:
        while not self._is_ending:
            text, is_last = self._next()
            if text is None:
                try:
                    async with asyncio.timeout(settings.heartbeat_seconds):
                        await self._news.wait()
                except TimeoutError:
                    text = HEARTBEAT
                self._news.clear()
            if text is not None:
                frames_sent.count += 1
                yield text
            if is_last:
                return

    def _next(self) -> tuple[str | None, bool]:
        """Return the next text, None when there is none, and whether it is the last."""
        assert self._watch is not None, "an open stream has a watch"
        feed = self._watch.feed
        if self._position is not None and self._revision == feed.revision:
            if self._position >= feed.position:
                return None, False
            following = feed.following(self._position)
            if following is not None:
                texts = []
                for held in following:
                    self._position, event = held.position, json.loads(held.text)
                    texts.append(_sent(event["type"], held.position, held.text))
                    if is_terminal(event):
                        return "".join(texts), True
                return "".join(texts), False
        why = "joined" if self._position is None else "changed" if self._revision != feed.revision else "behind"
        metrics().snapshots[why].inc()
        self._position, self._revision = feed.position, feed.revision
        data = encode({"position": str(feed.position), "job": feed.job.render()})
        return _sent("snapshot", feed.position, data), feed.job.is_over

    # A watch's reader, and what the hub asks of a socket

    def wake(self, name: str) -> None:
        """There may be something new."""
        self._news.set()

    def gone(self, name: str) -> None:
        """The job was deleted."""
        self.end(0)

    def tick(self, now: float) -> None:
        """Once a second: end a stream whose reader does not read, or has left before it began."""
        if self._task is None and now - self._opened_at > settings.send_limit_seconds:
            self._close()
        if self._began is not None and now - self._began > settings.send_limit_seconds and self._task:
            self._task.cancel()

    def end(self, code: int) -> None:
        """End the stream; the reader comes back, and is told then whether it may."""
        self._is_ending = True
        self._news.set()

    async def leave(self, code: int) -> None:
        """End the stream."""
        self.end(code)


def _sent(kind: str, position: Position, data: str) -> str:
    return f"event: {kind}\nid: {position}\ndata: {data}\n\n"
