"""Handlers that benchmarks run: each chunk says when it was written."""

import asyncio
import time
from typing import Any

from jobs.handlers import job_handler
from jobs.run import JobRun

LIMIT = 5
"""How many jobs of type `bench.limited` may run at once."""


@job_handler("bench.clock")
async def clock(run: JobRun) -> dict[str, Any]:
    """Write the time, `chunks` times, one each `seconds`; begin at the Unix time `startAt`, so that all begin together."""
    await asyncio.sleep(max(0.0, run.input["startAt"] - time.time()))
    chunks, pause = run.input["chunks"], run.input["seconds"]
    due = time.monotonic()
    for _ in range(chunks):
        await run.write(f"{time.time_ns()}{'.' * run.input.get('pad', 0)} ")
        due += pause
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    return {"chunks": chunks}


@job_handler("bench.fast")
async def fast(run: JobRun) -> None:
    """Write `chunks` short chunks, 1,000 a second."""
    begun = time.monotonic()
    for index in range(run.input["chunks"]):
        await run.write(f"{index} ")
        ahead = index / 1000 - (time.monotonic() - begun)
        if ahead > 0:
            await asyncio.sleep(ahead)


@job_handler("bench.empty")
async def empty(run: JobRun) -> None:
    """Do nothing."""


@job_handler("bench.nap")
async def nap(run: JobRun) -> None:
    """Take `seconds`."""
    await asyncio.sleep(run.input["seconds"])


@job_handler("bench.limited", concurrency=LIMIT)
async def limited(run: JobRun) -> None:
    """Do nothing; so many at once and no more."""
