"""One process of a supervisor: a worker with its pulse, or the release of what a dead one ran."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError

from jobs import metrics_port, transitions
from jobs.child_processes import end_with
from jobs.conf import settings
from jobs.database import checked
from jobs.handlers import registry
from jobs.models import Job, Worker, from_ts
from jobs.pulse import Ended, Pulse, Refused, Started, SuspectsWait
from jobs.rescuer import BATCH, suspects_wait
from jobs.transitions.announce import now_ts
from jobs.worker import JobWorker
from realtime import tracing

log = logging.getLogger(__name__)

BLOCKED_LEASES = 3
"""A process whose event loop stands still for so many leases is killed."""
RELEASE_RETRY_SECONDS = 0.1
STOPS = (signal.SIGTERM, signal.SIGINT)
"""The signals that ask a process to end; its supervisor holds them back while it makes one."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What each worker of a supervisor does. No types: all that have a handler."""

    types: tuple[str, ...] = ()
    concurrency: int = 10


@dataclass(frozen=True, kw_only=True)
class Dead:
    """A worker whose process is dead."""

    worker_id: str
    ended_on_purpose: bool
    blocked_by: str | None = None


def work(supervisor: Connection, supervisor_pid: int, what: Work, *, alone: bool = False) -> NoReturn:
    """Be a worker until stopped. `alone`: take nothing but jobs that have to run alone, one by one, and end when there is none."""
    stops = Stops()
    end_with(supervisor_pid)
    metrics_port.answer()
    pulse = Pulse(supervisor, supervisor_pid, blocked_seconds=BLOCKED_LEASES * settings.lease_seconds)
    try:
        types = _wanted_types(what.types)
        _run(_work(types, 1 if alone else what.concurrency, alone, pulse, stops))
    except ImproperlyConfigured as error:
        pulse.say(Refused(str(error)))
    except BaseException:
        log.exception("the worker ended by an error")
    _leave(1)


def _run(main: Coroutine[Any, Any, NoReturn]) -> NoReturn:
    """Run `main` to its end, whatever handlers do to its loop: asyncio lets the SystemExit of a task through, and stops when asked."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main)
    while True:
        try:
            loop.run_until_complete(task)
        except BaseException as error:
            if task.done():
                raise
            log.error("a handler stopped the event loop, which goes on: %r", error)


async def _work(types: Sequence[str], concurrency: int, alone: bool, pulse: Pulse, stops: "Stops") -> NoReturn:
    suspects = True if alone else None if concurrency == 1 else False
    worker = JobWorker(types=types, concurrency=concurrency, suspects=suspects, on_suspects=pulse.suspects_wait)
    pulse.watch(asyncio.get_running_loop(), stop=worker.stop)
    pulse.say(Started(worker.row.pk))
    stops.tell(worker.stop)
    await worker.run()
    pulse.say(Ended())
    _leave(0)  # what a handler has left behind, a task or a thread, would keep asyncio from ending


def release(supervisor: Connection, supervisor_pid: int, what: Work, dead: Dead) -> NoReturn:
    """Put back what a dead worker ran, so that others take it at once; what cannot be put back is found by the rescuers."""
    Stops()
    end_with(supervisor_pid)
    try:
        _release(dead)
        if checked(lambda: suspects_wait(_wanted_types(what.types))):
            supervisor.send(SuspectsWait())
    except Exception:
        log.exception("what worker %s ran could not be put back; it is found when its lease is over", dead.worker_id)
        _leave(1)
    _leave(0)


def _release(dead: Dead) -> None:
    """Put back all; rows that the dead process's last transaction still holds locked are waited for."""
    deadline = time.monotonic() + settings.lease_seconds
    running = Job.objects.filter(worker=dead.worker_id, state="running")
    while time.monotonic() < deadline:
        try:
            for job in checked(lambda: _release_once(dead)):
                told = {"job_id": job.pk, "attempt": job.attempt}
                log.warning("job %s was run by a dead worker: %s, attempt %s", job.pk, job.state, job.attempt, extra=told)
            if not checked(running.exists):
                checked(lambda: Worker.objects.filter(pk=dead.worker_id).update(stopped_at=from_ts(now_ts())))
                return
        except DatabaseError as error:
            log.warning("what worker %s ran could not be put back, trying again: %s", dead.worker_id, error)
        time.sleep(RELEASE_RETRY_SECONDS)


def _release_once(dead: Dead) -> list[Job]:
    return transitions.release(dead.worker_id, limit=BATCH, ended_on_purpose=dead.ended_on_purpose, blocked_by=dead.blocked_by)


def _wanted_types(wanted: Sequence[str]) -> list[str]:
    """Return the types to take. Raises ImproperlyConfigured, also for what goes wrong while the handlers are loaded."""
    try:
        known = registry.types()
    except ImproperlyConfigured:
        raise
    except Exception as error:
        log.exception("the handlers cannot be loaded")
        raise ImproperlyConfigured(f"The handlers cannot be loaded: {error!r}.") from error
    if unknown := sorted(set(wanted) - set(known)):
        raise ImproperlyConfigured(f"No handler for type {', '.join(unknown)}. There are handlers for: {', '.join(known)}.")
    return list(wanted or known)


class Stops:
    """The SIGTERMs that this process gets, from its first moment on. A Ctrl-C is for the supervisor, which passes it on as SIGTERM."""

    def __init__(self) -> None:
        self._count = 0
        signal.set_wakeup_fd(-1)  # the supervisor's
        signal.signal(signal.SIGTERM, self._note)
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def tell(self, stop: Callable[[], None]) -> None:
        """Call `stop`, in the running loop, for each that comes and that has come."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        for _ in range(self._count):
            stop()

    def _note(self, *_: object) -> None:
        self._count += 1


def _leave(code: int) -> NoReturn:
    """End the process here and now: its work is done."""
    tracing.flush()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
