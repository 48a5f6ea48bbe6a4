"""A list of jobs that is watched in this process: one user's, or all for staff; read from the rows when a nudge names jobs."""

import asyncio
import logging
from functools import partial

from django.db import Error as DatabaseError

from realtime.conf import settings
from realtime.job_list import JobList
from realtime.source import Source
from realtime.threads import Threads
from realtime.topics import ALL_JOBS, ALL_JOBS_GROUP, MY_JOBS, user_group
from realtime.watch import Watch

log = logging.getLogger(__name__)


class ListWatch(Watch):
    """Keeps one list true. However often a job changes, its summary is read and sent at most twice a second."""

    def __init__(self, owner_id: object | None, *, source: Source, threads: Threads) -> None:
        """Watch the jobs of one user, or of all with None."""
        topic, group = (ALL_JOBS, ALL_JOBS_GROUP) if owner_id is None else (MY_JOBS, user_group(owner_id))
        super().__init__(topic if owner_id is None else f"{topic} of {owner_id}", group)
        self.jobs = JobList(topic)
        self._owner_id = owner_id
        self._source = source
        self._threads = threads
        self._changed: set[str] = set()
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> bool:
        """Read the newest jobs, if something has changed since they were read."""
        if not self.is_open or not self.jobs.is_fresh:
            version = self.jobs.version
            newest = await self._threads.run(lambda: self._source.newest(self._owner_id, settings.list_length))
            self.jobs.begin(newest, version)
        self.is_open = True
        return True

    def hear_jobs(self, job_ids: list[str]) -> None:
        """Note that these jobs have changed."""
        self._changed.update(job_ids)
        if self._changed and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while self._changed:
                job_ids, self._changed = list(self._changed), set()
                found = await self._threads.run(partial(self._source.summaries, self._owner_id, job_ids))
                if self.jobs.change(found.values(), [job_id for job_id in job_ids if job_id not in found]):
                    self.wake()
                await asyncio.sleep(settings.list_seconds)
        except DatabaseError as error:
            log.warning("the list %s could not be read, it is looked at again with the next position check: %s", self.name, error)

    def pull_soon(self) -> None:
        """Look at all jobs that readers know, and for new ones."""
        if self.is_open:
            asyncio.create_task(self._compare())  # noqa: RUF006  what it finds out it says to the readers

    async def _compare(self) -> None:
        try:
            newest = await self._threads.run(lambda: self._source.newest(self._owner_id, settings.list_length))
        except DatabaseError as error:
            log.warning("the list %s could not be compared: %s", self.name, error)
            return
        if self.jobs.change(newest, []):
            self.wake()
        self.hear_jobs(list(set(self.jobs.known) - {job["jobId"] for job in newest}))

    def look_at_running(self) -> None:
        """Look at the jobs that run: workers write their progress to the rows and nudge nobody about it."""
        if self.is_open and self.readers:
            self.hear_jobs([job_id for job_id, summary in self.jobs.known.items() if summary["state"] == "running"])
