"""The client for programs without an event loop: scripts, notebooks, other frameworks."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from jobs.client.client import AsyncJobsClient

T = TypeVar("T")


class JobsClient:
    """What AsyncJobsClient does, blocking. A thread of its own has the loop, so it works inside of other loops too.

    Use it as a context manager, from one thread at a time. `token` is a string, or a function that returns a fresh one.
    """

    def __init__(self, url: str, *, token: str | Callable[[], str], socket_url: str | None = None, device_id: str | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="jobs client", daemon=True)
        self._thread.start()

        async def make() -> AsyncJobsClient:
            return AsyncJobsClient(url, token=token, socket_url=socket_url, device_id=device_id)

        self._client = self._await(make())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave; again is harmless."""
        if self._thread.is_alive():
            self._await(self._client.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def create(self, type: str, query: str = "", **fields: Any) -> dict[str, Any]:
        """Create a job and return it; `fields` are those of the body: `input`, `jobId`, `priority`, `runAt` …"""
        return self._await(self._client.create(type, query, **fields))

    def read(self, job_id: str) -> dict[str, Any]:
        """Return a job whole, fresh to its last event, however large its result is."""
        return self._await(self._client.read(job_id))

    def list(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Go through the summaries of my jobs, newest first; `filters` are those of the API: `state`, `type`, `search` …"""
        return self._each(self._client.list(**filters))

    def delete(self, job_id: str) -> None:
        """Delete a job that is in a terminal state."""
        self._await(self._client.delete(job_id))

    def command(self, job_id: str, action: str, *, if_attempt: int | None = None) -> dict[str, Any]:
        """Do `cancel`, `pause`, `resume` or `retry` to a job and return it. With `if_attempt` only at that attempt."""
        return self._await(self._client.command(job_id, action, if_attempt=if_attempt))

    def watch(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Yield the job now and whenever it has changed, until it is in a terminal state; a slow reader gets the newest alone.

        Raises JobsError when there is no such job, and ConnectionEnded when the server wants to hear no more of this client.
        """
        return self._each(self._client.watch(job_id))

    def wait(self, job_id: str) -> dict[str, Any]:
        """Return the job once it is in a terminal state, whole. Raises what `watch` raises."""
        for _ in self.watch(job_id):
            pass
        return self.read(job_id)

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        async def following() -> T:
            return await anext(items)

        try:
            while True:
                try:
                    item = self._await(following())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._await(_closed(items))

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        doing = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return doing.result()
        except BaseException:
            doing.cancel()  # an interrupted wait leaves nothing running
            raise


async def _closed(items: Any) -> None:
    await items.aclose()
