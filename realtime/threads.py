"""Blocking work, called from an event loop: the database, and Redis through the own client."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from django.db import close_old_connections

T = TypeVar("T")


class Threads:
    """A few threads, each with a database connection that is checked before and after. What is bound for log lines goes with the work."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="hub")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns."""

        def checked() -> T:
            close_old_connections()
            try:
                return work()
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, checked)
