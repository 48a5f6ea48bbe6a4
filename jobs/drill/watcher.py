"""Somebody who watches a drill job as any program would: over the client, with a connection that can be cut."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from jobs.client import AsyncJobsClient, ClientError, Sight
from jobs.client.connection import Token
from jobs.lifecycle import TERMINAL, State
from realtime.position import ORIGIN, Position


class NotRecovered(Exception):
    """A watcher has not come to see what it should."""


class Watcher:
    """Watches one job to its end."""

    def __init__(self, url: str, job_id: str, *, token: Token) -> None:
        self.url = url
        self._client = AsyncJobsClient(url, token=token, device_id="drill")
        self._job_id = job_id
        self._news = asyncio.Event()
        self._sight: Sight | None = None
        self._ended: ClientError | bool = False
        self.began_at: dict[int, float] = {}
        """When this watcher saw each attempt begin to run, on the monotonic clock."""
        self.last_seen_at: dict[int, float] = {}
        """When it last heard of each attempt."""
        self._task = asyncio.create_task(self._watch())

    @property
    def job(self) -> dict[str, Any]:
        """The job as this watcher has it; empty at first."""
        return (self._sight.job if self._sight else None) or {}

    @property
    def text(self) -> str:
        """The text as this watcher has it."""
        return str(self.job.get("streamingText", ""))

    @property
    def position(self) -> Position:
        """How far this watcher has come."""
        return Position.parse(self.job["position"]) if self.job else ORIGIN

    @property
    def is_live(self) -> bool:
        """Whether it would hear now of what happens."""
        return self._sight is not None and self._sight.is_live

    @property
    def has_seen_the_end(self) -> bool:
        """Whether the job is over for this watcher."""
        return self.job.get("state") in TERMINAL

    def cut(self) -> None:
        """Cut its connection, as a network does."""
        self._client.cut()

    async def until(self, condition: Callable[["Watcher"], bool]) -> None:
        """Wait until it sees what it should. Raises NotRecovered when it has left without that."""
        while not condition(self):
            if self._ended:
                raise NotRecovered(f"{self.url} ended the watch: {self._ended}")
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """Leave."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.close()

    async def _watch(self) -> None:
        try:
            async for sight in self._client.observe(self._job_id):
                self._sight = sight
                if sight.job is not None:
                    self._note(sight.job["attempt"], sight.job["state"])
                self._news.set()
            self._ended = True
        except ClientError as error:
            self._ended = error
        self._news.set()

    def _note(self, attempt: int, state: str) -> None:
        self.last_seen_at[attempt] = time.monotonic()
        if state != State.CREATED:
            self.began_at.setdefault(attempt, time.monotonic())
