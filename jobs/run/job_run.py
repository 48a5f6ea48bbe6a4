"""What a handler may do: `JobRun`."""

import asyncio
import contextvars
import inspect
import time
from collections.abc import Callable
from concurrent.futures import Executor as ThreadPool
from functools import partial
from typing import Any

from jobs.checkpoints import Checkpoints
from jobs.errors import JobError
from jobs.models import Job
from jobs.recorder import Recorder

_YIELD_SECONDS = 0.005
_STOPPED_SECONDS = 0.01
"""A call of a run that has ended takes so long: whoever catches what it raises, and calls again, lets others go on and can be cancelled."""


class _Run:
    """What a run is, whether its calls wait or block."""

    def __init__(
        self, job: Job, recorder: Recorder, *, deadline: float, checkpoints: Checkpoints, wait_for_flush: Callable[[Recorder], Any]
    ) -> None:
        self.job_id: str = job.pk
        self.query: str = job.query
        self.input: dict[str, Any] = job.input
        self.attempt: int = job.attempt
        self.deadline: float = deadline
        """When this attempt's time is over, on `time.monotonic`'s clock."""
        self._recorder = recorder
        self._checkpoints = checkpoints
        self._wait_for_flush = wait_for_flush

    @property
    def stopping(self) -> bool:
        """Whether the run is to end: a handler that computes for long without a call asks now and then."""
        return self._recorder.stopping

    @property
    def checkpoint_data(self) -> Any:
        """What the job's last checkpoint saved, None before the first: go on from there."""
        return self._checkpoints.data


class JobRun(_Run):
    """One attempt of a job, as its `async def` handler sees it.

    Every call raises JobStopped once the job is cancelled or paused, the lease is lost, or the worker ends: let it pass through.
    """

    def __init__(self, job: Job, recorder: Recorder, *, threads: ThreadPool, **parts: Any) -> None:
        super().__init__(job, recorder, **parts)
        self._threads = threads
        self._yielded_at = time.monotonic()

    async def progress(self, percent: float | None = None, *, step: str | None = None, message: str | None = None) -> None:
        """Report percent done (0-100, never falls inside an attempt), the step, a message; each is optional."""
        await self._report(self._recorder.progress, percent, step, message)

    async def write(self, text: str) -> None:
        """Append to the text that viewers see streaming. Waits while the database is far behind."""
        await self._report(self._recorder.write, text)

    async def log(self, message: str, *, level: str = "info") -> None:
        """Add a line (`debug`, `info`, `warning`, `error`) to the activity panel."""
        await self._report(self._recorder.log, message, level)

    async def checkpoint(self, data: Any) -> None:
        """Save the text so far with `data`, for which JSON is enough: a later attempt goes on from exactly here.

        A worker that ends stops the run here, when it is saved.
        """
        self._recorder.check()
        await asyncio.wrap_future(self._checkpoints.save(data))

    async def once(self, key: str, function: Callable[..., Any], *args: Any) -> Any:
        """Return what `function(*args)` returns, and the same without calling it again in every later attempt.

        The function may be plain, then it runs in a thread, or `async def`; its answer is something that JSON can hold.
        """
        if not self._checkpoints.has_answer(key):
            self._recorder.check()
            if inspect.iscoroutinefunction(function):
                answer = await function(*args)
            else:
                call = partial(contextvars.copy_context().run, function, *args)
                answer = await asyncio.get_running_loop().run_in_executor(self._threads, call)
                if inspect.isawaitable(answer):
                    answer = await answer
            await asyncio.wrap_future(self._checkpoints.save_answer(key, answer))
        return self._checkpoints.answer(key)

    async def _report(self, report: Callable[..., None], *what: Any) -> None:
        try:
            report(*what)
        except JobError:
            await asyncio.sleep(_STOPPED_SECONDS)
            raise
        await self._give_way()

    async def _give_way(self) -> None:
        """Let the other runs of this process go on, and wait while too much is unflushed."""
        now = time.monotonic()
        if now - self._yielded_at > _YIELD_SECONDS:
            await asyncio.sleep(0)
            self._yielded_at = time.monotonic()
        while self._recorder.must_wait:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._wait_for_flush, self._recorder)


class BlockingJobRun(_Run):
    """One attempt of a job, as its plain `def` handler sees it: the names of JobRun, blocking."""

    def progress(self, percent: float | None = None, *, step: str | None = None, message: str | None = None) -> None:
        """Report percent done (0-100, never falls inside an attempt), the step, a message; each is optional."""
        self._report(self._recorder.progress, percent, step, message)

    def write(self, text: str) -> None:
        """Append to the text that viewers see streaming. Waits while the database is far behind."""
        self._report(self._recorder.write, text)

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line (`debug`, `info`, `warning`, `error`) to the activity panel."""
        self._report(self._recorder.log, message, level)

    def checkpoint(self, data: Any) -> None:
        """Save the text so far with `data`, for which JSON is enough: a later attempt goes on from exactly here."""
        self._recorder.check()
        self._checkpoints.save(data).result()

    def once(self, key: str, function: Callable[..., Any], *args: Any) -> Any:
        """Return what `function(*args)` returns, and the same without calling it again in every later attempt."""
        checkpoints = self._checkpoints
        if not checkpoints.has_answer(key):
            self._recorder.check()
            checkpoints.save_answer(key, function(*args)).result()
        return checkpoints.answer(key)

    def _report(self, report: Callable[..., None], *what: Any) -> None:
        try:
            report(*what)
        except JobError:
            time.sleep(_STOPPED_SECONDS)
            raise
        self._wait()

    def _wait(self) -> None:
        while self._recorder.must_wait:
            self._wait_for_flush(self._recorder)
