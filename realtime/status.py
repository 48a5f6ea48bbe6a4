"""How the worker of a watched job is: frames without a position, sent when they change, at most every two seconds."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import Error as DatabaseError

from realtime.conf import settings
from realtime.job_watch import JobWatch
from realtime.position import CLOSED
from realtime.protocol import Frame, encode
from realtime.source import Source
from realtime.threads import Threads

log = logging.getLogger(__name__)

QUIET_FROM_SECONDS = 3
"""A job that gives signs more often is not quiet: readers of a stream need no count of seconds."""
NO_WORKER = {"worker": "none", "queuePosition": None, "eta": None}
FIRST_LOOK_SECONDS = 0.05
"""So long those who come at the same time are waited for."""


class StatusBoard:
    """Looks at the workers behind all watched jobs of the process in one read, and tells their readers what has changed."""

    def __init__(self, source: Source, threads: Threads) -> None:
        self._source = source
        self._threads = threads
        self._asked = asyncio.Event()

    def ask(self, watch: JobWatch) -> None:
        """Have the status of a newly watched job found out soon."""
        if watch.feed.status is None:
            self._asked.set()

    async def keep_telling(self, watched: Callable[[], list[JobWatch]]) -> None:
        """Look every two seconds, for ever; at jobs that nobody has looked at yet, at once."""
        loop = asyncio.get_running_loop()
        due = loop.time() + settings.status_seconds
        while True:
            try:
                async with asyncio.timeout_at(due):
                    await self._asked.wait()
                    await asyncio.sleep(FIRST_LOOK_SECONDS)
            except TimeoutError:
                due = loop.time() + settings.status_seconds
                watches = watched()
            else:
                watches = [watch for watch in watched() if watch.feed.status is None]
            self._asked.clear()
            try:
                await self.look(watches)
            except DatabaseError as error:
                log.warning("the workers could not be looked at: %s", error)

    async def look(self, watches: Iterable[JobWatch]) -> None:
        """Find out how the workers of these jobs are, and tell it where it is news."""
        watches = [watch for watch in watches if watch.is_open]
        ids = [watch.job_id for watch in watches if watch.feed.position.seq != CLOSED]
        statuses = await self._threads.run(lambda: self._source.statuses(ids)) if ids else {}
        for watch in watches:
            status = encode(_frame(watch, statuses.get(watch.job_id, NO_WORKER)))
            if watch.feed.status is None or status != watch.feed.status.text:
                watch.feed.status = Frame(status)
                watch.wake()


def _frame(watch: JobWatch, status: dict[str, Any]) -> dict[str, Any]:
    quiet = usual = None
    if status["worker"] != "none" and watch.feed.position.seq != CLOSED:
        signs = watch.feed.job.signs
        if signs.last_ts is not None:
            passed = max(0, int(time.time() - signs.last_ts / 1000))
            quiet = passed if passed >= QUIET_FROM_SECONDS else 0
        usual = signs.usual_seconds
    order = {"worker": status["worker"], "quietSeconds": quiet, "usualSeconds": usual}
    return {"type": "status", "topic": watch.name, **order, "queuePosition": status["queuePosition"], "eta": status["eta"]}
