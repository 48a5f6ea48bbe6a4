"""The parent of worker processes: starts them, replaces those that die, and has what a dead one ran put back at once.

It is one thread without a database connection, so that it may fork at any time, and so that nothing can hold it up.
"""

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any

from django.core.management.base import CommandError
from django.db import Error as DatabaseError
from django.db import connections

from jobs import metrics_port
from jobs.child_processes import Restarts
from jobs.conf import settings
from jobs.models import Job
from jobs.pulse import PULSE_SECONDS, Blocked, Ended, Message, Refused, Started, SuspectsWait
from jobs.worker_process import BLOCKED_LEASES, STOPS, Dead, Work, release, work

log = logging.getLogger(__name__)

MARGIN_SECONDS = 5
"""After the grace, or a second signal, workers have so long to put their jobs back."""
RETRY_SECONDS = 1
RELEASE_FIRST_SECONDS = 0.5
_fork = multiprocessing.get_context("fork")


class Child:
    """A process that runs `target`, and what it has told us."""

    def __init__(self, target: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        self.messages, says = _fork.Pipe(duplex=False)
        self.process = _fork.Process(target=target, args=(says, os.getpid(), *arguments), kwargs=options)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # until it has its own handlers
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
            says.close()
        self.started_at = time.monotonic()
        self.worker_id: str | None = None
        self.silent_seconds = 0.0
        self.stops = 0
        """How many signals were passed on to it."""
        self.ended_on_purpose = False
        self.blocked_by: str | None = None

    def hear(self) -> list[Message]:
        """Return what it has said since."""
        heard: list[Message] = []
        try:
            while self.messages.poll():
                heard.append(self.messages.recv())
        except (EOFError, OSError):  # it is dead, or about to be
            return heard
        return heard

    @property
    def has_ended(self) -> bool:
        """Whether the process is dead."""
        return self.process.exitcode is not None

    def close(self) -> None:
        """Let go of what is left of it."""
        self.messages.close()
        self.process.close()


class Supervisor:
    """Keeps `processes` workers running until SIGTERM or Ctrl-C; a second one has them put their jobs back at once."""

    def __init__(self, what: Work, *, processes: int) -> None:
        self._what = what
        self._workers: list[Child | None] = [None] * processes
        self._restarts = [Restarts() for _ in range(processes)]
        self._start_at = [0.0] * processes
        self._alone: list[Child] = []
        self._releases: list[Child] = []
        self._stops = 0
        self._kill_at = float("inf")
        self._has_worked = False

    def run(self) -> None:
        """Work until stopped. Raises CommandError when no worker can start."""
        _warm_up()
        self._wake, alarm = socket.socketpair()
        for end in (self._wake, alarm):
            end.setblocking(False)
        signal.set_wakeup_fd(alarm.fileno())
        for number in STOPS:
            signal.signal(number, self._stop)
        looked_at = time.monotonic()
        while not self._stops or self._children():
            if not self._stops:
                self._start_due()
            self._wait()
            now = time.monotonic()
            # Whoever was frozen together with its children has not heard them for that reason alone.
            self._tend(passed_seconds=min(now - looked_at, 2 * PULSE_SECONDS))
            looked_at = now

    def _stop(self, *_: object) -> None:
        """Note the signal: the first lets the runs end within the grace, the second puts them back at once."""
        self._stops += 1
        grace_seconds = settings.shutdown_grace_seconds if self._stops == 1 else 0
        self._kill_at = time.monotonic() + grace_seconds + MARGIN_SECONDS

    def _children(self) -> list[Child]:
        return [*(child for child in self._workers if child is not None), *self._alone, *self._releases]

    def _start_due(self) -> None:
        now = time.monotonic()
        if any(self._workers) and any(now - child.started_at < RELEASE_FIRST_SECONDS for child in self._releases):
            return  # those who live are to have the jobs of the dead first; to start costs more than to put back
        for index, child in enumerate(self._workers):
            if child is None and now >= self._start_at[index]:
                self._workers[index] = self._make(work)
                self._start_at[index] = now + RETRY_SECONDS

    def _make(self, target: Callable[..., Any], *arguments: Any, **options: Any) -> Child | None:
        try:
            return Child(target, self._what, *arguments, **options)
        except OSError as error:  # too many processes, or too little memory: others may end
            log.error("no process could be made, trying again: %s", error)
            return None

    def _wait(self) -> None:
        """Wait until a child says something or dies, or a signal comes; a short while at most."""
        children = self._children()
        ready = wait([self._wake, *(child.process.sentinel for child in children), *(child.messages for child in children)], PULSE_SECONDS)
        if self._wake in ready:
            self._wake.recv(1024)

    def _tend(self, *, passed_seconds: float) -> None:
        for child in self._children():
            child.silent_seconds += passed_seconds
            has_ended = child.has_ended  # asked first, so that its last words are heard
            for message in child.hear():
                child.silent_seconds = 0
                self._take(child, message)
            if has_ended:
                self._bury(child)
            elif child.stops < self._stops and child not in self._releases:
                child.stops += 1
                child.process.terminate()
            elif child.silent_seconds > BLOCKED_LEASES * settings.lease_seconds:
                self._kill(child, "says nothing any more")
            elif time.monotonic() > max(self._kill_at, child.started_at + MARGIN_SECONDS):
                child.ended_on_purpose = True
                self._kill(child, "does not end")

    def _take(self, child: Child, message: Message) -> None:
        match message:
            case Started(worker_id):
                child.worker_id, self._has_worked = worker_id, True
            case Ended():
                child.worker_id = None
            case SuspectsWait() if len(self._alone) < self._what.concurrency and not self._stops:
                self._alone += filter(None, [self._make(work, alone=True)])
            case Blocked(job_id) if not child.has_ended:
                child.ended_on_purpose, child.blocked_by = job_id is not None, job_id
                self._kill(child, f"is blocked by job {job_id}" if job_id else "is blocked")
            case Refused(why) if not self._has_worked:
                raise CommandError(why)
            case Refused(why):
                log.error("a worker cannot start: %s", why)

    def _kill(self, child: Child, why: str) -> None:
        log.error("worker process %s %s: it is killed", child.process.pid, why)
        child.process.kill()
        child.process.join()

    def _bury(self, child: Child) -> None:
        """Have what a dead worker ran put back, and plan for its successor."""
        code = child.process.exitcode
        if child in self._releases:
            self._releases.remove(child)
        elif child.worker_id:
            dead = Dead(worker_id=child.worker_id, ended_on_purpose=child.ended_on_purpose, blocked_by=child.blocked_by)
            self._releases += filter(None, [self._make(release, dead)])
        if child in self._workers:
            self._plan_successor(self._workers.index(child), child)
        elif child in self._alone:
            self._alone.remove(child)
        if code or child.worker_id:
            log.error("worker process %s ended with %s", child.process.pid, code)
        metrics_port.forget(child.process.pid)
        child.close()

    def _plan_successor(self, index: int, child: Child) -> None:
        now = time.monotonic()
        self._workers[index] = None
        self._start_at[index] = now + self._restarts[index].delay_seconds(ran_seconds=now - child.started_at)


def _warm_up() -> None:
    """Ask the database once, so that a release finds all code loaded, and close what is open.

    Children would share an open connection, and have a pool without the threads that tend it.
    """
    try:
        Job.objects.filter(pk="").exists()
    except DatabaseError as error:
        log.warning("the database does not answer, workers try again: %s", error)
    for connection in connections.all(initialized_only=True):
        connection.close()
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()
