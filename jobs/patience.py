"""How long a handler is waited for: to its end; when it is stopped or its time is over, a little longer; then it is left behind."""

import asyncio
import logging
import time
from typing import Any

from jobs.handlers.registry import Handler
from jobs.lifecycle import Reason
from jobs.models import Job
from jobs.outcomes import INTERRUPTED, Failed, stalled, timed_out
from jobs.recorder import Recorder

log = logging.getLogger(__name__)

STOP_NOTICE_SECONDS = 0.5
"""A handler that has not noticed its stop after this long is cancelled at its next `await`."""
LAST_SECONDS = 1.0
"""One that has not ended so long after that is left behind: whatever it does is not waited for, and nothing it writes is taken."""


class Patience:
    """Waits for the handler of one run."""

    def __init__(self, handler: Handler, job: Job, recorder: Recorder, *, deadline: float) -> None:
        self._handler, self._job, self._recorder = handler, job, recorder
        self._deadline = deadline
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = loop.create_future()
        recorder.when_ended(lambda: loop.call_soon_threadsafe(self._note_end))

    async def wait_for(self, body: "asyncio.Future[Any]") -> Failed | None:
        """Return when the handler has ended or is left behind; returns what its time being over means, if that is what ended it."""
        overdue: Failed | None = None
        try:
            while not body.done() and not self._ended.done() and (overdue := self._overdue()) is None:
                await asyncio.wait({body, self._ended}, timeout=self._left_seconds(), return_when=asyncio.FIRST_COMPLETED)
            if not body.done() and overdue is None:
                await asyncio.wait({body}, timeout=STOP_NOTICE_SECONDS)
        except asyncio.CancelledError:
            self._recorder.stop(INTERRUPTED)
        if not body.done():
            await self._give_up(body)
        return overdue

    def _note_end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    async def _give_up(self, body: "asyncio.Future[Any]") -> None:
        self._recorder.stop(Reason.TIMEOUT)  # unless it is stopped already
        body.cancel()
        await asyncio.wait({body}, timeout=LAST_SECONDS)
        if not body.done():
            log.error("the handler of job %s does not end when it is cancelled: it is left behind", self._job.pk)
            body.add_done_callback(lambda body: body.cancelled() or body.exception())
        elif not self._handler.is_async:
            log.error("the handler of job %s does not end: its thread is left behind", self._job.pk)

    def _overdue(self) -> Failed | None:
        now = time.monotonic()
        if now >= self._deadline:
            return timed_out(self._job)
        stall_seconds = self._handler.stall_seconds
        if stall_seconds is not None and now >= self._reported_at() + stall_seconds:
            return stalled(stall_seconds)
        return None

    def _reported_at(self) -> float:
        """Return when the handler last reported; whoever has to wait for the database is not the one who stalls."""
        return time.monotonic() if self._recorder.must_wait else self._recorder.reported_at

    def _left_seconds(self) -> float:
        """Return how long it may go on without a further report."""
        stall_seconds = self._handler.stall_seconds
        until = self._deadline if stall_seconds is None else min(self._deadline, self._reported_at() + stall_seconds)
        return max(0.0, until - time.monotonic())
