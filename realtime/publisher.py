"""The single way in: append events to the log and nudge those who watch. Called from threads, never from an event loop."""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from realtime import event_log
from realtime.errors import RedisUnavailable
from realtime.event_log import Append, Nudge
from realtime.layers import group_channel, wire_format
from realtime.metrics import metrics
from realtime.position import Entry
from realtime.redis_client import breaker, client
from realtime.topics import ALL_JOBS_GROUP, user_group

log = logging.getLogger(__name__)

__all__ = ["Append", "Entry", "Nudge", "list_nudges", "nudge", "nudge_lists", "publish"]


def publish(appends: Sequence[Append], *, still_true: Callable[[Append], bool], nudges: Sequence[Nudge] = ()) -> list[bool]:
    """Append and nudge, all in one round trip; `nudges` are for others than the jobs' viewers.

    A refused append is a question: `still_true` asks the row whether the events are its own. When they are, the log is from
    another life: it is dropped and written anew. When not, somebody else writes this job now and the events are not
    published. Returns for each whether it is in the log. Raises RedisUnavailable.
    """
    accepted = event_log.append(appends, nudges=nudges)
    for index, item in enumerate(appends):
        if accepted[index]:
            continue
        is_ours = still_true(item)
        metrics().log_refusals["rewritten" if is_ours else "fenced"].inc()
        if is_ours:
            log.warning("the log of job %s is from another life: written anew at %s", item.job_id, item.entries[0].position)
            event_log.drop([item.job_id])
            accepted[index] = event_log.append([item])[0]
    return accepted


def nudge(group: str, message: dict[str, Any]) -> None:
    """Tell a group something that it would find out by itself later; a Redis that is away only makes it later."""
    try:
        with breaker.guard():
            client().publish(group_channel(group), wire_format(message))
    except RedisUnavailable:
        log.debug("not nudged: group %s, Redis does not answer", group)


def list_nudges(changed: Iterable[tuple[object, str]]) -> list[Nudge]:
    """Return what tells those who watch lists that these jobs, each an owner's id and a job's id, are not what they were."""
    by_group: dict[str, list[str]] = {}
    for owner_id, job_id in changed:
        by_group.setdefault(user_group(owner_id), []).append(job_id)
        by_group.setdefault(ALL_JOBS_GROUP, []).append(job_id)
    return [(group, {"type": "jobs.changed", "group": group, "jobs": job_ids}) for group, job_ids in by_group.items()]


def nudge_lists(changed: Iterable[tuple[object, str]]) -> None:
    """Tell those who watch lists about these jobs; as `nudge`."""
    if nudges := list_nudges(changed):
        try:
            event_log.append([], nudges=nudges)
        except RedisUnavailable:
            log.debug("lists not nudged, Redis does not answer")
