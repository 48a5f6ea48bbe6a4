"""Telling the world after the commit: events to the log, nudges to workers. What gets lost here is found by those who look."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction

from jobs.events import Event, encode
from jobs.lifecycle import State
from jobs.models import Job
from realtime import event_log, publisher
from realtime.errors import RedisUnavailable
from realtime.position import CLOSED, Position
from realtime.publisher import Append, Entry, Nudge
from realtime.topics import WORKERS_GROUP, job_group, worker_group

log = logging.getLogger(__name__)


def now_ts() -> int:
    """Return the time of an event: Unix milliseconds."""
    return time.time_ns() // 1_000_000


def state_event(job_id: str, position: Position, ts: int, state: State, reason: str | None = None, **data: Any) -> Event:
    """Return the event that says that the job is in `state` now."""
    return {
        "type": "state",
        "jobId": job_id,
        "attempt": position.attempt,
        "seq": position.seq,
        "ts": ts,
        "data": {"state": state.value, "reason": reason, **data},
    }


def encoded_entry(event: Event) -> Entry:
    """Return an event as an entry of the log."""
    return Entry(Position(event["attempt"], event["seq"]), encode(event))


def announce(appends: Sequence[Append], *, lists: Iterable[Job] = (), work: bool = False) -> None:
    """Publish after the commit; with it, tell those who watch lists that these jobs changed, and the workers whether a job waits."""
    changed = [(job.owner_id, job.pk) for job in lists]

    def tell() -> None:
        nudges = [*publisher.list_nudges(changed), *([_WORK_WAITS] if work else [])]
        _publish(appends, _is_present, nudges)

    transaction.on_commit(tell, robust=True)


def announce_report(append: Append) -> None:
    """Publish what a remote worker reported, after the commit. A report that a later one has overtaken changes nothing in the log."""
    transaction.on_commit(lambda: _publish([append], _is_last), robust=True)


def announce_lists(jobs: Iterable[Job]) -> None:
    """Tell those who watch lists, after the commit, that these jobs are not what they were."""
    changed = [(job.owner_id, job.pk) for job in jobs]
    transaction.on_commit(lambda: publisher.nudge_lists(changed), robust=True)


_WORK_WAITS = WORKERS_GROUP, {"type": "work.waiting"}


def announce_work() -> None:
    """Tell the workers after the commit that a job waits."""
    transaction.on_commit(lambda: publisher.nudge(*_WORK_WAITS), robust=True)


def announce_stop(worker_id: str, job_id: str, attempt: int, reason: str) -> None:
    """Tell the worker that ran the job, after the commit, that it does not run it any more."""
    message = {"type": "job.stopped", "jobId": job_id, "attempt": attempt, "reason": reason}
    transaction.on_commit(lambda: publisher.nudge(worker_group(worker_id), message), robust=True)


def announce_edit(job_id: str) -> None:
    """Tell those who watch the job, after the commit, that fields changed which no event carries."""
    transaction.on_commit(lambda: publisher.nudge(job_group(job_id), {"type": "job.changed", "jobId": job_id}), robust=True)


def announce_deletion(job_id: str) -> None:
    """Drop the job's log after the commit, and tell those who watch the job that it is gone."""
    transaction.on_commit(lambda: forget([job_id]), robust=True)
    transaction.on_commit(lambda: publisher.nudge(job_group(job_id), {"type": "job.deleted", "jobId": job_id}), robust=True)


def forget(job_ids: Sequence[str]) -> None:
    """Drop the logs of jobs; while Redis does not answer they end by themselves."""
    try:
        event_log.drop(job_ids)
    except RedisUnavailable:
        log.info("the logs of %s are not dropped, Redis does not answer; they end by themselves", list(job_ids))


def _publish(appends: Sequence[Append], still_true: Callable[[Append], bool], nudges: Sequence[Nudge] = ()) -> None:
    try:
        publisher.publish(appends, still_true=still_true, nudges=nudges)
    except RedisUnavailable:
        log.info("not in the log: %s, Redis does not answer; readers find it in the rows", [item.job_id for item in appends])


def _is_present(item: Append) -> bool:
    """Tell whether the row is still where these events brought it."""
    last = item.entries[-1].position
    rows = Job.objects.filter(pk=item.job_id, attempt=last.attempt)
    return (rows.filter(seq=last.seq) if last.seq in (0, CLOSED) else rows.filter(state=State.RUNNING)).exists()


def _is_last(item: Append) -> bool:
    """Tell whether the row of a running job is still exactly where these events brought it."""
    last = item.entries[-1].position
    return Job.objects.filter(pk=item.job_id, attempt=last.attempt, seq=last.seq, state=State.RUNNING).exists()
