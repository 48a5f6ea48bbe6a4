"""Threads for database work: each call finds a connection that works, and no thread takes one with it when it ends."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection, connections

T = TypeVar("T")


class DatabaseThreads:
    """Up to `count` threads that do database work, for callers that must not block."""

    def __init__(self, count: int, *, name: str) -> None:
        self._count = count
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Begin the work in a thread; what is bound for log lines goes with it."""
        return self._threads.submit(copy_context().run, checked, work)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what the work returns."""
        return await asyncio.wrap_future(self.submit(work))

    def end(self) -> None:
        """End the threads when their work is done, and close their connections."""
        together = threading.Barrier(self._count)
        for _ in range(self._count):
            self._threads.submit(_close, together)
        self._threads.shutdown()


def checked(work: Callable[[], T]) -> T:
    """Do database work on a connection that is fit for it, and give it back: a lost one is closed, so that the next is new."""
    close_old_connections()
    try:
        return work()
    except DatabaseError:
        connection.close()
        raise
    finally:
        close_old_connections()


def _close(together: threading.Barrier) -> None:
    together.wait()  # each thread has to come here once
    connections.close_all()
