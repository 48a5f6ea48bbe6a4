"""The thread that writes the runs of a process to their rows, every second: the heartbeat. It waits behind nothing."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, connection
from django.db.models.functions import Now

from jobs.conf import settings
from jobs.metrics import metrics
from jobs.models import Worker, from_ts
from jobs.outcomes import LEASE_LOST
from jobs.recorder import Recorder
from jobs.transitions import Flush, FlushResult, flush
from jobs.transitions.announce import now_ts

log = logging.getLogger(__name__)


class Flusher:
    """Flushes all runs every `flush_seconds`, or when asked; a run whose lease could not be renewed for 2/3 of it is stopped."""

    def __init__(self, worker: Worker, recorders: Callable[[], Iterable[Recorder]]) -> None:
        self._worker = worker
        self._recorders = recorders
        self._asked = threading.Event()
        self._flushed = threading.Condition()
        self._ended = False
        self._heartbeat_at = 0.0
        self._thread = threading.Thread(target=self._loop, name="flusher", daemon=True)
        self._has_ended = threading.Event()
        self._watch = threading.Thread(target=self._watch_leases, name="leases", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()
        self._watch.start()

    def ask(self) -> None:
        """Have the next flush done at once."""
        self._asked.set()

    def wait(self, recorder: Recorder) -> None:
        """Block until a flush has been done, or for a second: a recorder that must wait asks again."""
        self.ask()
        with self._flushed:
            self._flushed.wait_for(lambda: not recorder.must_wait, timeout=1)

    def end(self) -> None:
        """End the thread."""
        self._ended = True
        self._asked.set()
        self._thread.join()
        self._has_ended.set()
        self._watch.join()

    def _loop(self) -> None:
        while not self._ended:
            self._asked.wait(settings.flush_seconds)
            self._asked.clear()
            begun_at = time.monotonic()
            try:
                self.flush_once()
                self._heartbeat(begun_at)
            except Exception as error:
                # The connection is kept for this thread alone, so that it never has to wait for one; a lost one is replaced here.
                connection.close()
                metrics().flush_failures.inc()
                log.warning("the runs could not be flushed, trying again: %s", error, exc_info=not isinstance(error, DatabaseError))
            with self._flushed:
                self._flushed.notify_all()
        connection.close()

    def flush_once(self) -> None:
        """Write every run to its row and renew its lease. Raises the database's errors."""
        begun_at = time.monotonic()
        runs = {recorder.job_id: (recorder, recorder.flush()) for recorder in self._recorders()}
        if not runs:
            return
        with metrics().flush_seconds.time():
            result = _flush([item for _, item in runs.values()])
        for job_id, (recorder, item) in runs.items():
            if job_id in result.held:
                recorder.flushed(item.seq, begun_at)
            elif job_id in result.fenced:
                recorder.fenced()

    def _heartbeat(self, now: float) -> None:
        if now - self._heartbeat_at >= settings.flush_seconds:
            if not Worker.objects.filter(pk=self._worker.pk).update(heartbeat_at=Now()):
                self._worker.heartbeat_at = from_ts(now_ts())
                self._worker.save(force_insert=True)  # it was pruned while this machine slept
            self._heartbeat_at = now

    def _watch_leases(self) -> None:
        """A flush that the database does not answer may hang for longer than a lease: its thread cannot look at the clock."""
        while not self._has_ended.wait(settings.flush_seconds):
            self._stop_expired()

    def _stop_expired(self) -> None:
        """Stop runs whose lease may end soon without a renewal: somebody else may begin them then."""
        limit = time.monotonic() - settings.lease_seconds * 2 / 3
        for recorder in list(self._recorders()):
            if recorder.renewed_at < limit and recorder.ended is None:
                told = {"job_id": recorder.job_id, "attempt": recorder.attempt}
                log.warning("the lease of job %s could not be renewed: its run is stopped", recorder.job_id, extra=told)
                recorder.stop(LEASE_LOST)


def _flush(flushes: Sequence[Flush]) -> FlushResult:
    """Flush all in one transaction; when one of them cannot be written, the others are written without it."""
    try:
        return flush(flushes)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(flushes) == 1:
            log.exception("job %s cannot be flushed", flushes[0].job_id, extra={"job_id": flushes[0].job_id, "attempt": flushes[0].attempt})
            return FlushResult(frozenset(), frozenset())
    results = [_flush([item]) for item in flushes]
    return FlushResult(frozenset().union(*(result.held for result in results)), frozenset().union(*(result.fenced for result in results)))
