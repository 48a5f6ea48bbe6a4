"""The client: creates, reads, commands and watches jobs of a server, over REST and one socket."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit

from jobs.client.connection import Connection, Ears, Link, Token
from jobs.client.errors import ConnectionEnded
from jobs.client.rest import Rest
from jobs.client.subscription import Door, Frame, Subscription
from jobs.events import Event
from jobs.lifecycle import TERMINAL


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is known of a watched job at one moment."""

    job: dict[str, Any] | None
    """As on the wire, folded up to its position; None before the first snapshot."""
    link: Link
    is_live: bool
    """Whether what happens to the job arrives here now; else `job` is as it was."""
    logs: list[Event]
    """The log events since the sight before."""
    status: Frame | None


class AsyncJobsClient:
    """Creates, reads, commands and watches jobs. One socket carries all that is watched; it is opened by the first `watch`.

    Use it as a context manager. `token` is a string, or a function (async or not) that returns a fresh one.
    """

    def __init__(self, url: str, *, token: Token, socket_url: str | None = None, device_id: str | None = None) -> None:
        self.url = url
        self._token = token
        self._rest = Rest(url)
        ears = Ears(on_link=self._tell_all, on_welcome=self._begin_all, on_frame=self._take, on_lost=self._suspend_all)
        self._connection = Connection(socket_url or socket_url_of(url), token=token, device_id=device_id, ears=ears)
        self._watches: dict[int, _Watch] = {}
        self._last_ref = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave; watches end with ConnectionEnded."""
        await self._connection.close()
        await self._rest.close()

    def cut(self) -> None:
        """Cut the connection, as a network does, to see that nothing is missing when it has come back."""
        self._connection.cut()

    # Over REST

    async def create(self, type: str, query: str = "", **fields: Any) -> dict[str, Any]:
        """Create a job and return it; `fields` are those of the body: `input`, `jobId`, `priority`, `runAt` …"""
        return await self._rest.create(await self._fresh_token(), {"type": type, "query": query, **fields})

    async def read(self, job_id: str) -> dict[str, Any]:
        """Return a job whole, fresh to its last event, however large its result is."""
        return await self._rest.request(await self._fresh_token(), "GET", f"/api/jobs/{quote(job_id, safe='')}")

    async def list(self, **filters: Any) -> AsyncIterator[dict[str, Any]]:
        """Go through the summaries of my jobs, newest first; `filters` are those of the API: `state`, `type`, `search` …"""
        async for summary in self._rest.list(await self._fresh_token(), filters):
            yield summary

    async def delete(self, job_id: str) -> None:
        """Delete a job that is in a terminal state."""
        await self._rest.request(await self._fresh_token(), "DELETE", f"/api/jobs/{quote(job_id, safe='')}")

    async def command(self, job_id: str, action: str, *, if_attempt: int | None = None) -> dict[str, Any]:
        """Do `cancel`, `pause`, `resume` or `retry` to a job and return it. With `if_attempt` only at that attempt."""
        body = {} if if_attempt is None else {"ifAttempt": if_attempt}
        path = f"/api/jobs/{quote(job_id, safe='')}/{quote(action, safe='')}"
        return await self._rest.request(await self._fresh_token(), "POST", path, body)

    async def _fresh_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        token = self._token()
        return await token if inspect.isawaitable(token) else token

    # Over the socket

    async def watch(self, job_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the job now and whenever it has changed, until it is in a terminal state; a slow reader gets the newest alone.

        Connections that are lost are made again, and nothing is missing then. Raises JobsError when there is no such job, and
        ConnectionEnded when the server wants to hear no more of this client.
        """
        position = None
        async for sight in self.observe(job_id):
            if sight.job is not None and (sight.job["position"] != position):
                position = sight.job["position"]
                yield sight.job

    async def observe(self, job_id: str) -> AsyncIterator[Sight]:
        """Yield what is known of a job, its connection and its worker, now and at each change, until it is in a terminal state."""
        watch = self._join(job_id)
        logged = 0
        try:
            while True:
                await watch.news.wait()
                watch.news.clear()
                subscription = watch.subscription
                if subscription.error is not None:
                    raise subscription.error
                if self._connection.link is Link.CLOSED:
                    raise ConnectionEnded(f"The connection is closed: {self._connection.reason}.")
                new = subscription.logged - logged
                logged = subscription.logged
                job = subscription.job
                yield Sight(
                    job=job,
                    link=self._connection.link,
                    is_live=subscription.is_live,
                    logs=list(subscription.logs)[-new:] if new else [],
                    status=subscription.status,
                )
                if job is not None and job["state"] in TERMINAL and subscription.is_live and not watch.news.is_set():
                    return
        finally:
            self._leave(watch)

    def _join(self, job_id: str) -> "_Watch":
        news = asyncio.Event()
        door = Door(
            send=self._connection.send,
            next_ref=self._next_ref,
            changed=news.set,
            call_later=asyncio.get_running_loop().call_later,
        )
        watch = self._watches[self._next_ref()] = _Watch(news, Subscription(job_id, door))
        self._connection.open()
        if self._connection.is_up:
            watch.subscription.begin()
        return watch

    def _leave(self, watch: "_Watch") -> None:
        self._watches = {key: other for key, other in self._watches.items() if other is not watch}
        if all(other.subscription.topic != watch.subscription.topic for other in self._watches.values()):
            watch.subscription.end()
        else:
            watch.subscription.suspend()

    def _next_ref(self) -> int:
        self._last_ref += 1
        return self._last_ref

    # What the connection hears

    def _tell_all(self) -> None:
        for watch in self._watches.values():
            watch.news.set()

    def _begin_all(self) -> None:
        for watch in self._watches.values():
            watch.subscription.begin()

    def _suspend_all(self) -> None:
        for watch in self._watches.values():
            watch.subscription.suspend()

    def _take(self, frame: Frame) -> None:
        for watch in list(self._watches.values()):
            subscription = watch.subscription
            if frame.get("topic") == subscription.topic or (frame["type"] == "error" and subscription.is_waiting_for(frame.get("ref"))):
                subscription.take(frame)


@dataclass(frozen=True, eq=False)
class _Watch:
    """Somebody who watches a job: what is known of it, and whether there is news."""

    news: asyncio.Event
    subscription: Subscription


def socket_url_of(url: str) -> str:
    """Return the address of the socket of the server at `url`."""
    parts = urlsplit(url)
    return urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, "/ws/", "", ""))
