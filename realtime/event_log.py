"""The event log: the last events of a job, a Redis stream whose entry IDs are positions. Short memory, never the truth."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import NoScriptError

from realtime.conf import settings
from realtime.layers import group_channel, wire_format
from realtime.position import CLOSED, Entry, Position, is_event
from realtime.redis_client import breaker, client
from realtime.topics import job_group, job_topic

Nudge = tuple[str, dict[str, Any]]
"""A group, and a message for it."""


@dataclass(frozen=True)
class Append:
    """Consecutive events of one job, to be appended in one call."""

    job_id: str
    entries: Sequence[Entry]

    def nudge(self) -> dict[str, str]:
        """Return the message for the job's group: the news itself."""
        return {
            "type": "job.events",
            "topic": job_topic(self.job_id),
            "first": str(self.entries[0].position),
            "position": str(self.entries[-1].position),
            "events": f"[{','.join(entry.json for entry in self.entries)}]",
        }


def stream_key(job_id: str) -> str:
    """Return the key of a job's log; the braces put all keys of one job on one node of a cluster."""
    return f"job:event:{{{job_id}}}"


SCRIPT = (Path(__file__).parent / "append.lua").read_text()
SCRIPT_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""As Redis names it."""


def append(appends: Sequence[Append], *, nudges: Sequence[Nudge] = ()) -> list[bool]:
    """Append to the logs of several jobs in one round trip, and nudge their groups; `nudges` go with it.

    Returns for each whether it is in the log; False is a refusal: the log holds another event at one of the positions, or a later one.
    A repeat of what is there is no refusal. Raises RedisUnavailable; then some may have been appended.
    """
    with breaker.guard():
        replies = _run(appends, nudges)
        unknown = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:  # a Redis that was started anew, or another one
            client().script_load(SCRIPT)
            for index, reply in zip(unknown, _run([appends[index] for index in unknown]), strict=True):
                replies[index] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
    return [reply == b"ok" for reply in replies[: len(appends)]]


def _run(appends: Sequence[Append], nudges: Sequence[Nudge] = ()) -> list[Any]:
    pipeline: Any = client().pipeline(transaction=False)
    for item in appends:
        # Not as `register_script`, which asks before each pipeline whether the script is known, and cannot do it in a Cluster.
        pipeline.execute_command(*command(item))
    for group, message in nudges:
        pipeline.execute_command("PUBLISH", group_channel(group), wire_format(message))  # `publish` is not for pipelines of a Cluster
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    return replies


def command(item: Append) -> list[Any]:
    """Return the words of the command that appends and nudges."""
    closes = item.entries[-1].position.seq == CLOSED
    life = settings.closed_log_seconds if closes else settings.event_log_seconds
    words: list[Any] = ["EVALSHA", SCRIPT_SHA, 1, stream_key(item.job_id)]
    words += [settings.event_log_length, life, group_channel(job_group(item.job_id)), wire_format(item.nudge())]
    for entry in item.entries:
        words += [str(entry.position), entry.json]
    return words


def read_after(requests: Iterable[tuple[str, Position]]) -> list[list[Entry]]:
    """Return, for each (job id, position), the log's entries after that position, in one round trip. Raises RedisUnavailable."""
    with breaker.guard():
        pipeline = client().pipeline(transaction=False)
        for job_id, position in requests:
            pipeline.xrange(stream_key(job_id), min=f"({position}")
        return [_entries(reply) for reply in _logs(pipeline.execute(raise_on_error=False))]


def last_positions(job_ids: Sequence[str]) -> list[Position | None]:
    """Return the position of each log's last entry, None where there is no log, in one round trip. Raises RedisUnavailable."""
    with breaker.guard():
        pipeline = client().pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.xrevrange(stream_key(job_id), count=1)
        return [_position(reply[0][0]) if reply else None for reply in _logs(pipeline.execute(raise_on_error=False))]


def drop(job_ids: Sequence[str]) -> None:
    """Delete logs that are from another life. Raises RedisUnavailable."""
    with breaker.guard():
        client().delete(*[stream_key(job_id) for job_id in job_ids])


def _logs(replies: list[Any]) -> list[Any]:
    """Return the replies; where a key holds no stream there is no log. Raises what else went wrong."""
    for reply in replies:
        if isinstance(reply, redis.RedisError) and "WRONGTYPE" not in str(reply):
            raise reply
    return [[] if isinstance(reply, redis.RedisError) else reply for reply in replies]


def _position(entry_id: bytes) -> Position:
    attempt, _, seq = entry_id.partition(b"-")
    return Position(int(attempt), int(seq))


def _entries(reply: list[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
    """Return the entries that are events; whatever else somebody put into the stream ends them."""
    entries = []
    for entry_id, fields in reply:
        position = _position(entry_id)
        try:
            text = fields[b"e"].decode()
            event = json.loads(text)
        except (KeyError, ValueError, RecursionError):
            break
        if not is_event(event) or Position(event["attempt"], event["seq"]) != position:
            break
        entries.append(Entry(position, text))
    return entries
