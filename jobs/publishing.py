"""The thread that publishes what the runs of a process write: all that is due in one round trip, each job in order."""

import heapq
import logging
import threading
import time
from collections.abc import Callable

from django.db import connections

from jobs.conf import settings
from jobs.database import checked
from jobs.lifecycle import State
from jobs.metrics import metrics
from jobs.models import Job
from jobs.recorder import Recorder
from jobs.transitions.claim import lease_end
from realtime import publisher
from realtime.errors import RedisUnavailable
from realtime.publisher import Append, Entry

log = logging.getLogger(__name__)


class Publishing:
    """Publishes for recorders: a quiet job's first event at once, then one window of `coalesce_seconds` after another."""

    def __init__(self, *, ask_for_flush: Callable[[], None]) -> None:
        self._ask_for_flush = ask_for_flush
        self._condition = threading.Condition()
        self._due: list[tuple[float, int, Recorder]] = []
        self._scheduled: set[Recorder] = set()
        self._in_flight: set[Recorder] = set()
        self._ended = False
        self._thread = threading.Thread(target=self._loop, name="publishing", daemon=True)
        self._thread.start()

    def schedule(self, recorder: Recorder) -> None:
        """Have the recorder's news published when its window is over."""
        if recorder in self._scheduled:
            return
        with self._condition:
            if recorder not in self._scheduled:
                self._scheduled.add(recorder)
                heapq.heappush(self._due, (recorder.sealed_at + settings.coalesce_seconds, id(recorder), recorder))
                self._condition.notify()

    def finish(self, recorder: Recorder) -> list[Entry]:
        """Publish nothing more of the recorder, wait for the call in flight, and return what is left to be published."""
        with self._condition:
            self._unschedule(recorder)
            self._condition.wait_for(lambda: recorder not in self._in_flight)
            return _left(recorder)

    def finish_at_once(self, recorder: Recorder) -> list[Entry] | None:
        """Do the same without waiting; None when a call is in flight: then it is to be finished where waiting disturbs nobody."""
        with self._condition:
            if recorder in self._in_flight:
                return None
            self._unschedule(recorder)
            return _left(recorder)

    def _unschedule(self, recorder: Recorder) -> None:
        if recorder in self._scheduled:
            self._due = [item for item in self._due if item[2] is not recorder]
            heapq.heapify(self._due)
        self._scheduled.add(recorder)  # so that nothing schedules it again

    def forget(self, recorder: Recorder) -> None:
        """Drop what is kept of a recorder that has ended."""
        with self._condition:
            self._scheduled.discard(recorder)

    def end(self) -> None:
        """End the thread."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        self._thread.join()

    def _loop(self) -> None:
        while True:
            with self._condition:
                if not self._wait_until_due():
                    break
                recorders = self._pop_due()
                self._in_flight.update(recorders)
            try:
                self._publish([(recorder, append) for recorder in recorders if (append := recorder.take())])
            except Exception:
                log.exception("publishing failed; the rows have what the log lacks")
            with self._condition:
                self._in_flight.difference_update(recorders)
                self._condition.notify_all()
            for recorder in recorders:
                if recorder.wants_flush:
                    self._ask_for_flush()
        connections.close_all()

    def _wait_until_due(self) -> bool:
        while not self._ended:
            wait = self._due[0][0] - time.monotonic() if self._due else None
            if wait is not None and wait <= 0:
                return True
            self._condition.wait(wait)
        return False

    def _pop_due(self) -> list[Recorder]:
        now, recorders = time.monotonic(), []
        while self._due and self._due[0][0] <= now:
            recorder = heapq.heappop(self._due)[2]
            self._scheduled.discard(recorder)
            recorders.append(recorder)
        return recorders

    def _publish(self, news: list[tuple[Recorder, Append]]) -> None:
        if not news:
            return
        try:
            with metrics().publish_seconds.time():
                accepted = publisher.publish([append for _, append in news], still_true=_still_held)
        except BaseException as error:
            metrics().publish_failures.inc()
            for recorder, append in news:
                recorder.lost(append)
            if not isinstance(error, RedisUnavailable):
                raise
            return
        for (recorder, _), taken in zip(news, accepted, strict=True):
            if not taken:
                recorder.fenced()


def _left(recorder: Recorder) -> list[Entry]:
    append = recorder.take()
    return list(append.entries) if append else []


def _still_held(append: Append) -> bool:
    """Ask the row, by the guarded write that every worker write is, whether this attempt still holds the job."""
    rows = Job.objects.filter(pk=append.job_id, attempt=append.entries[-1].position.attempt, state=State.RUNNING)
    return checked(lambda: rows.update(lease_expires_at=lease_end())) == 1
