"""Handlers that do what no handler should, and some that look as if: each has to end with the right state and a readable reason."""

import asyncio
import os
import sys
import threading
import time
from typing import Any

from jobs.handlers import job_handler
from jobs.run import BlockingJobRun, JobRun

enough = threading.Event()
"""Ends what does not let itself be ended, when its test is over."""


@job_handler("bad.computes", max_attempts=1)
async def computes(run: JobRun) -> str:
    """Compute for `seconds` without giving way."""
    await run.write("computing ")
    until = time.monotonic() + run.input["seconds"]
    while time.monotonic() < until:
        pass
    await run.write("done")
    return "computed"


@job_handler("bad.blocks", max_attempts=2)
async def blocks(run: JobRun) -> None:
    """Block the event loop, from a task of its own, at the first attempt."""

    async def block() -> None:
        while run.attempt == 1:
            time.sleep(0.1)

    await run.write("blocking ")
    await asyncio.sleep(0.1)
    await asyncio.gather(block())


@job_handler("bad.quits", max_attempts=1)
async def quits(run: JobRun) -> None:
    """Raise what ends a process: SystemExit or KeyboardInterrupt, itself or in a task."""

    async def quit() -> None:
        if run.input["error"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        sys.exit(3)

    await (asyncio.gather(quit()) if run.input["in_task"] else quit())


@job_handler("bad.quits_blocking", max_attempts=1)
def quits_blocking(run: BlockingJobRun) -> None:
    """Raise SystemExit in a thread."""
    sys.exit(3)


@job_handler("bad.exits")
async def exits(run: JobRun) -> None:
    """End the process with this code, in every attempt up to `attempts`."""
    await run.write(f"[{run.attempt}]")
    if run.attempt <= run.input["attempts"]:
        os._exit(run.input["code"])


@job_handler("bad.returns", max_attempts=1)
def returns(run: BlockingJobRun) -> Any:
    """Return what JSON cannot hold."""
    values: dict[str, Any] = {"set": {1}, "nan": float("nan"), "object": object(), "coroutine": asyncio.sleep, "nul": "a\0b", "deep": []}
    for _ in range(2000):
        values["deep"] = [values["deep"]]
    return values[run.input["value"]]


@job_handler("bad.cancels_itself", max_attempts=1)
async def cancels_itself(run: JobRun) -> None:
    """Raise what looks as if somebody had cancelled it."""
    raise asyncio.CancelledError


@job_handler("bad.goes_on", max_attempts=1, timeout_seconds=60)
async def goes_on(run: JobRun) -> str:
    """Swallow JobStopped and CancelledError, and go on."""
    while not enough.is_set():
        try:
            await run.write("x")
            await asyncio.sleep(0.01)
        except BaseException:
            continue
    return "went on"


@job_handler("bad.goes_on_blocking", max_attempts=1, timeout_seconds=60)
def goes_on_blocking(run: BlockingJobRun) -> str:
    """Swallow JobStopped in a thread, and go on."""
    while not enough.wait(0.01):
        try:
            run.write("x")
        except BaseException:
            continue
    return "went on"


@job_handler("bad.stalls", max_attempts=1, stall_seconds=0.3)
async def stalls(run: JobRun) -> None:
    """Report for a while, then hang."""
    for _ in range(run.input["reports"]):
        await run.progress()
        await asyncio.sleep(0.1)
    await asyncio.Event().wait()


@job_handler("bad.stalls_blocking", max_attempts=1, stall_seconds=0.3)
def stalls_blocking(run: BlockingJobRun) -> None:
    """Hang in a thread."""
    enough.wait(60)


@job_handler("bad.forgets_to_await", max_attempts=1)
async def forgets_to_await(run: JobRun) -> str:
    """Never await."""
    return "never awaited"


@job_handler("bad.writes_what_is_no_text")
async def writes_what_is_no_text(run: JobRun) -> None:
    """Write NUL, and half of an emoji that never gets its other half."""
    await run.write("a\0b \ud83d")


@job_handler("bad.writes_much")
async def writes_much(run: JobRun) -> None:
    """Write a little, then so many bytes at once."""
    await run.write("before ")
    await run.write("x" * run.input["bytes"])
