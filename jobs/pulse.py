"""What a worker process tells its supervisor: that it lives, and who blocks it. Said by a thread, which a busy event loop does not stop."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

from jobs.blocking import blocking_job, remember_tasks

PULSE_SECONDS = 0.25
ORPHAN_SECONDS = 5
"""A process whose supervisor is dead has so long to put its jobs back."""


@dataclass(frozen=True)
class Alive:
    """The process works."""


@dataclass(frozen=True)
class Started:
    """The process is the worker with this id."""

    worker_id: str


@dataclass(frozen=True)
class Ended:
    """The worker has put back all that it ran: whatever happens to the process now, nothing is left in it."""


@dataclass(frozen=True)
class Blocked:
    """The event loop has not gone on for too long, because of this job if it is known."""

    job_id: str | None


@dataclass(frozen=True)
class SuspectsWait:
    """A job waits that has to run alone."""


@dataclass(frozen=True)
class Refused:
    """The process cannot start, and another one like it could not either."""

    why: str


Message = Alive | Started | Ended | Blocked | SuspectsWait | Refused


class Pulse:
    """The thread, and the connection to the supervisor."""

    def __init__(self, supervisor: Connection, supervisor_pid: int, *, blocked_seconds: float) -> None:
        self._supervisor = supervisor
        self._supervisor_pid = supervisor_pid
        self._blocked_seconds = blocked_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beats = 0
        self._stop: Callable[[], None] = lambda: None
        self._suspects_wait = False
        self._sending = threading.Lock()
        threading.Thread(target=self._watch, name="pulse", daemon=True).start()

    def watch(self, loop: asyncio.AbstractEventLoop, *, stop: Callable[[], None]) -> None:
        """Watch this loop, too; called in it. When the supervisor is dead, `stop` is called twice: the jobs go back at once."""
        remember_tasks(loop)
        self._loop, self._stop = loop, stop
        self._beat(loop)

    def suspects_wait(self) -> None:
        """Have the thread tell that a job waits that has to run alone."""
        self._suspects_wait = True

    def say(self, message: Message) -> None:
        """Send a message to the supervisor. It may block while the supervisor is frozen, if much has been said."""
        try:
            with self._sending:
                self._supervisor.send(message)
        except OSError:  # it is dead: the thread sees that by itself
            return

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beats += 1
        loop.call_later(PULSE_SECONDS, self._beat, loop)

    def _watch(self) -> None:
        beats, still_seconds, looked_at = 0, 0.0, time.monotonic()
        while os.getppid() == self._supervisor_pid:
            now = time.monotonic()
            # Who was frozen as a whole has not been blocked by a handler: no look counts for more than it took.
            still_seconds = still_seconds + min(now - looked_at, 2 * PULSE_SECONDS) if self._loop and beats == self._beats else 0.0
            beats, looked_at = self._beats, now
            if self._loop and still_seconds > self._blocked_seconds:
                self.say(Blocked(blocking_job(self._loop)))
            else:
                self.say(SuspectsWait() if self._suspects_wait else Alive())
                self._suspects_wait = False
            time.sleep(PULSE_SECONDS)
        if self._loop:
            for _ in range(2):
                self._loop.call_soon_threadsafe(self._stop)
        time.sleep(ORPHAN_SECONDS)
        os._exit(1)
