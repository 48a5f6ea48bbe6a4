"""The loop of one worker process: claim, run, and look after what others left."""

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from channels.layers import get_channel_layer
from django.db import Error as DatabaseError

from jobs import held, transitions
from jobs.conf import settings
from jobs.database import DatabaseThreads
from jobs.executor import Executor
from jobs.flusher import Flusher
from jobs.handler_threads import HandlerThreads
from jobs.metrics import metrics
from jobs.models import Job, Worker, from_ts
from jobs.outcomes import INTERRUPTED
from jobs.pruner import prune_once
from jobs.publishing import Publishing
from jobs.recorder import Recorder
from jobs.rescuer import rescue_once, suspects_wait
from jobs.transitions.announce import now_ts
from realtime.publisher import Entry
from realtime.topics import WORKERS_GROUP, worker_group

log = logging.getLogger(__name__)

PRUNE_SECONDS = 3600
PRUNE_WITHIN_SECONDS = 60
"""The first pruning is at a random moment within this time."""
GATHER_SECONDS = 0.02
"""The claims of a busy worker are so far apart: what comes meanwhile is claimed together, for a claim of one costs as much."""
GIVE_UP_SECONDS = 2.0
"""A worker that ends tries for so long to write to a database that is away."""


class JobWorker:
    """Runs up to `concurrency` jobs of `types` at once until it is asked to stop."""

    def __init__(
        self, *, types: Sequence[str], concurrency: int, suspects: bool | None = None, on_suspects: Callable[[], object] | None = None
    ) -> None:
        """`suspects` is as in `transitions.claim`; with True it ends when there is no such job. `on_suspects` is told that one waits."""
        self._concurrency = concurrency
        self._suspects, self._on_suspects = suspects, on_suspects
        now = from_ts(now_ts())
        name = f"{socket.gethostname()}:{os.getpid()}"
        self.row = Worker(name=name, types=list(types), concurrency=concurrency, version=settings.version, started_at=now, heartbeat_at=now)
        self._runs: dict[str, tuple[Recorder, asyncio.Task[None]]] = {}
        self._gathers_until = 0.0
        """Monotonic time before which no claim is worth its cost."""
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._database = DatabaseThreads(2, name="database")
        self._saving = DatabaseThreads(4, name="saving")
        self._flusher = Flusher(self.row, lambda: [recorder for recorder, _ in list(self._runs.values())])
        self._publishing = Publishing(ask_for_flush=self._flusher.ask)
        self._executor = Executor(threads=HandlerThreads(), database=self._saving, wait_for_flush=self._flusher.wait)

    def stop(self) -> None:
        """Claim no more, and end when the runs have ended or the grace is over; called again: end at once."""
        (self._hurry if self._stopping.is_set() else self._stopping).set()
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped."""
        await self._database.run(self.row.save)
        self._flusher.start()
        metrics().places.set(self._concurrency)
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._rescue()), asyncio.create_task(self._prune())]
        log.info("worker %s takes jobs of %s, %s at once", self.row.name, ", ".join(self.row.types), self._concurrency)
        try:
            while not self._stopping.is_set():
                await asyncio.sleep(self._gathers_until - time.monotonic())
                if self._stopping.is_set():
                    break
                if not await self.claim_once():
                    if self._suspects and not self._runs:
                        break
                    await self._wait_for(self._wake, settings.poll_seconds)
                    self._wake.clear()
        finally:
            for task in tasks:
                task.cancel()
            await self._shut_down()

    async def claim_once(self) -> bool:
        """Claim as many jobs as there are free places and start them. Returns whether it is worth asking again at once."""
        free = self._concurrency - len(self._runs)
        if free == 0:
            return False
        try:
            with metrics().claim_seconds.time():
                jobs = await self._database.run(
                    lambda: transitions.claim(self.row, types=self.row.types, limit=free, suspects=self._suspects)
                )
        except DatabaseError as error:
            log.warning("no jobs could be claimed, trying again: %s; see docs/troubleshooting.md#database-not-reached", error)
            return False
        # Who runs nothing, and left some behind, has nothing to wait for when its places are free again.
        self._gathers_until = time.monotonic() + (0 if len(jobs) == self._concurrency else GATHER_SECONDS)
        for job in jobs:
            self._start(job)
        return bool(jobs)

    def _start(self, job: Job) -> None:
        recorder = Recorder(job, on_news=self._publishing.schedule)
        task = asyncio.create_task(self._executor.execute(job, recorder, finish_publishing=self._finish_publishing))
        self._runs[job.pk] = recorder, task
        metrics().running.set(len(self._runs))
        held.hold(job, recorder)
        task.add_done_callback(lambda task: self._ended(job.pk, recorder, task))

    def _ended(self, job_id: str, recorder: Recorder, task: asyncio.Task[None]) -> None:
        if (known := self._runs.get(job_id)) and known[0] is recorder:
            del self._runs[job_id]
            metrics().running.set(len(self._runs))
        held.let_go(recorder)
        self._publishing.forget(recorder)
        if not task.cancelled() and (error := task.exception()):
            log.error("the run of job %s broke; the rescuer will find it", job_id, exc_info=error)
        self._wake.set()

    async def _finish_publishing(self, recorder: Recorder) -> list[Entry]:
        if (left := self._publishing.finish_at_once(recorder)) is not None:
            return left
        return await self._saving.run(lambda: self._publishing.finish(recorder))

    # What comes from outside

    async def _listen(self) -> None:
        """Hear that there is work, or that a job was stopped: faster than the next poll and the next flush, never needed."""
        layer: Any = get_channel_layer()
        channel: str | None = None  # one for good: those that are left behind would go on filling
        while True:
            try:
                channel = channel or await layer.new_channel("worker")
                await layer.group_add(WORKERS_GROUP, channel)
                await layer.group_add(worker_group(self.row.pk), channel)
                while True:
                    self._hear(await layer.receive(channel))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.info("no nudges for now, polling: %s", error)
                await asyncio.sleep(1)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("type") == "work.waiting":
            self._wake.set()
        elif message.get("type") == "job.stopped":
            recorder, _ = self._runs.get(str(message.get("jobId")), (None, None))
            if recorder and recorder.attempt == message.get("attempt"):
                recorder.stop(str(message.get("reason")))

    async def _rescue(self) -> None:
        while True:
            await asyncio.sleep(settings.rescue_seconds)
            try:
                await self._database.run(rescue_once)
                if self._suspects is False and self._on_suspects and await self._database.run(lambda: suspects_wait(self.row.types)):
                    self._on_suspects()
            except DatabaseError as error:
                log.warning("no orphans could be looked for, trying again: %s", error)

    async def _prune(self) -> None:
        """Delete what is old, once an hour; not at the very start, when all workers of a deployment begin at once."""
        await asyncio.sleep(random.uniform(0, PRUNE_WITHIN_SECONDS))  # noqa: S311
        while True:
            try:
                while await self._database.run(prune_once):
                    log.info("worker %s deleted a batch of old rows", self.row.name)
            except DatabaseError as error:
                log.warning("what is old could not be deleted, trying again in an hour: %s", error)
            await asyncio.sleep(PRUNE_SECONDS)

    # The end

    async def _shut_down(self) -> None:
        """Let the runs end within the grace; from half of it on they are stopped at their next checkpoint, at its end at once."""
        runs = [task for _, task in self._runs.values()]
        if runs:
            log.info("worker %s waits up to %g s for %s jobs", self.row.name, settings.shutdown_grace_seconds, len(runs))
            ended = asyncio.create_task(_all_ended(runs))
            for stop in (Recorder.stop_at_checkpoint, Recorder.stop):
                await self._wait_for_ends(ended, settings.shutdown_grace_seconds / 2)
                for recorder, _ in list(self._runs.values()):
                    stop(recorder, INTERRUPTED)
            self._executor.give_up_at = time.monotonic() + GIVE_UP_SECONDS
            await ended
        await asyncio.to_thread(self._flusher.end)
        await asyncio.to_thread(self._publishing.end)
        try:
            await self._database.run(lambda: Worker.objects.filter(pk=self.row.pk).update(stopped_at=from_ts(now_ts())))
        except DatabaseError as error:
            log.warning("that worker %s has ended could not be written: %s", self.row.name, error)
        for threads in (self._database, self._saving):
            await asyncio.to_thread(threads.end)

    async def _wait_for_ends(self, ended: "asyncio.Task[bool]", seconds: float) -> None:
        """Wait for the runs to end, for so long, and not when there is a hurry."""
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({ended, hurry}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()

    async def _wait_for(self, event: asyncio.Event, seconds: float) -> None:
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return


async def _all_ended(runs: Sequence[asyncio.Task[None]]) -> bool:
    """Return when all runs have ended, however they did."""
    await asyncio.gather(*runs, return_exceptions=True)
    return True
