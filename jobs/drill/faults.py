"""The faults of a drill. Each is made to a job of the drill's own, and tells how long its watchers took to be as before."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from jobs import transitions
from jobs.database import DatabaseThreads
from jobs.drill.case import Case
from jobs.drill.late_worker import LateWorker
from jobs.drill.tokens import ExpiringToken
from jobs.drill.watcher import NotRecovered
from jobs.lifecycle import State
from realtime import event_log
from realtime.redis_client import breaker

TRY_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the drill is: its deployment."""

    owner: Any
    database: DatabaseThreads


async def worker_killed(case: Case, place: Place) -> float:
    """Have the job kill the process that runs it, and whatever else runs in it."""
    await case.begin(is_to_die=True)
    return await case.until_next_attempt()


async def worker_too_late(case: Case, place: Place) -> float:
    """Give the job to another attempt while its worker, one of the drill's own, lives and writes on."""
    worker = LateWorker(case.job_id, place.owner, case.input)
    while not await asyncio.to_thread(worker.start):
        await case.leave()
        worker = LateWorker(case.job_id, place.owner, case.input)
    try:
        await case.watch()
        while not await place.database.run(lambda: transitions.lose_worker(case.job_id)):  # noqa: ASYNC110  a row has no event
            await asyncio.sleep(TRY_SECONDS)
        seconds = await case.until_next_attempt()
    finally:
        was_refused = await asyncio.to_thread(worker.end)
    if not was_refused:
        raise NotRecovered("what the late worker wrote was taken: there is no fence")
    return seconds


async def sockets_cut(case: Case, place: Place) -> float:
    """Cut the connections of all who watch."""
    await case.begin()
    for watcher in case.watchers:
        watcher.cut()
    return await case.until_news()


async def log_dropped(case: Case, place: Place) -> float:
    """Delete the job's event log and cut the connections, so that whoever comes back, or comes then, finds a hole."""
    await case.begin()
    await place.database.run(lambda: event_log.drop([case.job_id]))
    for watcher in list(case.watchers):
        watcher.cut()
        case.join(watcher.url)
    return await case.until_news()


async def token_expired(case: Case, place: Place) -> float:
    """Let a token expire that nobody renews, and cut the connection: it is tried once more, refused, and a fresh one is taken."""
    token = ExpiringToken(place.owner)
    await case.begin(token=token)
    while not token.has_expired:  # noqa: ASYNC110  a clock has no event
        await asyncio.sleep(TRY_SECONDS)
    for watcher in case.watchers:
        watcher.cut()
    return await case.until_news()


async def end_unheard(case: Case, place: Place) -> float:
    """Pause the job without a word to anybody, as a process does that dies between its commit and its nudge."""

    def pause() -> None:
        with breaker.held_open():
            transitions.command(case.job_id, "pause", actor=place.owner)

    await case.begin()
    began = time.monotonic()
    await place.database.run(pause)
    await case.until_all(lambda watcher: watcher.job.get("state") == State.PAUSED)
    seconds = time.monotonic() - began
    await case.resume()
    return seconds


Fault = Callable[[Case, Place], Awaitable[float]]

FIRST: dict[str, Fault] = {"a worker's process killed": worker_killed}
"""It takes with it whatever runs in that process: alone, then."""
TOGETHER: dict[str, Fault] = {
    "a worker too late for its lease": worker_too_late,
    "sockets cut": sockets_cut,
    "event log dropped": log_dropped,
    "a token expired": token_expired,
    "a nudge lost": end_unheard,
}
