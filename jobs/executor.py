"""One attempt from its claim to its end: resolve the handler, run it, classify how it ended, record that."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import BrokenExecutor
from concurrent.futures import Executor as ThreadPool
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from structlog.contextvars import bind_contextvars

from jobs import transitions
from jobs.blocking import current_job
from jobs.checkpoints import Checkpoints
from jobs.completions import Completions
from jobs.database import DatabaseThreads
from jobs.engines import engine
from jobs.errors import EngineLost, JobFailed, LeaseLost
from jobs.handlers.registry import Handler, find
from jobs.lifecycle import Reason
from jobs.models import Job
from jobs.outcomes import Completed, Failed, Outcome, classify, completed, describe, write_end
from jobs.patience import Patience
from jobs.recorder import Recorder
from jobs.run import BlockingJobRun, JobRun
from realtime import tracing
from realtime.publisher import Entry

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.2


class Executor:
    """Runs the attempts of one process."""

    def __init__(self, *, threads: ThreadPool, database: DatabaseThreads, wait_for_flush: Callable[[Recorder], None]) -> None:
        self._threads = threads
        self._database = database
        self._completions = Completions(database)
        self._wait_for_flush = wait_for_flush
        self.give_up_at = float("inf")
        """Monotonic time from which no end that could not be written is tried again."""

    async def execute(self, job: Job, recorder: Recorder, *, finish_publishing: Callable[[Recorder], Awaitable[list[Entry]]]) -> None:
        """Run the job's handler and record how it ended, with the events that `finish_publishing` says are left."""
        bind_contextvars(job_id=job.pk, attempt=job.attempt)  # this task is its alone
        handler = find(job.type)
        current_job.set(job.pk)
        outcome: Outcome
        if handler is None:
            outcome = Failed("unknown_type", f"This worker has no handler for type {job.type}.", Reason.ERROR, final=False)
        else:
            told = {"job.id": job.pk, "job.type": job.type, "job.attempt": job.attempt}
            with tracing.span("job.run", parent=job.trace_parent, attributes=told) as span:
                outcome = await self._run(handler, job, recorder)
                if span is not None:
                    span.set_attribute("job.outcome", describe(outcome))
        log.info("job %s attempt %s: %s", job.pk, job.attempt, describe(outcome))
        recorder.finish()
        flush = replace(recorder.flush(), unpublished=await finish_publishing(recorder))
        await self._record(job, flush, outcome)

    async def _run(self, handler: Handler, job: Job, recorder: Recorder) -> Outcome:
        deadline = time.monotonic() + job.timeout_seconds
        checkpoints = Checkpoints(job, recorder, database=self._database)
        parts = {"deadline": deadline, "checkpoints": checkpoints, "wait_for_flush": self._wait_for_flush}
        body = self._begin(handler, job, recorder, parts)
        overdue = await Patience(handler, job, recorder, deadline=deadline).wait_for(body)
        if overdue and not isinstance(recorder.ended, JobFailed):
            return overdue
        try:
            result = body.result() if body.done() else None
            recorder.check()
            return completed(result)
        except BaseException as error:
            return classify(error, recorder)

    def _begin(self, handler: Handler, job: Job, recorder: Recorder, parts: dict[str, Any]) -> "asyncio.Future[Any]":
        if handler.executor is not None:
            return asyncio.ensure_future(self._run_elsewhere(handler, job))
        if handler.is_async:
            task: asyncio.Task[Any] = asyncio.ensure_future(handler.function(JobRun(job, recorder, threads=self._threads, **parts)))
            return task
        return asyncio.get_running_loop().run_in_executor(
            self._threads, copy_context().run, _call, handler, BlockingJobRun(job, recorder, **parts)
        )

    async def _run_elsewhere(self, handler: Handler, job: Job) -> Any:
        """Run the function in another engine. It reports by itself; the recorder has nothing new to write, and renews the lease."""
        loop = asyncio.get_running_loop()
        future = await loop.run_in_executor(self._threads, engine.submit, handler, job)
        try:
            return engine.result_of(await asyncio.wrap_future(future))
        except BrokenExecutor as error:
            engine.forget(str(handler.executor))
            raise EngineLost from error

    async def _record(self, job: Job, flush: transitions.Flush, outcome: Outcome) -> None:
        """Write the end to the row. While the database is away it is tried again: the work is done, and the fence decides if it counts."""
        while True:
            try:
                await self._write(job, flush, outcome)
                return
            except LeaseLost:
                log.info("fenced: job %s attempt %s is not ours any more", job.pk, job.attempt)
                return
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() > self.give_up_at:
                    log.error("the end of job %s could not be written, and this worker ends: %s", job.pk, error)
                    return
                log.warning("the end of job %s could not be written, trying again: %s", job.pk, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _write(self, job: Job, flush: transitions.Flush, outcome: Outcome) -> None:
        if isinstance(outcome, Completed):
            await self._completions.complete(flush, outcome.result)
        else:
            await self._database.run(partial(write_end, job, flush, outcome))


def _call(handler: Handler, run: BlockingJobRun) -> Any:
    """Call a plain handler in its thread; a connection that it opened ends with it."""
    try:
        return handler.function(run)
    finally:
        connections.close_all()
